"""Trust and safety figures: true, bounded, by indexes, and the same cost however much there is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from metrics.models import PageViews
from metrics.periods import Period, latest
from metrics.trust import (
    appeals,
    decision_times,
    decisions_taken,
    report_rate,
    reviews_by_state,
    signals_raised,
    trust,
    verdicts_by_day,
)
from reports.models import Case, Report
from reports.services.appeals import appeal, rule
from reports.services.deciding import undo
from reports.tests.factories import decided, moderator, reported
from reviews.models import Review, Screening
from reviews.services import reject_review, withdraw_review
from reviews.tests.factories import approved_review, pending_review
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.testing import api_client_for, run_due_jobs

pytestmark = pytest.mark.django_db
TRUST, VIEWS = "/api/v1/staff/trust/", "/api/v1/staff/views/"


@pytest.fixture
def staff():
    return api_client_for(StaffFactory(groups=["Senior moderators"]))


@pytest.fixture
def service():
    return api_client_for(UserFactory(groups=["Services"]))


def in_state(**fields):
    review = approved_review()
    Review.objects.filter(pk=review.pk).update(**fields)
    return review


def refusal(answer):
    return answer.status_code, answer.json()["code"]


def test_every_review_is_in_one_state():
    now = timezone.now()
    approved_review()
    pending_review()
    reject_review(pending_review().pk, actor=None, reason="spam")
    gone = approved_review()
    withdraw_review(gone.pk, author=gone.author)
    for fields in (
        {"is_hidden": True},
        {"is_hidden": True, "restricted_at": now},
        {"restricted_at": now},
        {"quarantined_at": now},
        {"purchase_refunded_at": now},
        {"removed_at": now, "is_hidden": True},
    ):
        review = in_state(**fields)
        review.product.rating.__class__.objects.filter(pk=review.product_id).update(stars_4=0)  # as a service would
    counts = dict(reviews_by_state())

    assert counts == {
        "counted": 1,
        "withdrawn": 1,
        "removed": 1,
        "pending": 1,
        "rejected": 1,
        "hidden": 2,
        "restricted": 1,
        "quarantined": 1,
        "refunded": 1,
    }
    assert sum(counts.values()) == Review.objects.count()


def test_screenings_are_told_by_day_and_outcome_with_what_they_found():
    for comment in (
        "Write to me at sam@example.org please.",
        "Mine is sam@example.org, yours?",
        "Does what it should.",
    ):
        pending_review(comment=comment)
    run_due_jobs()
    old = Screening.objects.order_by("created_at").first()
    Screening.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=40))
    told = verdicts_by_day(latest(30))

    assert {row["day"] for row in told} == {timezone.localdate()}
    assert sum(row["count"] for row in told) == Screening.objects.count() - 1
    assert {row["signal"]: row["count"] for row in signals_raised(latest(30))}["email_address"] == 1
    assert {row["signal"]: row["count"] for row in signals_raised(latest(60))}["email_address"] == 2


def test_times_to_decisions_are_told_by_middle_and_nine_of_ten(staff):
    for hours in (1, 2, 3, 4, 11):
        report = reported()
        Case.objects.filter(pk=report.case_id).update(opened_at=timezone.now() - timedelta(hours=hours))
        decided(report.case, "dismiss", "no_violation")
    times = staff.get(TRUST).json()["decision_seconds"]

    assert times["count"] == 5
    assert times["median"] == pytest.approx(3 * 3_600, abs=60)
    assert times["p90"] == pytest.approx(8.2 * 3_600, abs=60)


def test_decisions_and_appeals_are_counted_and_what_was_undone_is_not(staff):
    by = moderator()
    upheld, overturned, waiting = (decided(reported(reason="fake").case, "hide", "fake", by) for _ in range(3))
    for decision, ruling in ((upheld, "uphold"), (overturned, "overturn"), (waiting, "")):
        made = appeal(decision.pk, appellant=decision.author, text="No.")
        if ruling:
            rule(made.pk, moderator=moderator(), ruling=ruling, text="")
    undo(decided(reported(reason="spam").case, "remove", "spam", by).pk, moderator=by)
    run_due_jobs()
    told = staff.get(TRUST).json()

    assert {"action": "hide", "reason": "fake", "automated": False, "count": 3} in told["decisions"]
    assert {row["action"] for row in told["decisions"]} == {"approve", "hide"}
    assert told["appeals"] == {"received": 3, "pending": 1, "upheld": 1, "overturned": 1, "overturned_rate": 0.5}
    queues = {row["queue"]: row["open"] for row in told["queues"]}
    assert queues["appeals"] == 1
    assert set(queues) == set(Case.Queue.values)


def test_queues_tell_what_is_late_and_since_when_the_oldest_waits(staff):
    since = timezone.now() - timedelta(days=3)
    Case.objects.filter(pk=reported().case_id).update(opened_at=since, due_at=since + timedelta(days=1))
    reported()
    queue = next(row for row in staff.get(TRUST).json()["queues"] if row["queue"] == "reports")

    assert (queue["open"], queue["overdue"]) == (2, 1)
    assert queue["oldest_at"].startswith(since.strftime("%Y-%m-%dT%H:%M"))


def test_reports_are_compared_with_the_views_of_the_days_that_are_known(staff, service):
    today = timezone.localdate()
    for _ in range(3):
        reported()
    Report.objects.filter(pk=Report.objects.first().pk).update(created_at=timezone.now() - timedelta(days=1))
    assert staff.get(TRUST).json()["reports"] == {"received": 3, "views": None, "per_1000_views": None}

    assert service.post(VIEWS, {"day": str(today), "views": 4_000}).json() == {"day": str(today), "views": 4_000}
    told = report_rate(latest(30))
    assert told == {"received": 3, "views": 4_000, "per_1000_views": 0.5}  # yesterday's report has nothing beside it
    service.post(VIEWS, {"day": str(today), "views": 0})
    assert report_rate(Period(today, today)) == {"received": 2, "views": 0, "per_1000_views": None}


def test_views_are_told_again_without_counting_twice(service):
    given = {"day": "2026-05-17", "views": 10}
    for _ in range(3):
        assert service.post(VIEWS, given).status_code == 200
    assert Entry.objects.filter(verb="page_views.told").count() == 1
    service.post(VIEWS, {**given, "views": 12})

    assert PageViews.objects.get().views == 12
    assert Entry.objects.filter(verb="page_views.told").count() == 2


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"day": "2026-05-17"},
        {"day": "x", "views": 1},
        {"day": "2026-05-17", "views": -1},
        {"day": "2026-05-17", "views": 10**19},
        {"day": "9999-12-31", "views": 1},
    ],
)
def test_views_that_cannot_be_are_refused(service, given):
    assert refusal(service.post(VIEWS, given)) == (400, "INVALID_INPUT")


def test_only_services_tell_views_and_only_those_who_may_see_the_rest(staff, service):
    given = {"day": "2026-05-17", "views": 10}

    for somebody in (staff, api_client_for(UserFactory())):
        assert refusal(somebody.post(VIEWS, given)) == (403, "PERMISSION_DENIED")
    for somebody in (service, api_client_for(UserFactory()), api_client_for(StaffFactory(groups=["Finance"]))):
        assert refusal(somebody.get(TRUST)) == (403, "PERMISSION_DENIED")
    assert api_client_for(StaffFactory(groups=["Operators"])).get(TRUST).status_code == 200


def test_a_quarter_is_the_most(staff):
    assert staff.get(f"{TRUST}?from=2026-01-01&to=2026-04-02").status_code == 200
    assert refusal(staff.get(f"{TRUST}?from=2026-01-01&to=2026-04-03")) == (400, "INVALID_INPUT")


def test_it_takes_the_same_statements_for_twice_as_much(django_assert_num_queries):
    def happen():
        decided(reported().case, "hide")
        reported()
        pending_review(comment="Write to sam@example.org")
        run_due_jobs()

    happen()
    with django_assert_num_queries(10):
        trust(latest(30))
    happen()
    with django_assert_num_queries(10):
        trust(latest(90))


@pytest.mark.parametrize(
    ("call", "index"),
    [
        (lambda: dict(reviews_by_state()), "Index Only Scan using review_set_apart"),
        (lambda: verdicts_by_day(latest(30)), "screening_by_time"),
        (lambda: signals_raised(latest(30)), "screening_by_time"),
        (lambda: report_rate(latest(30)), "report_received"),
        (lambda: decisions_taken(latest(30)), "decision_newest"),
        (lambda: decision_times(latest(30)), "decision_newest"),
        (lambda: appeals(latest(30)), "appeal_ruled"),
    ],
)
def test_no_big_table_is_read_as_a_whole(call, index):
    """Of an empty table the planner would read all: it is kept from that, and must have another way."""
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        call()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        if "Only" in index:
            cursor.execute("SET LOCAL enable_bitmapscan = off")  # which looks at the table as well
        plans = []
        for query in asked.captured_queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    assert any(index in plan for plan in plans), plans
