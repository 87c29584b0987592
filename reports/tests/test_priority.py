"""How pressing a case is, and why: each part in words, none able to drown the others."""

from datetime import timedelta

import pytest
from django.utils import timezone

from reports.models import Case, ReporterRecord
from reports.priority import Circumstances, parts_of, pressure, priority, reliability
from reports.services.cases import follow
from reports.tests.factories import reported
from reviews.models import Strike
from reviews.screening import screen
from reviews.services import cast_vote
from reviews.tests.factories import approved_review, delivered_purchase, pending_review
from trustengine.accounts.tests.factories import UserFactory
from trustengine.testing import run_due_jobs

PLAIN = {
    "severity": 3,
    "severity_words": "reported as “spam”",
    "reliabilities": [0.5],
    "burst": False,
    "score": 50,
    "warnings": 0,
    "views": 0,
    "is_pending": False,
}


def part(name, **changes):
    return next(each for each in parts_of(Circumstances(**(PLAIN | changes))) if each.name == name)


@pytest.mark.parametrize(
    ("actioned", "dismissed", "expected"),
    [(0, 0, 0.5), (4, 0, 0.5), (0, 4, 0.5), (5, 0, 7 / 9), (0, 5, 2 / 9), (500, 0, 0.9), (0, 500, 0.1), (3, 2, 5 / 9)],
)
def test_a_reporter_is_neutral_until_five_are_decided_and_bounded_then(actioned, dismissed, expected):
    assert reliability(ReporterRecord(actioned=actioned, dismissed=dismissed)) == pytest.approx(expected)
    assert reliability(None) == 0.5


def test_a_crowd_without_a_record_weighs_as_one_and_proven_reporters_add_a_little():
    assert part("reporters", reliabilities=[0.5] * 400).factor == part("reporters").factor
    assert part("reporters", reliabilities=[0.5] * 20 + [0.1] * 20).factor == part("reporters").factor
    one, four = part("reporters", reliabilities=[0.8]), part("reporters", reliabilities=[0.8] * 4)
    assert part("reporters").factor < one.factor < four.factor < 2 * one.factor
    assert part("reporters", reliabilities=[0.1]).factor < part("reporters").factor


def test_parts_are_told_in_words():
    assert part("reporters", reliabilities=[0.5] * 6, burst=True).words == (
        "6 reports, the weightiest reporter unproven; many at once from accounts without a record, so they weigh as one"
    )
    assert part("reporters", reliabilities=[]).words == "nobody has reported it"
    assert part("author", warnings=2).words == "the author has 2 warnings in force"
    assert part("author", is_pending=True, score=90).words == "a trusted author (90 of 100)"
    assert part("exposure", views=12).words == "public; 12 votes and neighbouring reviews"
    assert part("exposure", is_pending=True).words == "not public yet"


def test_what_waits_from_trusted_authors_goes_first_and_from_warned_ones_last():
    factor = {
        who: part("author", is_pending=True, **about).factor
        for who, about in {"trusted": {"score": 90}, "plain": {}, "warned": {"warnings": 1}}.items()
    }
    assert factor["warned"] < factor["plain"] < factor["trusted"]
    assert part("author", warnings=1).factor > part("author").factor  # what is public already is more urgent


def test_exposure_raises_a_case_within_bounds():
    assert part("exposure").factor == 1 < part("exposure", views=50).factor < part("exposure", views=900).factor <= 2
    assert part("exposure", views=10**9).factor == 2


def test_age_raises_a_priority_and_never_turns_an_order_around(settings):
    settings.CASE_DOUBLES_HOURS = 24
    now = timezone.now()
    grave, mild = parts_of(Circumstances(**(PLAIN | {"severity": 9}))), parts_of(Circumstances(**PLAIN))
    older_mild, newer_grave = pressure(mild, now - timedelta(hours=12)), pressure(grave, now)
    assert newer_grave > older_mild
    doubled = 2 * priority(older_mild, now=now)
    assert priority(older_mild, now=now + timedelta(days=1)) == pytest.approx(doubled, abs=0.02)
    for days in (0, 3, 300):
        then = now + timedelta(days=days)
        assert priority(newer_grave, now=then) >= priority(older_mild, now=then)
    assert pressure(mild, now - timedelta(hours=72)) > newer_grave


@pytest.mark.django_db
def test_a_brigade_does_not_raise_a_case_above_a_single_reporter_of_record():
    brigaded, plain = approved_review(), approved_review()
    for _ in range(12):
        reported(brigaded)
    proven = UserFactory()
    ReporterRecord.objects.create(user=proven, actioned=9, dismissed=1)
    reported(plain, reporter=proven)

    first, second = Case.objects.get(content_id=plain.pk), Case.objects.get(content_id=brigaded.pk)
    assert first.pressure > second.pressure
    words = " ".join(each["words"] for each in second.parts)
    assert "12 reports" in words
    assert "weigh as one" in words


@pytest.mark.django_db
def test_a_case_is_weighed_by_its_author_and_its_readers():
    review = reported().content_id
    before = Case.objects.get(content_id=review).pressure
    for _ in range(3):
        cast_vote(review, voter=UserFactory(), vote_type="helpful")
    run_due_jobs()
    follow("review", review)
    assert Case.objects.get(content_id=review).pressure > before

    pending = pending_review(delivered_purchase())
    screen(pending.pk)
    run_due_jobs()
    case = Case.objects.get(content_id=pending.pk)
    Strike.objects.create(user_id=case.author_id, reason="spam", expires_at=timezone.now() + timedelta(days=9))
    follow("review", pending.pk)
    assert Case.objects.get(pk=case.pk).pressure < case.pressure


@pytest.mark.django_db
def test_each_queue_has_its_own_time_to_be_done(settings):
    settings.CASE_DUE_HOURS = {"pending": 5, "reports": 2, "appeals": 100, "restricted": 50}
    report = reported()
    pending = pending_review(delivered_purchase())
    screen(pending.pk)
    run_due_jobs()

    hours = {case.queue: (case.due_at - case.opened_at) / timedelta(hours=1) for case in Case.objects.open()}
    assert hours == {"reports": 2, "pending": 5}
    Case.objects.filter(pk=report.case_id).update(due_at=timezone.now() - timedelta(seconds=1))
    assert [case.pk for case in Case.objects.overdue()] == [report.case_id]
