import socket
import time
from functools import partial
from itertools import pairwise
from uuid import uuid4

import pytest

from trustengine.api.jobs import prune
from trustengine.api.limits import Limit, WithoutRedis
from trustengine.api.models import PassedActions
from trustengine.errors import RateLimitExceeded
from trustengine.testing import at_once

DEAD = "redis://127.0.0.1:1?socket_connect_timeout=0.25&socket_timeout=0.25"


@pytest.fixture(params=["redis", "database"])
def limit(request, settings):
    """A limit of 5, counted in either place. Under the second, Redis is dead."""
    settings.TEST_LIMIT = 5
    if request.param == "database":
        settings.REDIS_ADDRESS = DEAD
    return lambda seconds=60.0: Limit(f"test-{uuid4()}", "TEST_LIMIT", WithoutRedis.DATABASE, seconds)


def passes(limit, caller="ada"):
    try:
        limit.count(caller)
    except RateLimitExceeded:
        return False
    return True


@pytest.mark.django_db(transaction=True)
def test_of_parallel_actions_exactly_the_allowed_number_passes(limit):
    outcomes = at_once(*[partial(limit().count, "ada")] * 12)

    assert sum(outcome is None for outcome in outcomes) == 5
    assert sum(isinstance(outcome, RateLimitExceeded) for outcome in outcomes) == 7


@pytest.mark.django_db
def test_no_stretch_of_a_window_s_length_holds_more_than_the_allowed_number(limit):
    window, short = 0.3, limit(seconds=0.3)
    passed = []

    until = time.monotonic() + 4 * window
    while time.monotonic() < until:
        before = time.monotonic()
        if passes(short):
            passed.append((before, time.monotonic()))
        time.sleep(0.002)

    assert 15 <= len(passed) <= 25, "the window slides on, and does not wait for silence"
    for (first, _), (_, sixth) in zip(passed, passed[5:], strict=False):
        assert sixth - first >= window


@pytest.mark.django_db
def test_who_waits_as_long_as_told_passes(limit, settings):
    settings.TEST_LIMIT = 1
    one = limit(seconds=0.6)
    one.count("ada")

    with pytest.raises(RateLimitExceeded) as refusal:
        one.count("ada")

    assert refusal.value.headers["Retry-After"] == "1"
    time.sleep(1)
    assert passes(one)


@pytest.mark.django_db
def test_the_wait_is_until_the_oldest_counted_action_leaves_the_window(limit):
    minute = limit()
    for _ in range(5):
        minute.count("ada")

    for _ in range(3):  # refused actions do not count, so they do not lengthen the wait
        with pytest.raises(RateLimitExceeded) as refusal:
            minute.count("ada")

        assert 55 <= int(refusal.value.headers["Retry-After"]) <= 60


@pytest.mark.django_db
def test_callers_and_limits_are_counted_apart(limit, settings):
    settings.TEST_LIMIT = 1
    first, second = limit(), limit()

    assert all(passes(*each) for each in [(first, "ada"), (first, "eve"), (second, "ada")])
    assert not passes(first, "ada")


@pytest.mark.django_db
def test_a_smaller_number_holds_at_once(limit, settings):
    minute = limit()
    for _ in range(5):
        minute.count("ada")

    settings.TEST_LIMIT = 3

    assert not passes(minute)


# Policies


@pytest.mark.django_db
def test_an_open_limit_lets_everything_pass_while_redis_is_away(settings):
    settings.TEST_LIMIT, settings.REDIS_ADDRESS = 1, DEAD
    limit = Limit("open", "TEST_LIMIT", WithoutRedis.OPEN)

    assert all(passes(limit) for _ in range(5))
    assert not PassedActions.objects.exists()


@pytest.mark.django_db
def test_a_guarding_limit_holds_while_redis_is_away_and_after_its_return(settings):
    settings.TEST_LIMIT, alive = 1, settings.REDIS_ADDRESS
    limit = Limit(f"test-{uuid4()}", "TEST_LIMIT", WithoutRedis.DATABASE)

    settings.REDIS_ADDRESS = DEAD
    assert [passes(limit) for _ in range(3)] == [True, False, False]
    settings.REDIS_ADDRESS = alive
    assert [passes(limit) for _ in range(3)] == [True, False, False]


@pytest.mark.django_db
def test_a_redis_that_does_not_answer_delays_one_action_in_a_second(settings):
    settings.TEST_LIMIT = 100
    limit = Limit("slow", "TEST_LIMIT", WithoutRedis.DATABASE)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        settings.REDIS_ADDRESS = f"redis://127.0.0.1:{port}?socket_connect_timeout=0.25&socket_timeout=0.25"
        moments = [time.monotonic()]
        for _ in range(10):
            limit.count("ada")
            moments.append(time.monotonic())

    slow = [later - earlier for earlier, later in pairwise(moments) if later - earlier > 0.2]
    assert len(slow) <= 2


@pytest.mark.django_db
def test_counts_in_the_database_are_forgotten_when_nobody_needs_them(settings):
    settings.TEST_LIMIT, settings.REDIS_ADDRESS = 5, DEAD
    limit = Limit("old", "TEST_LIMIT", WithoutRedis.DATABASE)
    limit.count("ada")
    limit.count("eve")
    row = PassedActions.objects.get(caller="ada")
    row.moments = [moment.replace(year=2020) for moment in row.moments]
    row.save()

    assert prune()["limits"] == 1
    assert PassedActions.objects.get().caller == "eve"
