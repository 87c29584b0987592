from functools import partial

import pytest

from trustengine.api.throttles import limit
from trustengine.errors import RateLimitExceeded
from trustengine.testing import at_once


@pytest.fixture
def in_one_minute(monkeypatch):
    """The clock of the limits stands still, so that no minute ends within a test."""
    from trustengine.api import throttles

    class Clock:
        now = 1_700_000_040.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(throttles, "time", clock)
    return clock


@pytest.mark.django_db(transaction=True)
def test_of_parallel_actions_exactly_the_allowed_number_passes(in_one_minute):
    outcomes = at_once(*[partial(limit, "parallel", "ada", per_minute=5)] * 12)

    assert sum(outcome is None for outcome in outcomes) == 5
    assert sum(isinstance(outcome, RateLimitExceeded) for outcome in outcomes) == 7


def test_the_wait_ends_with_the_minute(in_one_minute):
    limit("wait", "ada", per_minute=1)
    with pytest.raises(RateLimitExceeded) as refusal:
        limit("wait", "ada", per_minute=1)
    assert int(refusal.value.headers["Retry-After"]) == 60 - in_one_minute.now % 60

    in_one_minute.now += 60
    limit("wait", "ada", per_minute=1)


def test_callers_and_scopes_are_counted_apart(in_one_minute):
    for scope, caller in [("a", "ada"), ("a", "eve"), ("b", "ada")]:
        limit(scope, caller, per_minute=1)


def test_without_redis_nothing_is_limited(in_one_minute, settings, monkeypatch):
    import django_rq
    import redis

    monkeypatch.setattr(django_rq, "get_connection", lambda name: redis.Redis(host="127.0.0.1", port=1))

    for _ in range(3):
        limit("without redis", "ada", per_minute=1)
