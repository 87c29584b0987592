"""What the accounts hold of an item, whatever has become of it."""

from hypothesis import given
from hypothesis import strategies as st

from billing.planning import Standing, Terms

terms = st.integers(1, 10**9).flatmap(lambda price: st.builds(Terms, st.just(price), st.integers(0, price)))


@given(terms=terms, back=st.integers(0, 3 * 10**9))
def test_the_accounts_of_an_item_add_up_and_its_vendor_never_owes_more_than_its_price(terms, back):
    standing = Standing.of(terms, back)

    assert sum(standing) == 0
    assert 0 <= standing.vendor <= terms.price - terms.fee
    assert standing.clearing == back - terms.price


@given(terms=terms, backs=st.lists(st.integers(0, 10**9), min_size=2, max_size=2))
def test_the_more_goes_back_the_less_the_vendor_and_the_platform_keep(terms, backs):
    less, more = (Standing.of(terms, back) for back in sorted(backs))

    assert more.vendor <= less.vendor
    assert more.fees <= less.fees


@given(terms=terms)
def test_when_all_is_back_nobody_keeps_anything(terms):
    assert Standing.of(terms, terms.price) == (0, 0, 0)
    assert Standing.of(terms, 0) == (-terms.price, terms.fee, terms.price - terms.fee)
