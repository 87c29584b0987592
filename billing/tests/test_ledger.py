from functools import partial

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from billing.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.services.ledger import Line, Unbalanced, book
from orders.tests.factories import VendorFactory
from trustengine.accounts.tests.factories import MembershipFactory
from trustengine.row_security import Reason, every_row, seen_by
from trustengine.testing import at_once

Kind = LedgerAccount.Kind


def paid(key, vendor, cents=1_000, fee=150):
    return book(
        LedgerTransaction.Kind.ORDER_PAID,
        key,
        [
            Line(Kind.PROCESSOR_CLEARING, -cents),
            Line(Kind.VENDOR_PENDING, cents - fee, vendor.pk),
            Line(Kind.PLATFORM_FEES, fee),
        ],
        currency="EUR",
    )


def balance(kind, vendor=None):
    with every_row(Reason.TEST):
        return LedgerAccount.objects.filter(kind=kind, profile=vendor).values_list("balance_cents", flat=True).first()


@pytest.mark.django_db
def test_a_booking_moves_the_balances_of_its_accounts():
    vendor = VendorFactory()

    assert paid("paid:1", vendor)

    assert (balance(Kind.VENDOR_PENDING, vendor), balance(Kind.PLATFORM_FEES)) == (850, 150)
    assert balance(Kind.PROCESSOR_CLEARING) == -1_000


@pytest.mark.django_db
def test_an_event_is_booked_once():
    vendor = VendorFactory()
    paid("paid:1", vendor)

    assert paid("paid:1", vendor) is None

    assert balance(Kind.VENDOR_PENDING, vendor) == 850


@pytest.mark.django_db(transaction=True)
def test_an_event_booked_by_many_at_once_is_booked_once():
    vendor = VendorFactory()

    outcomes = at_once(*[partial(paid, f"paid:{n % 2}", vendor) for n in range(8)])

    assert sum(isinstance(outcome, LedgerTransaction) for outcome in outcomes) == 2
    assert balance(Kind.VENDOR_PENDING, vendor) == 1_700


@pytest.mark.django_db
def test_lines_that_do_not_add_up_are_refused():
    with pytest.raises(Unbalanced):
        book(
            LedgerTransaction.Kind.CORRECTION,
            "wrong",
            [Line(Kind.PLATFORM_FEES, 5), Line(Kind.PROCESSOR_CLEARING, -4)],
            currency="EUR",
        )


def add_by_hand(booked, *amounts):
    """Entries past ``book()``, on the platform's accounts."""
    with every_row(Reason.TEST):
        if not booked:
            booked = LedgerTransaction.objects.create(
                key="by hand", kind="correction", entry_count=2, occurred_at="2026-01-01T00:00Z"
            )
        for account, amount in zip(LedgerAccount.objects.filter(profile=None), amounts, strict=False):
            booked.entries.create(account=account, amount_cents=amount, currency="EUR")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("amounts", [[5, -4], [5], []])
def test_the_database_refuses_what_does_not_balance_at_the_commit(amounts):
    paid("paid:1", VendorFactory())  # the accounts

    with pytest.raises(IntegrityError, match="does not balance"):
        add_by_hand(None, *amounts)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_added_to_a_transaction_later():
    booked = paid("paid:1", VendorFactory())

    with pytest.raises(IntegrityError, match="does not balance"):
        add_by_hand(booked, 5, -5)


@pytest.mark.django_db
def test_what_is_booked_stays():
    made = paid("paid:1", VendorFactory())

    for change in (lambda: made.entries.update(amount_cents=1), lambda: made.entries.all().delete()):
        with pytest.raises(Exception, match=r"Cannot (update|delete)"), every_row(Reason.TEST):
            change()


@pytest.mark.django_db
def test_a_query_that_forgets_its_filter_shows_a_member_their_own_rows_only():
    mine, other = VendorFactory(), VendorFactory()
    paid("paid:1", mine)
    paid("paid:2", other)

    with seen_by(MembershipFactory(profile=mine).user):
        assert set(LedgerEntry.objects.values_list("profile", flat=True)) == {mine.pk}
        assert list(LedgerTransaction.objects.values_list("key", flat=True)) == ["paid:1"]
        assert set(LedgerAccount.objects.values_list("profile", flat=True)) == {mine.pk}


@pytest.mark.django_db
def test_without_a_name_nothing_is_seen_and_nothing_written():
    vendor = VendorFactory()
    paid("paid:1", vendor)

    assert not LedgerEntry.objects.exists()
    with pytest.raises(ProgrammingError, match="row-level security"), transaction.atomic():
        LedgerAccount.objects.create(profile=vendor, kind=Kind.VENDOR_AVAILABLE, currency="EUR")
    with pytest.raises(ProgrammingError, match="row-level security"), seen_by(MembershipFactory(profile=vendor).user):
        LedgerAccount.objects.create(profile=vendor, kind=Kind.VENDOR_AVAILABLE, currency="EUR")


@pytest.mark.django_db
def test_the_wall_stands_again_after_each_block_and_after_an_error():
    paid("paid:1", VendorFactory())

    with every_row(Reason.TEST):
        with seen_by(MembershipFactory(profile=VendorFactory()).user):
            assert not LedgerEntry.objects.exists()
        assert LedgerEntry.objects.exists()
        with pytest.raises(ZeroDivisionError), seen_by(MembershipFactory(profile=VendorFactory()).user):
            raise ZeroDivisionError
        assert LedgerEntry.objects.exists()
    assert not LedgerEntry.objects.exists()
