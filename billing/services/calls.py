"""API calls, counted in Redis while they come and written down by the hour: no request touches a row for it.

Of a caller whose profile has a hard limit, Redis also holds what is left of it, worked out
anew from the rows every five minutes and whenever a plan changes. Without Redis calls are
neither counted nor refused: a limit of calls spares the machine and earns money, and is not
worth an outage. Redis flushed loses the calls of the hour that runs.
"""

import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from uuid import UUID

import redis
import structlog
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from billing import periods
from billing.errors import QuotaExceeded
from billing.models import UsageEvent, UsagePeriod
from billing.services.usage import Event, record_events
from billing.terms import quotas_of
from trustengine.accounts.models import Membership, Profile, User
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

logger = structlog.get_logger(__name__)

METER, SOURCE = "api_calls", "api"
SILENCE_SECONDS = 1.0
KNOWN_SECONDS = 300
KEPT_SECONDS = 8 * 86_400  # where no job writes them down for so long, they are lost
UNMETERED = "-"
REFUSED, UNKNOWN = 0, -1
HOUR = "%Y-%m-%dT%H"
LATE = timedelta(minutes=1)  # a web machine's clock may be behind

# The hour's counts, the hours there are, whose the caller is, and the start of the name of what is left.
COUNT = """
local profile = redis.call('GET', KEYS[3])
if not profile then return -1 end
if profile ~= '-' then
    local name = KEYS[4] .. profile
    local left = redis.call('GET', name)
    if not left then return -1 end
    if tonumber(left) < 1 then return 0 end
    redis.call('DECR', name)
end
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SADD', KEYS[2], ARGV[2])
return 1
"""


def count_call(user: User) -> None:
    """Count one API call of a user. Raises QuotaExceeded where their profile's hard limit is reached."""
    counts = _counts(settings.REDIS_ADDRESS)
    if not counts.may_be_asked():
        return
    now = database_now()
    try:
        answer = counts.count(user.pk, now)
        if answer == UNKNOWN:
            counts.learn(user.pk, _metered(user.pk, now, counts), now)
            answer = counts.count(user.pk, now)
    except RedisError as error:
        counts.leave_alone()
        logger.warning("calls_not_counted", error=type(error).__name__)
        return
    if answer == REFUSED:
        raise QuotaExceeded(meter=METER, left=0, resets_at=periods.end_of(periods.month_of(now)))


def write_down_calls(now: datetime | None = None) -> int:
    """Count the calls of hours that have ended as usage, once also after a crash; returns how many."""
    counts = _counts(settings.REDIS_ADDRESS)
    done = 0
    try:
        for batch, calls in counts.ended((now or database_now()) - LATE):
            done += _record(batch, calls)
            counts.forget(batch)
    except RedisError as error:
        logger.warning("calls_not_written_down", error=type(error).__name__)
    return done


def calls_not_written_down(profile_id: UUID) -> int:
    """The calls for a profile that only Redis knows of yet; none where it does not answer.

    Asked after the rows, so that what is written down meanwhile is missed for a moment rather than told twice.
    """
    counts = _counts(settings.REDIS_ADDRESS)
    if not settings.COUNT_API_CALLS or not counts.may_be_asked():
        return 0
    callers = callers_for(profile_id)
    try:
        return counts.waiting(callers)
    except RedisError as error:
        counts.leave_alone()
        logger.warning("calls_not_known", error=type(error).__name__)
        return 0


def call_limits_changed(profile_id: UUID) -> None:
    """Have what is left of a profile's calls worked out anew, once this transaction has committed."""
    transaction.on_commit(partial(_forget_limits, profile_id), robust=True)


def _forget_limits(profile_id: UUID) -> None:
    members = Membership.objects.filter(profile=profile_id).values_list("user", flat=True)
    try:
        _counts(settings.REDIS_ADDRESS).forget_limits(profile_id, members, database_now())
    except RedisError as error:  # five minutes do it as well
        logger.warning("call_limits_not_forgotten", error=type(error).__name__)


def _record(batch: str, calls: dict[UUID, int]) -> int:
    """Count a batch as one event for each profile, named by the batch."""
    hour = datetime.strptime(batch.partition("/")[0], HOUR).replace(tzinfo=UTC)
    profiles = profiles_of(calls)
    sums: dict[UUID, int] = {}
    for user, count in calls.items():
        if (profile := profiles.get(user)) is not None:
            sums[profile] = sums.get(profile, 0) + count
    with every_row(Reason.METERING):
        # Whose somebody's calls are may change between two attempts, and all of a batch are counted together.
        if sums and not UsageEvent.objects.filter(profile_id__in=sums, source=SOURCE, event_id=batch).exists():
            record_events([Event(profile, SOURCE, batch, METER, count, hour) for profile, count in sums.items()])
    return sum(sums.values())


def profiles_of(users: Iterable[UUID]) -> dict[UUID, UUID]:
    """For whom somebody calls: the one vendor whose member they are, else themselves as a customer."""
    users = list(users)
    found = dict(Profile.objects.filter(user__in=users).values_list("user", "pk"))
    vendors: dict[UUID, list[UUID]] = {}
    of_vendors = Membership.objects.filter(user__in=users, profile__kind=Profile.Kind.VENDOR)
    for user, profile in of_vendors.values_list("user", "profile"):
        vendors.setdefault(user, []).append(profile)
    return found | {user: of[0] for user, of in vendors.items() if len(of) == 1}


def callers_for(profile_id: UUID) -> list[UUID]:
    """Those of a profile's members whose calls are for it."""
    members = Membership.objects.filter(profile=profile_id).values_list("user", flat=True)
    return [member for member, of in profiles_of(members).items() if of == profile_id]


def _metered(user_id: UUID, now: datetime, counts: "_Counts") -> tuple[UUID, int] | None:
    """The profile whose hard limit a user's calls use up, and what is left of it; None where there is none."""
    profile = profiles_of([user_id]).get(user_id)
    if profile is None:
        return None
    with every_row(Reason.METERING):
        quota = quotas_of([profile], at=now)[profile].get(METER)
        if quota is None or not quota.is_hard:
            return None
        month = periods.month_of(now)
        rows = UsagePeriod.objects.filter(profile=profile, meter=METER, month=month)
        used = rows.values_list("used", flat=True).first() or 0
    return profile, max(0, quota.cap - used - counts.waiting(callers_for(profile)))


class _Counts:
    """The counts in one Redis, over connections that are kept. After a failure it is left alone for a second."""

    def __init__(self, address: str) -> None:
        self._client = redis.Redis.from_url(address, decode_responses=True)
        self._script = self._client.register_script(COUNT)
        self._silent_until = 0.0

    def may_be_asked(self) -> bool:
        return time.monotonic() >= self._silent_until

    def leave_alone(self) -> None:
        self._silent_until = time.monotonic() + SILENCE_SECONDS

    def count(self, user_id: UUID, now: datetime) -> int:
        hour = now.astimezone(UTC).strftime(HOUR)
        keys = [_name("hour", hour), _name("hours"), _name("whose", user_id), _left(now)]
        return int(self._script(keys=keys, args=[str(user_id), hour, KEPT_SECONDS]))

    def learn(self, user_id: UUID, metered: tuple[UUID, int] | None, now: datetime) -> None:
        """Whose calls these are. What is left is kept where somebody else of the profile has just learnt it."""
        if metered:
            self._client.set(f"{_left(now)}{metered[0]}", metered[1], ex=KNOWN_SECONDS, nx=True)
        self._client.set(_name("whose", user_id), str(metered[0]) if metered else UNMETERED, ex=KNOWN_SECONDS)

    def forget_limits(self, profile_id: UUID, members: Iterable[UUID], now: datetime) -> None:
        self._client.delete(f"{_left(now)}{profile_id}", *(_name("whose", member) for member in members))

    def waiting(self, users: Iterable[UUID]) -> int:
        """The calls of these users that are not written down yet."""
        names = [str(user) for user in users]
        hours = [_name("hour", hour) for hour in self._members("hours")]
        taken = [_name("taken", batch) for batch in self._members("batches")]
        counted = [self._client.hmget(name, names) for name in [*hours, *taken]] if names else []
        return sum(int(count) for row in counted for count in row if count)  # type: ignore[union-attr]

    def ended(self, now: datetime) -> Iterable[tuple[str, dict[UUID, int]]]:
        """Batches of counts by user that nothing is added to any more: of hours before this moment's, in turn."""
        present = now.astimezone(UTC).strftime(HOUR)
        for hour in sorted(hour for hour in self._members("hours") if hour < present):
            batch = f"{hour}/{uuid.uuid4().hex[:8]}"
            with self._client.pipeline() as pipeline:  # all of it, or nothing
                pipeline.sadd(_name("batches"), batch)
                pipeline.srem(_name("hours"), hour)
                pipeline.renamenx(_name("hour", hour), _name("taken", batch))
                pipeline.execute(raise_on_error=False)
        for batch in sorted(self._members("batches")):
            counts = self._client.hgetall(_name("taken", batch))
            yield batch, {UUID(str(user)): int(count) for user, count in counts.items()}  # type: ignore[union-attr]

    def forget(self, batch: str) -> None:
        with self._client.pipeline() as pipeline:
            pipeline.delete(_name("taken", batch))
            pipeline.srem(_name("batches"), batch)
            pipeline.execute()

    def _members(self, name: str) -> set[str]:
        return set(self._client.smembers(_name(name)))  # type: ignore[arg-type]


_counts = cache(_Counts)


def _name(kind: str, about: object = "") -> str:
    return f"trustengine:calls:{settings.DATABASES['default']['NAME']}:{kind}:{about}"


def _left(now: datetime) -> str:
    return _name("left", f"{periods.month_of(now)}:")
