"""How often a caller may do something: a sliding window, judged and counted in one atomic step.

A limit of N in a window looks at the action N before: if that is younger than the window,
this one is refused. So no stretch of a window's length ever holds more than N, wherever
it begins; a fixed minute would let 2N pass around its turn. Refused actions do not count.

Redis holds the moments of the latest N actions in a list. Without Redis, a limit follows
its declared policy: ``OPEN`` lets everything pass, for limits that spare the machine;
``DATABASE`` counts in PostgreSQL in the same way, for limits that guard something. The
two do not know of each other, so that an outage grants at most one further N.
"""

import math
import time
from dataclasses import dataclass
from enum import Enum
from functools import cache

import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.exceptions import RedisError

from trustengine.api.refusals import refused
from trustengine.errors import RateLimitExceeded

logger = structlog.get_logger(__name__)

SILENCE_SECONDS = 1.0
DAY = 86_400.0

# Redis' clock, so that the clocks of several web machines need not agree. Milliseconds to wait; 0: passed.
COUNT_IN_REDIS = """
local allowed, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local deciding = redis.call('LINDEX', KEYS[1], allowed - 1)
if deciding and now - deciding < window then
    return math.ceil((window - (now - deciding)) / 1000)
end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now))
redis.call('LTRIM', KEYS[1], 0, allowed - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000))
return 0
"""
# No row comes back where the deciding action is too young. Parallel upserts of a row take turns.
COUNT_IN_DATABASE = """
    INSERT INTO api_passedactions AS passed ("limit", caller, moments)
    VALUES (%(limit)s, %(caller)s, ARRAY[clock_timestamp()])
    ON CONFLICT ("limit", caller) DO UPDATE
    SET moments = (clock_timestamp() || passed.moments)[1:%(allowed)s]
    WHERE COALESCE(passed.moments[%(allowed)s] <= clock_timestamp() - make_interval(secs => %(seconds)s), true)
    RETURNING 0
"""
WAIT_IN_DATABASE = """
    SELECT extract(epoch FROM moments[%(allowed)s] - clock_timestamp()) + %(seconds)s
    FROM api_passedactions WHERE "limit" = %(limit)s AND caller = %(caller)s
"""
FORGET_IN_DATABASE = """DELETE FROM api_passedactions WHERE "limit" = %(limit)s AND caller = %(caller)s"""


class WithoutRedis(Enum):
    """What a limit does while Redis is away."""

    OPEN = "open"
    DATABASE = "database"


@dataclass(frozen=True)
class Limit:
    """``settings.SETTING`` actions of one caller in any stretch of ``seconds``."""

    name: str
    setting: str
    without_redis: WithoutRedis
    seconds: float = 60.0

    def count(self, caller: object) -> None:
        """Count one action; raise RateLimitExceeded if it is one too many."""
        wait = self.try_to_count(caller)
        if wait > 0:
            refused(RateLimitExceeded.code, limit=self.name, caller=str(caller))
            raise RateLimitExceeded(retry_after=math.ceil(wait))

    @property
    def allowed(self) -> int:
        return int(getattr(settings, self.setting))

    def try_to_count(self, caller: object) -> float:
        """Seconds until this action would pass; 0 if it has just passed and is counted."""
        counter = _counter(settings.REDIS_ADDRESS)
        if counter.may_be_asked():
            try:
                return counter.count(self._key(caller), self.allowed, self.seconds)
            except RedisError as error:
                self._note_outage(counter, error)
        return 0.0 if self.without_redis is WithoutRedis.OPEN else self._wait_by_database(str(caller))

    def forget(self, caller: object) -> None:
        """Let a caller begin at zero, wherever their actions have been counted."""
        counter = _counter(settings.REDIS_ADDRESS)
        if counter.may_be_asked():
            try:
                counter.forget(self._key(caller))
            except RedisError as error:
                self._note_outage(counter, error)
        if self.without_redis is WithoutRedis.DATABASE:
            with connection.cursor() as cursor:
                cursor.execute(FORGET_IN_DATABASE, {"limit": self.name, "caller": str(caller)})

    def _key(self, caller: object) -> str:
        return f"trustengine:limit:{self.name}:{caller}"

    def _note_outage(self, counter: "_Counter", error: RedisError) -> None:
        counter.leave_alone()
        logger.warning("limit_without_redis", policy=self.without_redis.value, error=type(error).__name__)

    def _wait_by_database(self, caller: str) -> float:
        about: dict[str, str | float] = {
            "limit": self.name,
            "caller": caller,
            "allowed": self.allowed,
            "seconds": self.seconds,
        }
        with connection.cursor() as cursor:
            cursor.execute(COUNT_IN_DATABASE, about)
            if cursor.fetchone() is not None:
                return 0.0
            cursor.execute(WAIT_IN_DATABASE, about)
            row = cursor.fetchone()
        # Whatever has happened between the two statements, this action did not pass.
        return max(float(row[0]), 0.001) if row else 0.001


class _Counter:
    """One Redis, over connections that are kept. After a failure it is left alone for a second.

    So an outage does not add its time-out to every request.
    """

    def __init__(self, address: str) -> None:
        self._client = redis.Redis.from_url(address)
        self._script = self._client.register_script(COUNT_IN_REDIS)
        self._silent_until = 0.0

    def may_be_asked(self) -> bool:
        return time.monotonic() >= self._silent_until

    def leave_alone(self) -> None:
        self._silent_until = time.monotonic() + SILENCE_SECONDS

    def count(self, name: str, allowed: int, seconds: float) -> float:
        wait_ms = self._script(keys=[name], args=[allowed, round(seconds * 1_000_000)])
        return int(wait_ms) / 1_000

    def forget(self, name: str) -> None:
        self._client.delete(name)


_counter = cache(_Counter)
