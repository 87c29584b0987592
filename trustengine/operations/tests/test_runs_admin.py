"""Runs in the console, and what the home page says of the last comparison."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory
from trustengine.operations.models import Run
from trustengine.operations.runs import begin
from trustengine.operations.tests.backfilling import backfill, delivered_orders, wrong_orders

pytestmark = pytest.mark.django_db

RUNS = "/admin/operations/run/"


@pytest.fixture
def console(client):
    client.force_login(StaffFactory(groups=["Operators"]))
    return client


def page(client, run_id):
    return client.get(reverse("admin:operations_run_change", args=[run_id])).content.decode()


def card(client):
    return {card.title: card for card in client.get("/admin/").context["cards"]}["Last reconcile"]


def test_a_run_is_listed_with_its_counts_and_shown_with_the_way_back(console):
    wrong_orders(2)
    _, told = backfill("order-status")

    listed, shown = console.get(RUNS).content.decode(), page(console, told["run"])

    assert "backfill order-status" in listed
    assert "2 checked, 2 changed" in listed
    assert f"manage.py backfill order-status --revert {told['run']}" in shown
    assert "--resume" not in shown
    assert "2026-03-04T05:06:07.891234+00:00" in shown


def test_a_run_that_fell_silent_says_so_and_how_to_go_on(console):
    run = begin("backfill", "ratings")
    Run.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))

    assert "silent" in console.get(RUNS).content.decode()
    assert f"manage.py backfill ratings --resume {run.pk}" in page(console, run.pk)


def test_a_run_and_its_revert_point_at_each_other(console):
    wrong_orders(1)
    _, told = backfill("order-status")
    _, reverted = backfill("order-status", "--revert", told["run"])

    assert reverted["run"] in page(console, told["run"])
    assert "--revert" not in page(console, told["run"])
    assert told["run"] in page(console, reverted["run"])


def test_the_home_page_tells_the_drift_of_the_last_comparison(console):
    assert card(console).note == "Nothing has been compared yet."
    delivered_orders(1)
    call_command("reconcile", "order-status")
    assert (card(console).value, card(console).note, card(console).urgent) == (0, "no drift, just now", False)
    wrong_orders(3)

    with pytest.raises(SystemExit):
        call_command("reconcile", "order-status")

    assert (card(console).value, card(console).note, card(console).urgent) == (3, "3 order-status drift", True)


def test_runs_are_for_operators(client):
    client.force_login(StaffFactory(groups=["Moderators"]))

    assert client.get(RUNS).status_code == 403
    assert "Last reconcile" not in {card.title for card in client.get("/admin/").context["cards"]}


def test_the_number_of_queries_does_not_grow_with_the_runs(console, django_assert_max_num_queries):
    begin("backfill", "ratings")
    console.get(RUNS)
    with django_assert_max_num_queries(15) as before:
        console.get(RUNS)
    for _ in range(5):
        begin("backfill", "ratings")
    with django_assert_max_num_queries(len(before)):
        console.get(RUNS)
