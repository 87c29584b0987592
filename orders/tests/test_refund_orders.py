"""Refunds by file: checked, once, resumable, and exact for many at once."""

import csv
import io
import json

import pytest
from django.core.management import call_command

from orders.models import Order, OrderItem, Refund
from orders.tests.factories import OrderFactory, OrderItemFactory
from orders.tests.payment_factories import open_checkout, paid_order
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import run_due_jobs


@pytest.fixture
def refund(tmp_path):
    """Run the command on these rows; its counts, its exit code, and its rejects."""

    def run(*rows, header="order_id,order_item_id,amount_cents,reason", options=()):
        file, rejects = tmp_path / "refunds.csv", tmp_path / "rejects.csv"
        file.write_text("\n".join([header, *rows]) + "\n")
        output, code = io.StringIO(), 0
        try:
            call_command(
                "refund_orders", "--file", str(file), "--json", "--rejects", str(rejects), *options, stdout=output
            )
        except SystemExit as leaving:
            code = leaving.code
        told = json.loads(output.getvalue()) if output.getvalue() else {}
        found = list(csv.DictReader(io.StringIO(rejects.read_text()))) if rejects.exists() else []
        return told, code, [(each["line"], each["column"], each["reason"]) for each in found]

    return run


def counts(told):
    return {name: told[name] for name in ("read", "requested", "unchanged", "rejected")}


@pytest.mark.django_db
def test_whole_orders_items_and_amounts_are_refunded_and_again_nothing_changes(refund):
    paid = paid_order(open_checkout())
    imported = OrderFactory()
    first = OrderItemFactory(order=imported, unit_price_cents=900)
    second = OrderItemFactory(order=imported, unit_price_cents=100)
    rows = (f"{paid.pk},,,", f"{imported.pk},{first.pk},,recall", f"{imported.pk},,50,goodwill")

    told, code, rejects = refund(*rows)
    run_due_jobs()

    assert (counts(told), code, rejects) == ({"read": 3, "requested": 3, "unchanged": 0, "rejected": 0}, 0, [])
    assert told["amount_cents"] == 1_000 + 900 + 50
    assert set(Refund.objects.values_list("order", "amount_cents", "note", "state", "provider")) == {
        (paid.pk, 1_000, "", "succeeded", "local"),
        (imported.pk, 900, "recall", "succeeded", ""),
        (imported.pk, 50, "goodwill", "succeeded", ""),
    }
    paid.refresh_from_db()
    assert paid.status == "refunded"
    items = OrderItem.objects.in_bulk([first.pk, second.pk])
    assert (items[first.pk].refunded_cents, items[second.pk].refunded_cents) == (900, 50)
    before = Entry.objects.exclude(verb="refund.file_read").count(), Refund.objects.count(), Job.objects.count()

    told, code, _ = refund(*reversed(rows))
    assert (counts(told), code) == ({"read": 3, "requested": 0, "unchanged": 3, "rejected": 0}, 0)
    after = Entry.objects.exclude(verb="refund.file_read").count(), Refund.objects.count(), Job.objects.count()
    assert after == before


@pytest.mark.django_db
def test_rows_that_cannot_be_taken_are_rejected_with_their_reason_and_the_others_go_on(refund):
    item, foreign = OrderItemFactory(unit_price_cents=500), OrderItemFactory()
    order = item.order_id

    told, code, rejects = refund(
        "nonsense,,,",
        f"{foreign.pk},,,",
        f"{order},{foreign.pk},,",
        f"{order},,501,",
        f"{order},,0,",
        f"{order},,-5,",
        f"{order},,200,",
        f"{str(order).upper()},,0200,",
        f"{order},,301,other",
        f"{order},,300,other",
        f"{order}",
    )

    assert code == 3
    assert rejects == [
        ("2", "order_id", "INVALID_VALUE"),
        ("3", "order_id", "UNKNOWN_REFERENCE"),
        ("4", "order_item_id", "UNKNOWN_REFERENCE"),
        ("5", "amount_cents", "INVALID_VALUE"),
        ("6", "amount_cents", "INVALID_VALUE"),
        ("7", "amount_cents", "INVALID_VALUE"),
        ("9", "order_id", "DUPLICATE_ID"),
        ("10", "amount_cents", "INVALID_VALUE"),
        ("12", "order_item_id", "INVALID_VALUE"),
    ]
    assert counts(told) == {"read": 11, "requested": 2, "unchanged": 0, "rejected": 9}
    run_due_jobs()
    item.refresh_from_db()
    assert item.refunded_cents == 500


@pytest.mark.django_db
def test_a_dry_run_counts_the_same_and_writes_nothing(refund):
    item = OrderItemFactory()

    told, code, _ = refund(f"{item.order_id},,,", options=["--dry-run"])

    assert (told["requested"], code) == (1, 0)
    assert not Refund.objects.exists()
    assert not Entry.objects.exists()
    assert not Job.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["", "item", "order_id,order_id"])
def test_a_file_without_its_column_is_refused_as_a_whole(refund, header):
    assert refund(header=header)[1] == 2


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        call_command("refund_orders", "--file", str(tmp_path / "none.csv"))

    assert leaving.value.code == 2
    assert "none.csv" in capsys.readouterr().err


@pytest.mark.django_db
def test_a_file_cut_off_half_way_is_completed_by_running_it_again(refund):
    orders = [OrderItemFactory().order_id for _ in range(6)]
    refund(*[f"{order},,," for order in orders[:3]], options=["--batch-size", "2"])

    told, _, _ = refund(*[f"{order},,," for order in orders], options=["--batch-size", "2"])
    run_due_jobs()

    assert counts(told) == {"read": 6, "requested": 3, "unchanged": 3, "rejected": 0}
    assert Order.objects.filter(status="refunded").count() == 6
    assert Refund.objects.count() == 6
