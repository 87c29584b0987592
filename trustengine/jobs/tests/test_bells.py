import time

import pytest
from django.db import transaction

from trustengine.jobs import bells
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, job
from trustengine.jobs.runner import drain
from trustengine.jobs.services import enqueue
from trustengine.jobs.sweep import sweep


@pytest.mark.django_db(transaction=True)
def test_a_commit_neither_fails_nor_waits_while_redis_is_away(dead_redis):
    @job()
    def greet():
        pass

    begun = time.monotonic()
    for _ in range(20):
        with transaction.atomic():
            enqueue(greet)

    assert time.monotonic() - begun < 1
    assert Job.objects.due().count() == 20


@pytest.mark.django_db(transaction=True)
def test_a_job_whose_bell_was_lost_is_rung_for_by_the_sweep(dead_redis, settings, messages):
    @job()
    def greet():
        pass

    working, lost = settings.RQ_QUEUES["default"]["URL"], settings.REDIS_ADDRESS
    settings.REDIS_ADDRESS = lost
    enqueue(greet)
    assert messages() == []

    settings.REDIS_ADDRESS = working
    bells._silent_until = 0.0
    sweep()

    assert "jobs.greet" in messages()
    assert drain("jobs.greet") == 1


@pytest.mark.django_db(transaction=True)
def test_after_a_failure_redis_is_left_alone_for_a_moment(dead_redis, monkeypatch):
    @job()
    def greet():
        pass

    assert not bells.ring(handler_of(greet))
    monkeypatch.setattr(bells, "_redis", lambda address: pytest.fail("asked again at once"))
    assert not bells.ring(handler_of(greet))


@pytest.mark.django_db(transaction=True)
def test_a_job_that_commits_while_others_run_rings_again(messages):
    @job()
    def greet():
        if Job.objects.count() == 1:
            with transaction.atomic():
                enqueue(greet)

    enqueue(greet)
    assert messages() == ["jobs.greet"]

    assert drain("jobs.greet") == 2
    assert messages() == ["jobs.greet"] * 2


@pytest.mark.django_db(transaction=True)
def test_a_bell_rung_inside_a_transaction_does_not_wait_for_it(messages):
    @job()
    def greet():
        pass

    with transaction.atomic():
        bells.ring(handler_of(greet))
        assert messages() == ["jobs.greet"]
