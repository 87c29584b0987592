from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, job, subscribe
from trustengine.jobs.services import enqueue, enqueue_keys, publish
from trustengine.testing import database_time, run_due_jobs


class Refused(Exception):
    pass


@contextmanager
def rolled_back():
    """A transaction, or a savepoint inside one, that comes to nothing."""
    with suppress(Refused), transaction.atomic():
        yield
        raise Refused


@pytest.mark.django_db(transaction=True)
def test_a_job_exists_once_its_transaction_has_committed(messages):
    @job()
    def greet(name):
        pass

    with transaction.atomic():
        enqueue(greet, name="Ada")
        assert messages() == [], "no worker may be woken for a row that it cannot see"

    assert Job.objects.get().args == {"name": "Ada"}
    assert messages() == ["jobs.greet"]


@pytest.mark.django_db(transaction=True)
def test_a_job_goes_with_the_transaction_that_is_rolled_back(messages):
    @job()
    def greet():
        pass

    with rolled_back():
        enqueue(greet)

    assert not Job.objects.exists()
    assert messages() == []


@pytest.mark.django_db(transaction=True)
def test_many_jobs_in_one_transaction_ring_once(messages):
    @job()
    def greet():
        pass

    with transaction.atomic():
        for _ in range(100):
            with transaction.atomic():  # as a service inside a bigger transaction does
                enqueue(greet)
        assert len(transaction.get_connection().run_on_commit) == 1

    assert messages() == ["jobs.greet"]


@pytest.mark.django_db(transaction=True)
def test_a_bell_that_nobody_has_answered_is_not_rung_again(messages):
    @job()
    def greet():
        pass

    for _ in range(20):
        enqueue(greet)

    assert messages() == ["jobs.greet"]


@pytest.mark.django_db(transaction=True)
def test_a_savepoint_that_is_rolled_back_takes_its_own_bell_only(messages):
    @job()
    def greet():
        pass

    with transaction.atomic():
        with rolled_back():
            enqueue(greet)
        enqueue(greet)

    assert Job.objects.count() == 1
    assert messages() == ["jobs.greet"]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_savepoint_leaves_the_bell_of_the_transaction_around_it(messages):
    @job()
    def greet():
        pass

    with transaction.atomic():
        enqueue(greet)
        with rolled_back():
            enqueue(greet)

    assert messages() == ["jobs.greet"]


@pytest.mark.django_db(transaction=True)
def test_a_job_for_later_rings_no_bell_and_waits(messages):
    ran = []

    @job()
    def greet():
        ran.append(1)

    enqueue(greet, run_at=timezone.now() + timedelta(minutes=5))

    assert messages() == []
    assert run_due_jobs() == 0
    assert ran == []


@pytest.mark.django_db
def test_a_job_runs_at_once_though_the_clock_of_the_machine_is_ahead():
    @job()
    def greet():
        pass

    with database_time(ahead=timedelta(minutes=10)):
        enqueue(greet)

    assert run_due_jobs() == 1


@pytest.mark.django_db
def test_arguments_reach_the_handler_as_json():
    seen = {}

    @job()
    def note(**args):
        seen.update(args)

    identifier = uuid4()
    given = {"id": identifier, "ids": [identifier], "price": Decimal("1.50"), "flag": True, "none": None, "n": 3}
    enqueue(note, at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC), **given)
    run_due_jobs()

    assert seen == {
        "id": str(identifier),
        "ids": [str(identifier)],
        "price": "1.50",
        "flag": True,
        "none": None,
        "n": 3,
        "at": "2026-01-02T03:04:00Z",
    }


@pytest.mark.django_db
def test_arguments_that_are_no_json_are_refused_before_anything_is_written():
    @job()
    def note(what):
        pass

    with pytest.raises(TypeError, match="not JSON serializable"):
        enqueue(note, what=object())


@pytest.mark.django_db
def test_an_event_becomes_a_job_for_each_of_its_subscribers():
    seen = []

    @subscribe("shop.sold")
    @job()
    def one_by_one(item, price):
        seen.append(("one_by_one", item, price))

    @subscribe("shop.sold", key="item")
    @job(coalesce=True)
    def by_item(key):
        seen.append(("by_item", key))

    publish("shop.sold", item=uuid4(), price=5)
    publish("shop.closed", item=uuid4())

    item = Job.objects.get(kind="jobs.by_item").key
    assert run_due_jobs() == 2
    assert sorted(seen) == [("by_item", item), ("one_by_one", item, 5)]


@pytest.mark.django_db
def test_a_coalesced_job_takes_a_key_and_nothing_else():
    @job(coalesce=True)
    def fold(key):
        pass

    @job()
    def plain():
        pass

    with pytest.raises(ValueError, match="takes a key"):
        enqueue(fold)
    with pytest.raises(ValueError, match="takes a key"):
        enqueue(fold, key=1, more=2)
    with pytest.raises(ValueError, match="takes no key"):
        enqueue_keys(plain, [1])


@pytest.mark.django_db
def test_many_keys_are_asked_for_at_once():
    folded = []

    @job(coalesce=True)
    def fold(key):
        folded.append(key)

    assert enqueue_keys(fold, ["a", "b", "a"]) == 3
    run_due_jobs()

    assert sorted(folded) == ["a", "b"]


def test_two_handlers_cannot_share_a_name():
    def declare():
        @job()
        def twice():
            pass

        return twice

    first = declare()

    @job()
    def other():
        pass

    other.__name__ = "twice"
    with pytest.raises(ValueError, match=r"two handlers are called jobs\.twice"):
        job()(other)
    assert handler_of(first).kind == "jobs.twice"


def test_a_coalesced_handler_says_which_member_of_an_event_is_its_key():
    with pytest.raises(ValueError, match="say by which member"):

        @subscribe("shop.sold")
        @job(coalesce=True)
        def fold(key):
            pass


def test_a_queue_that_no_worker_knows_is_refused():
    with pytest.raises(ValueError, match="unknown queue"):
        job(queue="express")
