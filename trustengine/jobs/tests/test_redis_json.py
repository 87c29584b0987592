"""What lies in Redis is JSON, and what is none harms nobody."""

import pickle
from uuid import UUID

import django_rq
import pytest
from django.core.cache import cache
from django.core.cache.backends.redis import RedisSerializer
from rq import Queue
from unfold.dataclasses import SearchResult

from trustengine.database_time import database_now
from trustengine.jobs.bells import DRAIN
from trustengine.jobs.models import CronSlot
from trustengine.jobs.services import enqueue
from trustengine.jobs.tests.handlers import leave_mark_for_test
from trustengine.jobs.tests.processes import worker
from trustengine.redis_json import CachedValues, Messages, NotJSON
from trustengine.testing import PATIENCE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("messages")]


class Explosive:
    def __reduce__(self):
        return (print, ("a pickle was opened",))


def test_a_message_is_json():
    queue = django_rq.get_queue("default", commit_mode="auto")
    message = queue.enqueue(DRAIN, "a.kind", result_ttl=0)

    raw = queue.connection.hget(f"rq:job:{message.id}", "data")

    assert Messages.loads(__import__("zlib").decompress(raw)) == [DRAIN, None, ["a.kind"], {}]


def test_a_worker_outlives_messages_of_the_version_before_and_opens_no_pickle(capfd):
    former = Queue("default", connection=django_rq.get_connection("default"))
    for _ in range(3):
        former.enqueue(DRAIN, "tests.nothing", result_ttl=0, failure_ttl=0, ttl=60)
    former.enqueue(print, Explosive(), result_ttl=0, failure_ttl=0)
    enqueue(leave_mark_for_test, name="after")

    with worker("default", "--burst") as process:
        assert process.wait(PATIENCE) == 0

    assert CronSlot.objects.filter(schedule="after").exists()
    assert former.count == 0
    assert "a pickle was opened" not in capfd.readouterr().out


def test_values_of_the_cache_are_json_and_a_former_pickle_is_not_there():
    now, key = database_now(), UUID(int=7)
    cache.set("kept", (1.5, {"at": now, "id": key, "found": SearchResult("a", "b", "c", None)}), timeout=60)
    stored_at, data = cache.get("kept")
    assert (stored_at, data["id"], data["found"]["title"]) == (1.5, str(key), "a")

    cache.set("count", 5)
    assert cache.incr("count") == 6

    client = cache._cache.get_client("kept")
    client.set(cache.make_key("former"), RedisSerializer().dumps({"a": Explosive()}))
    assert cache.get("former") is None
    assert cache.get("former", "default") in {None, "default"}


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", pickle.dumps([1]), pickle.dumps([1], 0)])
def test_what_is_no_json_is_refused(data):
    with pytest.raises(NotJSON):
        Messages.loads(data)
    assert CachedValues().loads(data) is None
