"""Money in the console: what finance people see and do, and what others do not."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import LedgerAccount, LedgerTransaction, Payout, PayoutBatch, PayoutDestination
from billing.services.drafting import draft_payouts
from billing.tests.payout_factories import (
    approved,
    balances,
    drafted,
    exported,
    finance,
    payable_vendor,
    payouts_of,
    release,
    take_back,
)
from orders.tests.factories import VendorFactory
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.row_security import Reason, every_row

pytestmark = pytest.mark.django_db
MODELS = (LedgerAccount, LedgerTransaction, PayoutBatch, Payout, PayoutDestination)
STATEMENT = "/admin/billing/statement/"


def changelist(model):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of(row):
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def act(client, row, **form):
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_act", args=[row.pk])
    return client.post(address, form, follow=True)


def draft(client):
    return client.post(reverse("admin:billing_payoutbatch_draft"), {"currency": "EUR"}, follow=True)


def text(answer):
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def fresh(row):
    with every_row(Reason.TEST):
        return type(row).objects.get(pk=row.pk)


def rows_of(model):
    with every_row(Reason.TEST):
        return list(model.objects.all()[:3])


def test_every_list_and_every_row_opens_full_and_empty(client):
    client.force_login(finance())
    for model in MODELS:
        text(client.get(changelist(model)))
    payable_vendor(5_000)
    release(VendorFactory(), 3_000)
    exported()

    for model in MODELS:
        assert rows_of(model)
        text(client.get(changelist(model)))
        text(client.get(changelist(model), {"q": "nothing like this"}))
        for row in rows_of(model):
            text(client.get(page_of(row), follow=True))
            assert client.post(page_of(row), {}).status_code == 403
            assert client.get(page_of(row).replace("/change/", "/delete/")).status_code == 403
        assert client.get(changelist(model) + "add/").status_code == 403


@pytest.mark.parametrize("groups", [["Moderators", "Senior moderators", "Operators"], []])
def test_who_is_not_in_finance_sees_and_does_nothing(client, groups):
    vendor = payable_vendor(5_000)
    batch = drafted()
    (payout,) = payouts_of(batch)
    client.force_login(StaffFactory(groups=groups))

    for model in MODELS:
        assert client.get(changelist(model)).status_code == 403
        assert client.get(page_of(rows_of(model)[0])).status_code == 403
    assert client.get(STATEMENT, {"vendor": vendor.pk}).status_code == 403
    assert act(client, batch, do="approve").status_code == 403
    assert act(client, payout, do="cancel").status_code == 403
    assert client.post(reverse("admin:billing_payoutbatch_draft"), {"currency": "EUR"}).status_code == 403
    client.post(reverse("admin:billing_set_destination", args=[vendor.pk]), {"reference": "acct_mine"})
    with every_row(Reason.TEST):
        assert not PayoutDestination.objects.filter(reference="acct_mine").exists()
    assert "Payouts" not in text(client.get("/admin/"))


def test_a_batch_goes_from_draft_to_paid_by_two_people(client):
    vendor, small = payable_vendor(5_000, display_name="Kitchen & Co."), payable_vendor(10)
    first, second = finance(), finance()
    client.force_login(first)

    page = text(draft(client))

    assert "50.00 EUR to 1 vendor" in page
    assert "Kitchen &amp; Co." in page
    assert str(small) in page
    assert "below the minimum" in page
    assert "You drew this batch up: somebody else has to approve it." in page
    (batch,) = rows_of(PayoutBatch)
    assert "cannot approve" in text(act(client, batch, do="approve"))
    client.force_login(second)
    assert "Second pair of eyes needed." in text(client.get("/admin/"))
    text(act(client, batch, do="approve"))
    assert balances(vendor) == {"in_payout": 5_000}
    file = act(client, batch, do="export")
    assert file["Content-Disposition"].startswith("attachment")
    assert [row["amount"] for row in csv.DictReader(io.StringIO(file.content.decode(), newline=""))] == ["50.00"]
    text(act(client, batch, do="paid"))
    assert (fresh(batch).state, balances(vendor)) == ("paid", {})


def test_a_payout_is_noted_as_paid_or_failed_on_its_own_page(client):
    vendors = [payable_vendor(5_000), payable_vendor(6_000), payable_vendor(7_000)]
    batch = exported()
    paid, failed, other = payouts_of(batch)
    client.force_login(finance())

    text(act(client, paid, do="paid", reference="SEPA-77"))
    text(act(client, failed, do="failed", failure="account_closed"))
    assert "small letters" in text(act(client, other, do="failed", failure="Because!"))

    assert [fresh(payout).state for payout in (paid, failed, other)] == ["paid", "failed", "exported"]
    text(act(client, paid, do="returned", failure="no_such_account"))
    assert fresh(paid).state == "returned"
    given_back = next(vendor for vendor in vendors if vendor.pk == paid.profile_id)
    assert "available" in balances(given_back)


def test_a_draft_that_is_overtaken_says_so_and_is_drawn_up_anew(client):
    vendor = payable_vendor(5_000, display_name="Kitchen")
    batch = drafted()
    take_back(vendor, 2_000)
    client.force_login(finance())

    assert "Kitchen: less is available than at the draft" in text(act(client, batch, do="approve"))

    assert "30.00 EUR to 1 vendor" in text(act(client, batch, do="redraw"))
    assert fresh(batch).state == "cancelled"
    assert "Nothing is due" in text(
        client.post(reverse("admin:billing_payoutbatch_draft"), {"currency": "EUR"}, follow=True)
    )


def test_a_batch_and_a_payout_are_cancelled(client):
    payable_vendor(5_000)
    payable_vendor(6_000)
    batch = approved()
    first, _ = payouts_of(batch)
    client.force_login(finance())

    text(act(client, first, do="cancel"))
    text(act(client, batch, do="cancel"))

    assert {fresh(payout).state for payout in payouts_of(batch)} == {"cancelled"}
    assert fresh(batch).state == "cancelled"


def test_a_statement_is_found_by_name_and_says_what_the_api_says(client):
    vendor = payable_vendor(123_456, display_name="Ünü Küche")
    payable_vendor(10, display_name="Other")
    client.force_login(finance())

    page = text(client.get(STATEMENT, {"vendor": "küche"}))

    assert page.count("1,234.56 EUR") >= 4
    assert "month under way" in page
    assert "Other" in text(client.get(STATEMENT))
    assert "There is no such vendor." in text(client.get(STATEMENT, {"vendor": "nobody"}))
    file = client.get(STATEMENT, {"vendor": str(vendor.pk), "as": "csv"})
    assert "all,closing balance,1234.56,EUR" in file.content.decode()
    for name in ("vendor", "month", "currency"):
        assert client.get(STATEMENT, {"vendor": str(vendor.pk), name: "\0"}).status_code == 400
    for odd in ("%", "x" * 5_000, "2026-99"):
        text(client.get(STATEMENT, {"vendor": odd}))
        text(client.get(STATEMENT, {"vendor": str(vendor.pk), "month": odd, "currency": odd}))


def test_a_destination_is_set_beside_the_vendors_money(client):
    vendor = VendorFactory()
    client.force_login(finance())
    address = reverse("admin:billing_set_destination", args=[vendor.pk])

    assert "acct_1Q8hKd" in text(client.post(address, {"reference": "acct_1Q8hKd"}, follow=True))
    assert "looks like an account number" in text(
        client.post(address, {"reference": "DE89370400440532013000"}, follow=True)
    )

    (destination,) = rows_of(PayoutDestination)
    assert destination.reference == "acct_1Q8hKd"
    assert client.get(page_of(destination)).url == f"{STATEMENT}?vendor={vendor.pk}"


def test_pages_leave_nothing_seen_behind_them(client):
    payable_vendor(5_000)
    batch = drafted()
    client.force_login(finance())

    for address in (page_of(batch), changelist(PayoutBatch), STATEMENT):
        text(client.get(address))
        assert not PayoutBatch.objects.exists()


@pytest.mark.parametrize("model", [PayoutBatch, Payout, LedgerTransaction])
def test_lists_cost_the_same_however_long_they_are(client, model):
    client.force_login(finance())
    costs = []
    for number in (2, 4):
        for _ in range(number):
            payable_vendor(5_000)
            draft_payouts("EUR", actor=finance())
        with CaptureQueriesContext(connection) as queries:
            text(client.get(changelist(model)))
        costs.append(len(queries))

    assert costs[0] == costs[1]
