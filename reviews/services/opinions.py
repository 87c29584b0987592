"""Asking an outside moderation model about a text before it is screened, and going on without it where it is away.

Screening begins an opinion at its first look at a revision and waits; the job
``ask_for_opinion`` asks, outside of any transaction, and has the review screened again
when there is an answer, or none is to be had. At the deadline screening goes on whatever
became of that. Nothing of this is held against the author: a text that the model could
not be asked about waits for a moderator.

Locks: the review, then the opinion. An opinion ends once, by an update that names the
state it leaves; who comes second changes nothing.
"""

import hashlib
import time
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.db.models.functions import Now

from billing.errors import CapacityExceeded
from billing.services.capacity import Lease, NeverFits, UnknownEndpoint, capacity, cool_down, settle
from reviews import moderation_api
from reviews.jobs import ask_for_opinion, screen_review
from reviews.models import ModelOpinion, Review, ReviewRevision
from reviews.moderation_api import Away, Opinion, Throttled, Unusable
from trustengine.database_time import database_now
from trustengine.jobs.registry import RunLater
from trustengine.jobs.services import enqueue, publish

PROVIDER, ENDPOINT = "moderation", "moderations"
# What an installation starts with; operators edit the row.
LIMITS = {"requests_per_minute": 60, "tokens_per_minute": 100_000, "parallel_calls": 4, "lease_seconds": 60}
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 2, 60  # after a failure, doubling

logger = structlog.get_logger(__name__)

State = ModelOpinion.State


def is_awaited(review: Review, revision: ReviewRevision) -> bool:
    """Whether screening of a locked review should wait for the model's opinion. At the first look it is asked for."""
    # By the database's clock, as the job is that comes at the deadline: it must not come too early to see it.
    opinions = ModelOpinion.objects.annotate(is_late=ExpressionWrapper(Q(deadline_at__lte=Now()), BooleanField()))
    opinion = opinions.select_for_update(of=("self",), no_key=True).filter(revision=revision).first()
    if opinion is None:
        return bool(settings.MODERATION_API_URL) and bool(text_of(revision)) and _begin(review, revision)
    if opinion.state != State.WAITING:
        return False
    if settings.MODERATION_API_URL and not opinion.is_late:
        return True
    _end(opinion, State.UNAVAILABLE, problem=opinion.problem or "deadline")
    return False


def ask(opinion_id: UUID) -> str:
    """Ask the model for an opinion that waits; a word for what became of it.

    Raises RunLater where there is no room for the call now, or no answer, and there is time.
    """
    opinion = ModelOpinion.objects.select_related("revision__review__product").filter(pk=opinion_id).first()
    if opinion is None or opinion.state != State.WAITING:
        return "settled"
    if opinion.revision.state != ReviewRevision.State.PENDING:
        _end(opinion, State.STALE)
        return "stale"
    if not settings.MODERATION_API_URL or opinion.deadline_at <= database_now():
        return _go_without(opinion, opinion.problem or "deadline")
    text, began = text_of(opinion.revision), time.monotonic()
    try:
        with capacity(PROVIDER, ENDPOINT, moderation_api.estimate_tokens(text)) as lease:
            answer = _call(text, lease)
            tokens = lease.estimate_tokens if answer.tokens is None else answer.tokens
            settle(lease, tokens)
    except CapacityExceeded as refusal:
        return _later(opinion, f"capacity_{refusal.limit}", refusal.retry_after)
    except Throttled as refusal:
        return _later(opinion, "throttled", refusal.seconds)
    except (NeverFits, UnknownEndpoint, Unusable) as failure:
        problem = failure.problem if isinstance(failure, Unusable) else type(failure).__name__
        logger.error("moderation_api_unusable", problem=problem)
        return _go_without(opinion, problem)
    except Away as failure:
        pause = _pause(opinion.tries, took=time.monotonic() - began)
        logger.warning("moderation_api_away", problem=failure.problem, pause=pause)
        cool_down(PROVIDER, ENDPOINT, seconds=pause)
        ModelOpinion.objects.filter(pk=opinion.pk).update(tries=F("tries") + 1)
        return _later(opinion, failure.problem, pause)
    return _keep(opinion, text, answer, tokens=tokens, lease=lease)


def text_of(revision: ReviewRevision) -> str:
    """The text that the model is asked about, and all that it is told."""
    return f"{revision.title}\n{revision.comment}".strip()


def _call(text: str, lease: Lease) -> Opinion:
    """One call within a lease, whose time covers a connection, a head and a body that all come late."""
    try:
        return moderation_api.ask(text, timeout=min(settings.MODERATION_API_TIMEOUT_SECONDS, lease.seconds / 3))
    except Throttled as refusal:
        settle(lease, 0)
        cool_down(PROVIDER, ENDPOINT, seconds=refusal.seconds)
        raise


def _begin(review: Review, revision: ReviewRevision) -> bool:
    """Have the model asked; False where it has said already what it thinks of this very text."""
    digest = _digest(text_of(revision))
    now = database_now()
    known = ModelOpinion.objects.filter(
        revision__review=review, digest=digest, state=State.ANSWERED, model=_model()
    ).first()
    if known is not None:
        told = {name: getattr(known, name) for name in ("digest", "state", "model", "flagged", "categories", "scores")}
        ModelOpinion.objects.create(revision=revision, deadline_at=now, ended_at=now, **told)
        return False
    deadline = now + timedelta(seconds=settings.MODERATION_API_DEADLINE_SECONDS)
    opinion = ModelOpinion.objects.create(revision=revision, digest=digest, deadline_at=deadline)
    enqueue(ask_for_opinion, opinion_id=opinion.pk)
    enqueue(screen_review, key=review.pk, run_at=deadline)
    return True


@transaction.atomic
def _keep(opinion: ModelOpinion, text: str, answer: Opinion, *, tokens: int, lease: Lease) -> str:
    """Keep an answer if it is still wanted and about this text. Used is used: the tokens are told of in any case."""
    review = opinion.revision.review
    publish(
        "reviews.text_moderated",
        review_id=review.pk,
        product_id=review.product_id,
        profile_id=review.product.vendor_id,
        tokens=tokens,
        event_id=str(lease.id),
    )
    wanted = ReviewRevision.objects.filter(pk=opinion.revision_id, state=ReviewRevision.State.PENDING).exists()
    if not wanted or _digest(text) != opinion.digest:
        _end(opinion, State.STALE)
        return "stale"
    kept = _end(
        opinion,
        State.ANSWERED,
        model=_model(),
        flagged=answer.flagged,
        categories=answer.categories,
        scores=answer.scores,
    )
    if kept:
        enqueue(screen_review, key=review.pk)
    return "answered" if kept else "settled"


def _later(opinion: ModelOpinion, problem: str, seconds: float) -> str:
    """Ask again after a while, if there is time for that before the deadline. Raises RunLater."""
    if database_now() + timedelta(seconds=seconds) >= opinion.deadline_at:
        return _go_without(opinion, problem)
    ModelOpinion.objects.filter(pk=opinion.pk, state=State.WAITING).update(problem=problem)
    raise RunLater(seconds)


@transaction.atomic
def _go_without(opinion: ModelOpinion, problem: str) -> str:
    if _end(opinion, State.UNAVAILABLE, problem=problem):
        enqueue(screen_review, key=opinion.revision.review_id)
    return "unavailable"


def _pause(tries: int, *, took: float) -> float:
    """Seconds until anybody asks again, after a failure that took so long.

    Growing with the tries; and so long that a service that stalls holds up a worker for a
    third of its time at most, however many texts wait.
    """
    return max(min(PAUSE_SECONDS * 2 ** min(tries, 10), LONGEST_PAUSE_SECONDS), 2 * took)


def _end(opinion: ModelOpinion, state: ModelOpinion.State, **members: object) -> bool:
    waiting = ModelOpinion.objects.filter(pk=opinion.pk, state=State.WAITING)
    return bool(waiting.update(state=state, ended_at=database_now(), **members))


def _model() -> str:
    longest: int | None = ModelOpinion._meta.get_field("model").max_length
    return str(settings.MODERATION_API_MODEL)[:longest]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
