"""A destination is changed by two people, rests, and is told to the owners."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from billing.errors import NothingDue, PayoutNotCovered, SecondPersonNeeded
from billing.models import DestinationChange, PayoutDestination
from billing.services.destinations import approve_destination, refuse_destination, set_destination
from billing.services.drafting import draft_payouts
from billing.services.payouts import approve_payouts, cancel_payout, export_payouts, mark_batch_paid
from billing.tests.payout_factories import finance, payable_vendor, payouts_of, release
from orders.tests.factories import VendorFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db


def changed(vendor, reference="acct_changed", *, by=None):
    set_destination(vendor.pk, reference, actor=by or finance())
    with every_row(Reason.TEST):
        return DestinationChange.objects.get(profile=vendor, state="proposed")


def in_force(vendor):
    with every_row(Reason.TEST):
        return PayoutDestination.objects.get(profile=vendor)


def rest_is_over(vendor):
    with every_row(Reason.TEST):
        PayoutDestination.objects.filter(profile=vendor).update(usable_from=Now())


def test_a_changed_destination_waits_for_a_second_person():
    vendor, person = payable_vendor(5_000), finance()
    first = in_force(vendor).reference

    change = changed(vendor, by=person)

    assert in_force(vendor).reference == first
    with pytest.raises(SecondPersonNeeded):
        approve_destination(change.pk, actor=person)
    assert in_force(vendor).reference == first
    approve_destination(change.pk, actor=finance())
    assert in_force(vendor).reference == "acct_changed"


def test_a_superuser_is_one_person_too():
    vendor, boss = payable_vendor(5_000), StaffFactory(is_superuser=True)

    with pytest.raises(SecondPersonNeeded):
        approve_destination(changed(vendor, by=boss).pk, actor=boss)


def test_the_database_refuses_a_change_approved_by_whoever_set_it():
    change = changed(payable_vendor())
    rows = DestinationChange.objects.filter(pk=change.pk)

    for decider in (change.proposed_by, None):
        with every_row(Reason.TEST), pytest.raises(IntegrityError, match="approved_by_another"), transaction.atomic():
            rows.update(state="approved", decided_by=decider, decided_at=timezone.now())


def test_a_changed_destination_rests_before_it_is_paid_to(settings):
    vendor = payable_vendor(5_000)
    approve_destination(changed(vendor).pk, actor=finance())

    rest = in_force(vendor).usable_from - timezone.now()
    assert timedelta(hours=71) < rest <= timedelta(hours=72)
    with pytest.raises(NothingDue) as refusal:
        draft_payouts("EUR", actor=finance())
    assert refusal.value.extra["skipped"] == {str(vendor.pk): "resting"}

    rest_is_over(vendor)
    (payout,) = payouts_of(draft_payouts("EUR", actor=finance()))
    assert payout.destination == "acct_changed"


def test_the_rest_is_judged_by_the_databases_clock(monkeypatch):
    vendor = payable_vendor(5_000)
    approve_destination(changed(vendor).pk, actor=finance())
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(days=30))

    with pytest.raises(NothingDue):
        draft_payouts("EUR", actor=finance())


def test_a_draft_from_before_a_change_is_not_approved():
    vendor = payable_vendor(5_000)
    batch = draft_payouts("EUR", actor=finance())
    before = in_force(vendor).reference

    approve_destination(changed(vendor).pk, actor=finance())

    with pytest.raises(PayoutNotCovered):
        approve_payouts(batch.pk, actor=finance())
    approve_destination(changed(vendor, before).pk, actor=finance())  # and back again: it rests
    with pytest.raises(PayoutNotCovered) as refusal:
        approve_payouts(batch.pk, actor=finance())
    assert [row["reason"] for row in refusal.value.extra["payouts"]] == ["resting"]


def test_a_change_after_the_approval_keeps_the_former_destination_out_of_the_file():
    vendor, other = payable_vendor(5_000), payable_vendor(4_000)
    batch = draft_payouts("EUR", actor=finance())
    approve_payouts(batch.pk, actor=finance())

    approve_destination(changed(vendor).pk, actor=finance())

    with pytest.raises(PayoutNotCovered) as refusal:
        export_payouts(batch.pk, actor=finance())
    assert [row["reason"] for row in refusal.value.extra["payouts"]] == ["destination"]
    (held,) = (payout for payout in payouts_of(batch) if payout.profile_id == vendor.pk)
    cancel_payout(held.pk, actor=finance())
    assert [line.split(",")[1] for line in export_payouts(batch.pk, actor=finance()).splitlines()[1:]] == [
        str(other.pk)
    ]


def test_a_change_marks_the_payout_and_the_file(client):
    vendor = payable_vendor(5_000)
    first = draft_payouts("EUR", actor=finance())
    approve_payouts(first.pk, actor=finance())
    assert export_payouts(first.pk, actor=finance()).splitlines()[1].endswith(",new")
    mark_batch_paid(first.pk, actor=finance())
    release(vendor, 3_000)
    approve_destination(changed(vendor).pk, actor=finance())
    rest_is_over(vendor)

    batch = draft_payouts("EUR", actor=finance())

    client.force_login(finance())
    assert "differs from where the vendor&#x27;s last payout went" in client.get(
        f"/admin/billing/payoutbatch/{batch.pk}/change/"
    ).content.decode().replace("&#39;", "&#x27;").replace("vendor's", "vendor&#x27;s")
    approve_payouts(batch.pk, actor=finance())
    header, row = export_payouts(batch.pk, actor=finance()).splitlines()
    assert header.split(",")[-1] == "destination_note"
    assert row.split(",")[3] == "acct_changed"
    assert row.endswith(",changed")


def test_all_owners_are_told_of_each_step():
    vendor = payable_vendor()
    owners = [UserFactory(email="one@example.com"), UserFactory(email="two@example.com", suspended_at=timezone.now())]
    for owner in owners:
        Membership.objects.create(user=owner, profile=vendor, role="owner")
    Membership.objects.create(user=UserFactory(email="clerk@example.com"), profile=vendor, role="viewer")

    change = changed(vendor)
    run_due_jobs()
    assert sorted(address for each in mail.outbox for address in each.to) == ["one@example.com", "two@example.com"]
    assert "rests for 72 hours" in mail.outbox[0].body
    mail.outbox.clear()
    approve_destination(change.pk, actor=finance())
    run_due_jobs()
    assert len(mail.outbox) == 2
    assert "Nothing is paid to it before" in mail.outbox[0].body
    assert "acct_changed" not in mail.outbox[0].body


def test_the_first_destination_holds_at_once_and_is_told():
    vendor = VendorFactory()
    Membership.objects.create(user=UserFactory(email="one@example.com"), profile=vendor, role="owner")

    assert set_destination(vendor.pk, "acct_first", actor=finance()).reference == "acct_first"

    run_due_jobs()
    assert [each.to for each in mail.outbox] == [["one@example.com"]]


def test_members_of_a_vendor_neither_set_nor_approve_its_destination():
    vendor, member = payable_vendor(), finance()
    Membership.objects.create(user=member, profile=vendor, role="viewer")

    with pytest.raises(PermissionDenied):
        set_destination(vendor.pk, "acct_mine", actor=member)
    with pytest.raises(PermissionDenied):
        approve_destination(changed(vendor).pk, actor=member)


def test_a_change_is_refused_or_withdrawn_and_then_not_approved():
    vendor, person = payable_vendor(), finance()
    refused = changed(vendor, by=person)
    assert refuse_destination(refused.pk, actor=finance()).state == "refused"
    withdrawn = changed(vendor, by=person)
    assert refuse_destination(withdrawn.pk, actor=person).state == "withdrawn"
    replaced = changed(vendor, "acct_wrong", by=person)
    set_destination(vendor.pk, "acct_right", actor=person)

    for change in (refused, withdrawn, replaced):
        with pytest.raises(InvalidTransition):
            approve_destination(change.pk, actor=finance())


@pytest.mark.parametrize("verb", [approve_destination, refuse_destination])
def test_deciding_a_change_asks_for_the_permission(verb):
    change = changed(payable_vendor())

    with pytest.raises(PermissionDenied):
        verb(change.pk, actor=StaffFactory(groups=["Operators"]))


@pytest.mark.django_db(transaction=True)
def test_two_approvals_of_a_change_at_once_are_one():
    vendor = payable_vendor()
    change, people = changed(vendor), [finance() for _ in range(4)]

    outcomes = at_once(*[partial(approve_destination, change.pk, actor=person) for person in people])

    assert sum(isinstance(each, DestinationChange) for each in outcomes) == 1
    assert sum(isinstance(each, InvalidTransition) for each in outcomes) == 3


def test_a_change_is_decided_in_the_console(client):
    vendor, setter, second = payable_vendor(), finance(), finance()
    change = changed(vendor, by=setter)
    page, address = (
        f"/admin/billing/statement/?vendor={vendor.pk}",
        (f"/admin/billing/destination-changes/{change.pk}/decide/"),
    )
    client.force_login(setter)
    assert "Somebody else has to approve this" in client.get(page).content.decode()
    client.post(address, {"do": "approve"})
    assert in_force(vendor).reference != "acct_changed"

    client.force_login(second)
    assert "Approve the change" in client.get(page).content.decode()
    assert client.get("/admin/").content.decode().count("Destinations to approve") == 1
    client.post(address, {"do": "approve"})

    assert in_force(vendor).reference == "acct_changed"
