"""The list on the left: filters that live in the address, cases by keyset, and how many wait."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from orders.models import Product
from reports.models import Case, ContentType
from reports.priority import priority
from reports.services.claiming import claim_case, claim_next, decidable_by
from reviews.models import Review, ReviewRevision, VendorReply
from trustengine.accounts.models import User
from trustengine.admin.evidence import as_uuid
from trustengine.database_time import database_now
from trustengine.errors import DomainError
from trustengine.text import normalised

ROWS = 30
TRIES = 20  # cases of a narrow filter that are tried before "next" gives up
EXCERPT = 110
QUEUES = (
    ("", "All"),
    (Case.Queue.APPEALS, "Appeals"),
    (Case.Queue.REPORTS, "Reports"),
    (Case.Queue.RESTRICTED, "Restricted"),
    (Case.Queue.PENDING, "Pending"),
)
STATES = (("open", "Open"), ("closed", "Closed"))
TYPES = (("", "All kinds"), ("review", "Reviews"), ("reply", "Replies"), ("product", "Products"))


@dataclass(frozen=True)
class Filters:
    """Which cases somebody looks at. What the address says that is unknown counts as not said."""

    queue: str = ""
    state: str = Case.State.OPEN
    type: str = ""
    overdue: bool = False
    mine: bool = False
    q: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        def known(name: str, choices: Sequence[tuple[str, str]], otherwise: str) -> str:
            value = given.get(name, "")
            return value if value in dict(choices) else otherwise

        return cls(
            queue=known("queue", QUEUES, ""),
            state=known("state", STATES, Case.State.OPEN),
            type=known("type", TYPES, ""),
            overdue=given.get("overdue") == "1",
            mine=given.get("mine") == "1",
            q=normalised(given.get("q", ""))[:100],
        )

    @property
    def query(self) -> str:
        """These filters as they stand in the address."""
        told = {"queue": self.queue, "type": self.type, "q": self.q}
        told |= {"state": self.state} if self.state != Case.State.OPEN else {}
        told |= {name: "1" for name in ("overdue", "mine") if getattr(self, name)}
        return urlencode({name: value for name, value in told.items() if value})

    def of_queue(self, queue: str) -> Self:
        return replace(self, queue=queue)

    @property
    def is_narrow(self) -> bool:
        """Whether they say more than a queue."""
        return bool(self.type or self.overdue or self.mine or self.q)

    def apply(self, cases: QuerySet[Case], viewer: User) -> QuerySet[Case]:
        """The cases that these filters leave."""
        exact: dict[str, Any] = {"queue": self.queue, "content_type": self.type}
        cases = cases.filter(**{name: value for name, value in exact.items() if value}, state=self.state)
        if self.overdue:
            cases = cases.filter(due_at__lt=database_now())
        if self.mine:
            cases = cases.filter(claimed_by=viewer, claim_expires_at__gt=database_now())
        return cases.filter(_searched(self.q)) if self.q else cases


@dataclass(frozen=True)
class Row:
    """A case as the list shows it."""

    case: Case
    title: str
    excerpt: str
    rating: int | None

    @property
    def priority(self) -> float:
        return priority(self.case.pressure)

    @property
    def is_overdue(self) -> bool:
        return self.case.state == Case.State.OPEN and self.case.due_at < database_now()

    @property
    def reason(self) -> str:
        """The heaviest part of the priority in words."""
        return str(self.case.parts[0].get("words", "")) if self.case.parts else ""


def rows(filters: Filters, viewer: User, *, after: str = "") -> tuple[list[Row], str]:
    """A page of rows, the most pressing first, closed ones newest first; and where the next begins, "" at the end."""
    cases = filters.apply(Case.objects.select_related("claimed_by"), viewer)
    is_open = filters.state == Case.State.OPEN
    cases = cases.order_by("-pressure", "pk") if is_open else cases.order_by("-opened_at", "-pk")
    if after:
        cases = cases.filter(_beyond(after, is_open=is_open))
    found = list(cases[: ROWS + 1])
    last = found[ROWS - 1] if len(found) > ROWS else None
    key = "" if last is None else f"{repr(last.pressure) if is_open else last.opened_at.isoformat()}_{last.pk}"
    return described(found[:ROWS]), key


def described(cases: Sequence[Case]) -> list[Row]:
    """Cases with what each is about, in four queries however many they are."""
    words = _words(cases)
    return [Row(case, *words.get((case.content_type, case.content_id), ("Withdrawn", "", None))) for case in cases]


def counts(viewer: User) -> dict[str, int]:
    """How many cases wait: all, by queue, overdue, and claimed by the viewer."""
    now = database_now()
    found: dict[str, int] = Case.objects.open().aggregate(
        all=Count("pk"),
        overdue=Count("pk", filter=Q(due_at__lt=now)),
        mine=Count("pk", filter=Q(claimed_by=viewer, claim_expires_at__gt=now)),
        **{queue.value: Count("pk", filter=Q(queue=queue)) for queue in Case.Queue},
    )
    return found


def take_next(filters: Filters, moderator: User, *, skipping: list[UUID]) -> Case | None:
    """Claim the most pressing case that the filters leave and nobody works on; None where none is left.

    What the moderator has claimed already, and left open, comes first.
    """
    held = decidable_by(moderator).filter(claimed_by=moderator, claim_expires_at__gt=database_now())
    own = replace(filters, state=Case.State.OPEN).apply(held, moderator).exclude(pk__in=skipping)
    for case_id in own.order_by("-pressure", "pk").values_list("pk", flat=True)[:TRIES]:
        try:
            return claim_case(case_id, moderator=moderator)
        except DomainError:
            continue
    if not filters.is_narrow:
        return claim_next(moderator=moderator, queue=filters.queue or None, skipping=skipping)
    wanted = replace(filters, state=Case.State.OPEN)
    cases = decidable_by(moderator).filter(Q(claim_expires_at=None) | Q(claim_expires_at__lte=database_now()))
    if filters.mine:
        cases = decidable_by(moderator)
    candidates = wanted.apply(cases, moderator).exclude(pk__in=skipping).order_by("-pressure", "pk")
    for case_id in candidates.values_list("pk", flat=True)[:TRIES]:
        try:
            return claim_case(case_id, moderator=moderator)
        except DomainError:
            continue  # somebody else was faster: the next one
    return None


def _searched(text: str) -> Q:
    """By a whole id of a case, a content or an author, or by the end that pages show of one."""
    number = as_uuid(text)
    if number is not None:
        return Q(pk=number) | Q(content_id=number) | Q(author_id=number)
    end = text.removeprefix("user ").removeprefix("case ").lower()
    return Q(pk__endswith=end) | Q(author__id__endswith=end) | Q(content_id__endswith=end)


def _beyond(after: str, *, is_open: bool) -> Q:
    """What comes after a row; nothing for a key that is none."""
    value, _, end = after.partition("_")
    last = as_uuid(end)
    try:
        if last is not None and is_open and math.isfinite(place := float(value)):
            return Q(pressure__lt=place) | Q(pressure=place, pk__gt=last)
        if last is not None and not is_open and (moment := datetime.fromisoformat(value)).tzinfo:
            return Q(opened_at__lt=moment) | Q(opened_at=moment, pk__lt=last)
    except ValueError:
        pass
    return Q(pk__in=[])


def _words(cases: Sequence[Case]) -> dict[tuple[str, UUID], tuple[str, str, int | None]]:
    ids: dict[str, list[UUID]] = defaultdict(list)
    for case in cases:
        ids[case.content_type].append(case.content_id)
    words: dict[tuple[str, UUID], tuple[str, str, int | None]] = {}
    waiting = ReviewRevision.objects.filter(review__in=ids[ContentType.REVIEW], state=ReviewRevision.State.PENDING)
    pending = {revision.review_id: revision for revision in waiting}
    for review in Review.objects.live().filter(pk__in=ids[ContentType.REVIEW]):
        text: Review | ReviewRevision = pending.get(review.pk, review)
        words[ContentType.REVIEW, review.pk] = (text.title or "Without a title", _start(text.comment), text.rating)
    for reply in VendorReply.objects.live().select_related("vendor").filter(pk__in=ids[ContentType.REPLY]):
        words[ContentType.REPLY, reply.pk] = (f"Reply of {reply.vendor}", _start(reply.text), None)
    for product in Product.objects.filter(pk__in=ids[ContentType.PRODUCT]):
        words[ContentType.PRODUCT, product.pk] = (product.title, _start(product.description), None)
    return words


def _start(text: str) -> str:
    return f"{text[:EXCERPT].rstrip()}…" if len(text) > EXCERPT else text
