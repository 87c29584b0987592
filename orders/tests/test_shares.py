from decimal import ROUND_HALF_EVEN, Decimal

from hypothesis import given
from hypothesis import strategies as st

from orders.shares import part_of, shared_out

capacities = st.lists(st.integers(0, 10**9), max_size=8)


@given(amount=st.integers(0, 10**10), capacities=capacities)
def test_shares_are_exact_and_never_more_than_there_is(amount, capacities):
    shares = shared_out(amount, capacities)

    assert sum(shares) == min(amount, sum(capacities))
    assert all(0 <= share <= capacity for share, capacity in zip(shares, capacities, strict=True))


def test_remainders_go_to_the_largest_and_of_equals_to_the_first():
    assert shared_out(100, [100, 100, 100]) == [34, 33, 33]
    assert shared_out(10, [1_999, 1]) == [10, 0]
    assert shared_out(5, [300, 700]) == [2, 3]  # 1.5 and 3.5: the first of equals
    assert shared_out(1, [1, 999]) == [0, 1]
    assert shared_out(0, [5, 5]) == [0, 0]
    assert shared_out(3, []) == []


@given(amount=st.integers(0, 10**10), numerator=st.integers(0, 10_000), denominator=st.integers(1, 10_000))
def test_a_part_is_rounded_half_to_even(amount, numerator, denominator):
    exact = Decimal(amount * numerator) / denominator  # 28 digits are enough for these

    assert part_of(amount, numerator, denominator) == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def test_the_middle_of_two_cents_becomes_the_even_one():
    assert [part_of(cents, 1, 2) for cents in (1, 3, 5, 7)] == [0, 2, 2, 4]
