"""What vendors read about their money, and that nobody reads anybody else's."""

import csv
import io
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import (
    LedgerAccount,
    LedgerEntry,
    LedgerTransaction,
    Payout,
    PayoutBatch,
    PayoutDestination,
    PayoutLine,
    PayoutSkip,
)
from billing.services import ledger
from billing.services.ledger import Line, book
from billing.services.payouts import cancel_batch, mark_paid, mark_returned
from billing.tests.payout_factories import (
    approved,
    drafted,
    exported,
    finance,
    payable_vendor,
    payouts_of,
    release,
    take_back,
)
from orders.tests.factories import OrderItemFactory, ProductFactory
from trustengine.accounts.models import Profile
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.row_security import Reason, every_row, seen_by
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db
Kind, Booked = LedgerAccount.Kind, LedgerTransaction.Kind
LEDGER, PAYOUTS, STATEMENT = "/api/v1/vendor/ledger/", "/api/v1/vendor/payouts/", "/api/v1/vendor/statement/"


def viewer_of(vendor):
    return MembershipFactory(profile=vendor, role="viewer").user


def read(user, address, **query):
    answer = api_client_for(user).get(address, query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def at(monkeypatch, moment):
    """Book from now on at this moment."""
    monkeypatch.setattr(ledger, "database_now", lambda: moment)


def sell(vendor, *, price, fee, item=None):
    """An item of the vendor's, paid, with its fee; the item."""
    item = item or OrderItemFactory(product=ProductFactory(vendor=vendor), unit_price_cents=price)
    lines = [
        Line(Kind.PROCESSOR_CLEARING, -price, item_id=item.pk),
        Line(Kind.VENDOR_PENDING, price - fee, vendor.pk, item.pk),
        Line(Kind.PLATFORM_FEES, fee, item_id=item.pk),
    ]
    book(Booked.ORDER_PAID, f"paid:{item.pk}", lines, currency="EUR", order_id=item.order_id)
    return item


def refund(vendor, item, *, cents, fee, kind=Booked.REFUND, account=Kind.VENDOR_PENDING):
    lines = [
        Line(account, fee - cents, vendor.pk, item.pk),
        Line(Kind.PLATFORM_FEES, -fee, item_id=item.pk),
        Line(Kind.PROCESSOR_CLEARING, cents, item_id=item.pk),
    ]
    book(kind, f"{kind}:{item.pk}", lines, currency="EUR", order_id=item.order_id)


def test_the_ledger_tells_every_movement_and_the_balance_after_it():
    vendor = payable_vendor(5_000)
    release(vendor, 700)
    take_back(vendor, 200)

    told = read(viewer_of(vendor), LEDGER)

    assert [
        (row["kind"], row["account"], row["amount_cents"], row["balance_after_cents"]) for row in told["results"]
    ] == [
        ("refund", "vendor_available", -200, 5_500),
        ("item_released", "vendor_available", 700, 5_700),
        ("item_released", "vendor_pending", -700, 0),
        ("order_paid", "vendor_pending", 700, 700),
        ("item_released", "vendor_available", 5_000, 5_000),
        ("item_released", "vendor_pending", -5_000, 0),
        ("order_paid", "vendor_pending", 5_000, 5_000),
    ]
    assert told["balances"][:2] == [
        {"account": "vendor_pending", "currency": "EUR", "balance_cents": 0},
        {"account": "vendor_available", "currency": "EUR", "balance_cents": 5_500},
    ]


def test_balances_after_entries_hold_on_every_page_and_in_every_part():
    vendor = payable_vendor()
    for cents in (100, 200, 300, 400):
        release(vendor, cents)
    release(vendor, 5, currency="USD")
    user = viewer_of(vendor)
    whole = read(user, LEDGER, page_size=100)["results"]

    page, seen = read(user, LEDGER, page_size=3), []
    while True:
        seen += page["results"]
        if not page["next"]:
            break
        page = api_client_for(user).get(page["next"]).json()

    assert seen == whole
    part = read(user, LEDGER, currency="EUR", account="vendor_available", page_size=2)["results"]
    assert [row["balance_after_cents"] for row in part] == [1_000, 600]


def test_the_ledger_is_told_by_days_of_the_marketplace(monkeypatch, settings):
    vendor = payable_vendor()
    for day in (9, 10, 11):
        at(monkeypatch, datetime(2026, 5, day, 23, 30, tzinfo=UTC))
        release(vendor, day * 100)
    monkeypatch.undo()
    user = viewer_of(vendor)

    told = read(user, LEDGER, **{"from": "2026-05-10", "to": "2026-05-10", "account": "vendor_available"})

    assert [(row["amount_cents"], row["balance_after_cents"]) for row in told["results"]] == [(1_000, 1_900)]


@pytest.mark.parametrize(
    ("address", "query"),
    [
        (LEDGER, {"from": "2026-02-30"}),
        (LEDGER, {"from": "2026-05-02", "to": "2026-05-01"}),
        (LEDGER, {"currency": "EURO"}),
        (LEDGER, {"account": "platform_fees"}),
        (LEDGER, {"profile": "x"}),
        (PAYOUTS, {"state": "draft"}),
        (STATEMENT, {"month": "2026-13"}),
        (STATEMENT, {"as": "pdf"}),
    ],
)
def test_what_is_asked_wrongly_is_told(address, query):
    answer = api_client_for(viewer_of(payable_vendor())).get(address, query)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["field"] in query


@pytest.mark.parametrize("address", [LEDGER, PAYOUTS, STATEMENT])
def test_whose_money_it_is_must_be_clear(address):
    first, second, foreign = payable_vendor(), payable_vendor(), payable_vendor()
    user = viewer_of(first)
    MembershipFactory(user=user, profile=second)
    client = api_client_for(user)

    assert client.get(address).status_code == 400
    assert client.get(address, {"profile": second.pk}).status_code == 200
    assert client.get(address, {"profile": foreign.pk}).status_code == 404
    assert client.get(address, {"profile": user.customer_profile.pk}).status_code == 404
    assert api_client_for(UserFactory()).get(address).status_code == 404


def test_a_payout_is_shown_from_its_approval_on_with_what_it_pays():
    vendor = payable_vendor()
    item = OrderItemFactory(product=ProductFactory(vendor=vendor), delivered=True)
    release(vendor, 5_000, order=item.order, item=item)
    release(vendor, 300)
    user = viewer_of(vendor)
    draft = drafted()
    assert read(user, PAYOUTS)["results"] == []
    cancel_batch(draft.pk, actor=finance())
    assert read(user, PAYOUTS)["results"] == []

    (payout,) = payouts_of(exported())
    mark_paid(payout.pk, actor=finance(), reference="SEPA-1")

    (row,) = read(user, PAYOUTS, state="paid", currency="EUR")["results"]
    assert (row["id"], row["amount_cents"], row["reference"], row["state"]) == (str(payout.pk), 5_300, "SEPA-1", "paid")
    assert read(user, PAYOUTS, state="failed")["results"] == []
    told = read(user, f"{PAYOUTS}{payout.pk}/", page_size=1)
    assert {name: told[name] for name in row} == row
    (line,) = told["lines"]["results"]
    assert (line["order"], line["item"], line["amount_cents"]) == (str(item.order_id), str(item.pk), 5_000)
    following = api_client_for(user).get(told["lines"]["next"]).json()
    assert [line["amount_cents"] for line in following["lines"]["results"]] == [300]


def test_a_statement_adds_up_to_the_cent(monkeypatch):
    vendor, other = payable_vendor(), payable_vendor()
    at(monkeypatch, datetime(2026, 4, 30, 12, tzinfo=UTC))
    release(vendor, 12_000)
    at(monkeypatch, datetime(2026, 5, 10, 12, tzinfo=UTC))
    sold, lost = sell(vendor, price=10_000, fee=1_500), sell(vendor, price=4_000, fee=600)
    sell(other, price=90_000, fee=9_000)
    refund(vendor, sold, cents=2_000, fee=300)
    refund(vendor, lost, cents=4_000, fee=600, kind=Booked.CHARGEBACK)
    (first,) = payouts_of(exported())
    mark_paid(first.pk, actor=finance())
    mark_returned(first.pk, actor=finance(), failure="account_closed")
    (second,) = payouts_of(exported())
    mark_paid(second.pk, actor=finance())
    book(
        Booked.CORRECTION,
        "gift",
        [Line(Kind.VENDOR_AVAILABLE, 50, vendor.pk), Line(Kind.PLATFORM_FEES, -50)],
        currency="EUR",
    )
    at(monkeypatch, datetime(2026, 6, 1, tzinfo=UTC))
    release(vendor, 777)
    monkeypatch.undo()

    told = read(viewer_of(vendor), STATEMENT, month="2026-05")

    assert told["totals"] == {
        "gross_sales_cents": 14_000,
        "fees_cents": -2_100,
        "refunds_cents": -2_000,
        "chargebacks_cents": -4_000,
        "fees_returned_cents": 900,
        "payouts_cents": -24_000,
        "payouts_returned_cents": 12_000,
        "corrections_cents": 50,
    }
    assert (told["opening_cents"], told["closing_cents"]) == (12_000, 12_000 + sum(told["totals"].values()))
    assert told["is_final"] is True
    accounts = {each["account"]: each for each in told["accounts"]}
    assert sum(each["closing_cents"] for each in accounts.values()) == told["closing_cents"]
    for each in accounts.values():
        assert each["opening_cents"] + sum(row["amount_cents"] for row in each["movements"]) == each["closing_cents"]
    assert (accounts["vendor_pending"]["closing_cents"], accounts["vendor_available"]["closing_cents"]) == (6_800, 50)
    following = read(viewer_of(vendor), STATEMENT, month="2026-06")
    assert following["opening_cents"] == told["closing_cents"]


def test_a_month_without_anything_is_all_zeros():
    vendor = payable_vendor()

    told = read(viewer_of(vendor), STATEMENT)

    assert (told["opening_cents"], told["closing_cents"], told["is_final"]) == (0, 0, False)
    assert set(told["totals"].values()) == {0}


@pytest.mark.parametrize(("currency", "text"), [("JPY", "123456"), ("KWD", "123.456"), ("EUR", "1234.56")])
def test_a_statement_as_a_file_says_the_same_in_major_units(currency, text):
    vendor = payable_vendor(123_456, currency=currency)

    answer = api_client_for(viewer_of(vendor)).get(STATEMENT, {"as": "csv"})

    assert answer["Content-Type"] == "text/csv"
    assert f"-{currency}.csv" in answer["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert {row["line"]: row["amount"] for row in rows if row["account"] == "all"}["closing balance"] == text
    assert rows[1] == {"account": "all", "line": "gross sales", "amount": text, "currency": currency}


def everything(monkeypatch):
    """Break the first wall: whatever the views ask for, they are given all there is."""
    monkeypatch.setattr("billing.api.vendors.vendor_of", lambda request: Profile.objects.vendors().order_by("pk")[0])
    monkeypatch.setattr(type(LedgerEntry.objects.all()), "filter", _only_narrowing)
    monkeypatch.setattr("billing.models.payout.PayoutQuerySet.visible_to", lambda payouts, user: payouts)
    monkeypatch.setattr("billing.models.payout.PayoutQuerySet.filter", _only_narrowing)


def _only_narrowing(rows, *args, **conditions):
    """A filter that forgets whose rows are wanted."""
    kept = {name: value for name, value in conditions.items() if not name.startswith("profile")}
    return rows._filter_or_exclude(False, args, kept)


def test_views_that_have_lost_their_filters_still_show_nothing_of_another_vendor(monkeypatch):
    first, second = sorted([payable_vendor(5_000), payable_vendor(9_000)], key=lambda vendor: vendor.pk)
    batch = exported()
    theirs = next(payout for payout in payouts_of(batch) if payout.profile_id == first.pk)
    user = viewer_of(second)
    everything(monkeypatch)

    shown = read(user, LEDGER, page_size=100)["results"]
    assert {abs(row["amount_cents"]) for row in shown} == {9_000}
    assert {row["profile"] for row in read(user, PAYOUTS)["results"]} == {str(second.pk)}
    assert api_client_for(user).get(f"{PAYOUTS}{theirs.pk}/").status_code == 404
    statement = read(user, STATEMENT, currency="EUR")
    assert str(first.pk) == statement["profile"]  # the view asks for the wrong vendor indeed
    assert 5_000 not in {abs(value) for value in statement["totals"].values()}
    stranger = read(UserFactory(), LEDGER)
    assert (stranger["results"], stranger["balances"]) == ([], [])


@pytest.mark.parametrize("address", [LEDGER, PAYOUTS])
def test_lists_cost_the_same_however_long_they_are(address):
    vendor = payable_vendor()
    user = viewer_of(vendor)

    def cost(rows):
        for _ in range(rows):
            item = OrderItemFactory(product=ProductFactory(vendor=vendor))
            release(vendor, 2_000, order=item.order, item=item)
            approved()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            read(user, address, page_size=100)
        return len(queries)

    assert cost(2) == cost(4)


def test_a_payouts_lines_cost_the_same_however_many_they_are():
    vendor = payable_vendor()
    user = viewer_of(vendor)
    costs = []
    for number in (2, 6):
        for _ in range(number):
            release(vendor, 2_000)
        (payout,) = payouts_of(approved())
        with CaptureQueriesContext(connection) as queries:
            assert len(read(user, f"{PAYOUTS}{payout.pk}/")["lines"]["results"]) == number
        costs.append(len(queries))

    assert costs[0] == costs[1]


@pytest.mark.parametrize("model", [PayoutBatch, PayoutSkip, Payout, PayoutLine, PayoutDestination])
def test_what_belongs_to_payouts_stands_behind_the_wall(model):
    mine, other = payable_vendor(5_000), payable_vendor(7_000)
    payable_vendor(10)
    exported()
    member = viewer_of(mine)

    assert not model.objects.exists()
    with seen_by(member):
        seen = list(model.objects.all())
        assert {row.profile_id for row in seen if hasattr(row, "profile_id")} <= {mine.pk}
        assert len(seen) == (model not in (PayoutBatch, PayoutSkip))
        assert model.objects.update(id=other.pk) == 0
    with every_row(Reason.TEST):
        assert model.objects.exists()
