"""Jobs and cron slots in the console."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from trustengine.accounts.tests.factories import StaffFactory
from trustengine.jobs.models import CronSlot, Job

pytestmark = pytest.mark.django_db

JOBS = "/admin/jobs/job/"


@pytest.fixture
def console(client):
    client.force_login(StaffFactory(groups=["Operators"]))
    return client


def make(**fields):
    return Job.objects.create(**{"kind": "reviews.screen_review", "max_attempts": 8} | fields)


def found(client, **query):
    answer = client.get(JOBS, query)
    assert answer.status_code == 200
    return set(answer.context["cl"].result_list)


def test_jobs_are_filtered_by_state_kind_and_queue(console):
    ready, dead = make(), make(state="dead", dead_letter_at=timezone.now())
    other = make(kind="reviews.fold_votes")

    assert found(console, state__exact="dead") == {dead}
    assert found(console, kind="reviews.fold_votes") == {other}
    assert found(console, queue="high") == {ready, dead}
    assert found(console, queue="no such queue") == set()


def test_jobs_are_found_by_kind_key_and_id(console):
    job, other = make(key="product-7"), make(kind="reviews.fold_votes", key="review-1")

    assert found(console, q="product-7") == {job}
    assert found(console, q="reviews.fold") == {other}
    assert found(console, q=job.pk) == {job}


def test_a_dead_letter_tells_why_it_was_given_up(console):
    details = {"type": "KeyError", "message": "<b>'language'</b>", "traceback": "Traceback …\n  <module>"}
    job = make(state="dead", attempts=8, dead_letter_at=timezone.now(), error_details=details)

    content = console.get(reverse("admin:jobs_job_change", args=[job.pk])).content.decode()

    assert "Why it was given up" in content
    assert "KeyError" in content
    assert "8 of 8" in content
    assert "&lt;module&gt;" in content
    assert "<b>'language'" not in content


def test_jobs_to_come_and_jobs_late_are_told_apart(console):
    make(key="later", run_at=timezone.now() + timedelta(hours=3, minutes=1))
    make(key="late", run_at=timezone.now() - timedelta(minutes=20))

    content = console.get(JOBS).content.decode()

    assert "in 3 h" in content
    assert "20 min" in content
    due = {card.title: card for card in console.get("/admin/").context["cards"]}["Due jobs"]
    assert (due.value, due.note, due.urgent) == (1, "the oldest for 20 min", True)


def test_cron_slots_are_listed_latest_first(console):
    now = timezone.now()
    for hours in (1, 0):
        CronSlot.objects.create(schedule=f"jobs.prune-{hours}", slot=now - timedelta(hours=hours))

    content = console.get("/admin/jobs/cronslot/").content.decode()

    assert content.index("jobs.prune-0") < content.index("jobs.prune-1")


def test_the_number_of_queries_does_not_grow_with_the_jobs(console, django_assert_max_num_queries):
    make()
    console.get(JOBS)
    with django_assert_max_num_queries(15) as before:
        console.get(JOBS)
    for _ in range(5):
        make()
    with django_assert_max_num_queries(len(before)):
        console.get(JOBS)
