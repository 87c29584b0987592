"""Public counts of moderation: true, bounded, cached, and the same cost however much there is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reports.models import Case
from reports.services.appeals import appeal, rule
from reports.services.deciding import undo
from reports.tests.factories import decided, moderator, reported
from reviews.models import Review
from trustengine.testing import api_client_for

pytestmark = pytest.mark.django_db
URL = "/api/v1/transparency/"


def counts(rows, **wanted):
    return sum(row["count"] for row in rows if all(row[name] == value for name, value in wanted.items()))


def test_it_counts_decisions_that_were_not_undone_reports_and_appeals():
    first, by = reported(reason="fake"), moderator()
    hidden = decided(first.case, "hide", "fake", by)
    author = Review.objects.get(pk=first.content_id).author
    rule(appeal(hidden.pk, appellant=author, text="No.").pk, moderator=moderator(), ruling="overturn", text="")
    undone = decided(reported(reason="spam").case, "remove", "spam", by)
    undo(undone.pk, moderator=by)
    told = api_client_for().get(URL).json()

    assert counts(told["decisions"], action="hide", reason="fake", automated=False, content_type="review") == 1
    assert counts(told["decisions"], action="approve", automated=True) == 2
    assert {row["action"] for row in told["decisions"]} == {"approve", "hide"}
    assert counts(told["reports"], reason="fake") == counts(told["reports"], reason="spam") == 1
    assert counts(told["appeals"], role="author", state="overturned") == 1
    assert told["totals"] == {"decisions": 3, "reports": 2, "appeals": 1}
    assert told["to"] == f"{timezone.localdate():%Y-%m}"


def test_it_tells_the_median_time_to_a_decision():
    for hours in (1, 2, 9):
        report = reported()
        Case.objects.filter(pk=report.case_id).update(opened_at=timezone.now() - timedelta(hours=hours))
        decided(report.case, "dismiss", "no_violation")

    assert api_client_for().get(URL).json()["median_seconds_to_decision"] == pytest.approx(7_200, abs=30)


def test_months_are_chosen_and_bounded():
    decided(reported().case, "hide")
    client = api_client_for()
    empty = client.get(f"{URL}?from=2024-11&to=2025-02").json()
    assert (empty["from"], empty["to"], empty["totals"]["decisions"]) == ("2024-11", "2025-02", 0)
    assert empty["median_seconds_to_decision"] is None
    for query in ("from=2026-13", "to=x", "from=2026-02&to=2026-01", "from=2000-01&to=2026-01", "from=٢٠٢٦-01"):
        answer = client.get(f"{URL}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")


def test_small_numbers_are_left_out_where_the_operator_wants_it(settings):
    decided(reported().case, "hide")
    settings.TRANSPARENCY_MIN_COUNT = 5
    told = api_client_for().get(URL).json()

    assert (told["decisions"], told["reports"]) == ([], [])
    assert (told["left_out"], told["totals"]["decisions"]) == (3, 2)


def test_it_is_public_and_known_by_its_etag():
    client = api_client_for()
    answer = client.get(URL)
    assert answer["Cache-Control"].startswith("public")
    assert client.get(URL, HTTP_IF_NONE_MATCH=answer["ETag"]).status_code == 304


def test_it_takes_the_same_queries_for_twice_as_much(django_assert_num_queries):
    client = api_client_for()
    decided(reported().case, "hide")
    with django_assert_num_queries(4):
        client.get(URL)
    decided(reported().case, "hide")
    with django_assert_num_queries(4):
        client.get(URL)
