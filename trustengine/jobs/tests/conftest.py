from collections import defaultdict

import django_rq
import pytest

from trustengine.jobs import bells, registry, runner


@pytest.fixture(autouse=True)
def own_handlers(monkeypatch):
    """Let a test declare handlers that no other test sees, and schedules beside which there are none."""
    monkeypatch.setattr(registry, "_schedules", {})
    for name in ("_handlers", "_by_function"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    subscriptions = {event: list(found) for event, found in registry._subscriptions.items()}
    monkeypatch.setattr(registry, "_subscriptions", defaultdict(list, subscriptions))


@pytest.fixture(autouse=True)
def nothing_left_behind():
    """Begin with a Redis that is believed to answer, and a worker that nobody has told to stop."""
    yield
    bells._silent_until = 0.0
    runner.stop_requested.clear()


@pytest.fixture
def messages():
    """The messages that wait in RQ's queues, of which there are none yet: kinds, in order."""
    queues = [django_rq.get_queue(name) for name in ("high", "default", "low")]
    redis = queues[0].connection

    def silence():
        for queue in queues:
            queue.empty()
        for key in redis.scan_iter("trustengine:bell:*"):
            redis.delete(key)

    def waiting():
        return [message.args[0] for queue in queues for message in queue.get_jobs()]

    silence()
    yield waiting
    silence()


@pytest.fixture
def dead_redis(settings, tmp_path):
    """A Redis that nobody runs."""
    settings.REDIS_ADDRESS = f"unix://{tmp_path}/nobody.sock?socket_connect_timeout=0.25&socket_timeout=0.25"
