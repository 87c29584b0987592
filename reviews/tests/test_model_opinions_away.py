from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from billing.models import CapacityLease, ProviderEndpoint
from billing.services.capacity import acquire
from reviews.models import ModelOpinion
from reviews.screening import screen
from reviews.tests.factories import delivered_purchase, pending_review
from reviews.tests.moderation_server import says
from reviews.tests.opinions import outcome, submitted
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.testing import run_due_jobs


def time_passes(seconds):
    """Let what is put off for no longer than this be due, and the deadlines of that time be over."""
    earlier = timedelta(seconds=seconds)
    Job.objects.filter(state="ready").update(run_at=Now() - earlier)
    for row in ModelOpinion.objects.filter(state="waiting"):
        row.deadline_at -= earlier
        row.save()
    for lease in CapacityLease.objects.all():
        lease.acquired_at, lease.expires_at = lease.acquired_at - earlier, lease.expires_at - earlier
        lease.save()
    for endpoint in ProviderEndpoint.objects.exclude(cooling_until=None):
        endpoint.cooling_until -= earlier
        endpoint.save()


def limit(**limits):
    ProviderEndpoint.objects.filter(provider="moderation").update(**limits)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "failure", [says(500), says(200, b""), lambda handler: None, says(401), says(302, Location="/")]
)
def test_a_provider_that_is_away_until_the_deadline_makes_a_moderator_decide(service, failure):
    service.misbehaviours = [failure] * 50
    review = submitted()

    run_due_jobs()
    for _ in range(5):
        time_passes(25)
        run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert review.revisions.get().screening.score == 0, "it is not held against the author"
    assert review.revisions.get().opinion.problem
    assert not Job.objects.filter(state="dead").exists()


@pytest.mark.django_db
def test_a_provider_that_stalls_is_asked_again_after_growing_pauses(service):
    service.misbehaviours = [service.stall, service.stall, says(502)]
    review = submitted()
    pauses = []

    for _ in range(4):
        run_due_jobs()
        job = Job.objects.filter(kind="reviews.ask_for_opinion", state="ready").first()
        pauses.append((job.run_at - timezone.now()).total_seconds() if job else None)
        time_passes(10)

    run_due_jobs()
    assert pauses.pop() is None
    assert [most - 1.5 < pause <= most for pause, most in zip(pauses, [2, 4, 8], strict=True)] == [True] * 3, pauses
    assert outcome(review) == ("approved", [])
    assert review.revisions.get().opinion.tries == 3
    asking = Job.objects.get(kind="reviews.ask_for_opinion")
    assert (asking.state, asking.attempts) == ("done", 1)


@pytest.mark.django_db
def test_while_a_provider_stalls_only_one_text_at_a_time_finds_that_out(service):
    service.misbehaviours = [service.stall] * 2
    reviews = [submitted() for _ in range(5)]

    run_due_jobs()
    assert len(service.requests) == 1
    time_passes(3)
    run_due_jobs()
    assert len(service.requests) == 2

    time_passes(30)
    run_due_jobs()
    assert [outcome(review) for review in reviews] == [("approved", [])] * 5


@pytest.mark.django_db
def test_a_provider_that_throttles_is_left_alone_by_everybody_for_as_long_as_it_says(service):
    service.misbehaviours = [says(429, Retry_After="30")]
    first = submitted()
    run_due_jobs()
    second = pending_review(delivered_purchase(first.author))
    run_due_jobs()

    assert len(service.requests) == 1, "the second knows already"
    assert CapacityLease.objects.values_list("state", "actual_tokens").get() == ("settled", 0)
    time_passes(31)
    run_due_jobs()

    assert outcome(first) == outcome(second) == ("approved", [])


@pytest.mark.django_db
def test_an_answer_that_would_come_after_the_deadline_is_not_waited_for(service):
    service.misbehaviours = [says(429, Retry_After="600")]
    review = submitted()

    run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert review.revisions.get().opinion.problem == "throttled"


@pytest.mark.django_db
def test_without_room_for_the_call_it_waits_and_changes_nothing(service):
    limit(requests_per_minute=1)
    acquire("moderation", "moderations", 1)
    review = submitted()

    run_due_jobs()
    assert service.requests == []
    assert CapacityLease.objects.count() == 1
    asking = Job.objects.get(kind="reviews.ask_for_opinion")
    assert (asking.state, asking.attempts) == ("ready", 0)
    assert timedelta(seconds=50) < asking.run_at - timezone.now() <= timedelta(seconds=60)

    time_passes(61)
    run_due_jobs()
    assert outcome(review) == ("approved", [])


@pytest.mark.django_db
@pytest.mark.parametrize("limits", [{"is_active": False}, {"tokens_per_call": 1}])
def test_an_endpoint_that_an_operator_closes_leaves_the_decision_to_moderators(service, limits):
    limit(**limits)
    review = submitted()

    run_due_jobs()
    for _ in range(3):
        time_passes(61)
        run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert service.requests == []


@pytest.mark.django_db
def test_at_the_deadline_screening_goes_on_even_if_nobody_has_asked(service):
    review = submitted()
    screen(review.pk)
    Job.objects.filter(kind="reviews.ask_for_opinion").delete()  # as if its worker hung

    time_passes(121)
    run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert review.revisions.get().opinion.problem == "deadline"


@pytest.mark.django_db
def test_a_service_that_is_switched_off_while_asked_is_waited_for_no_longer(service, settings):
    review = submitted()
    screen(review.pk)
    settings.MODERATION_API_URL = ""

    run_due_jobs()

    assert outcome(review) == ("pending", ["moderation_unavailable"])
    assert service.requests == []


@pytest.mark.django_db
def test_neither_the_text_nor_the_key_is_left_in_jobs_logs_or_the_audit_log(service, settings, caplog):
    settings.MODERATION_API_KEY = "sk-very-secret-key"
    service.misbehaviours = [says(500), says(401)]
    review = submitted(comment="Quetzalcoatl brought it.")
    run_due_jobs()
    time_passes(10)
    run_due_jobs()

    kept = [str(each) for model in (Job, Entry, ModelOpinion) for each in model.objects.values()]
    assert outcome(review)[0] == "pending"
    assert not [line for line in [*kept, caplog.text] if "Quetzalcoatl" in line or "very-secret" in line]
