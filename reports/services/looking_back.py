"""Putting all past reviews of an author back into cases in one step, and taking them out again as one."""

from uuid import UUID

from django.db import transaction

from reports.contents import kind_of
from reports.errors import ConflictOfInterest
from reports.models import Case, ContentType, LookBack
from reports.services.cases import lock_case, open_case, refresh
from reports.services.claiming import require_moderator
from reports.services.deciding import active_reason
from reviews.models import Review
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound
from trustengine.jobs.services import enqueue

BATCH = 100


@transaction.atomic
def look_back(author_id: UUID, *, moderator: User, reason: str) -> LookBack:
    """Have every public review of an author looked at again. A job opens the cases, in batches.

    Raises PermissionDenied, InvalidInput for an unknown reason, NotFound, ConflictOfInterest,
    InvalidTransition while one is running.
    """
    from reports.jobs import look_back_further

    require_moderator(moderator)
    active_reason(reason, field="reason")
    author = User.objects.select_for_update(of=("self",), no_key=True).filter(pk=author_id).first()
    if author is None:
        raise NotFound
    _require_no_part(moderator, author.pk)
    if LookBack.objects.filter(author=author, state=LookBack.State.RUNNING).exists():
        raise InvalidTransition("Somebody has just started this.")
    started = LookBack.objects.create(author=author, started_by=moderator, reason=reason)
    record("look_back.started", started, actor=moderator, after={"author": author.pk}, reason=reason)
    enqueue(look_back_further, key=started.pk)
    return started


@transaction.atomic
def proceed(look_back_id: UUID) -> int:
    """Open the cases of the next batch; how many reviews it was. A repeat goes on where the last one ended."""
    from reports.jobs import look_back_further

    started = LookBack.objects.select_for_update(of=("self",), no_key=True).get(pk=look_back_id)
    if started.state != LookBack.State.RUNNING:
        return 0
    reviews = Review.objects.public().filter(author=started.author_id).order_by("pk")
    if started.position:
        reviews = reviews.filter(pk__gt=started.position)
    batch = list(reviews.select_related("product")[:BATCH])
    kind = kind_of(ContentType.REVIEW)
    for review in batch:
        case = open_case(ContentType.REVIEW, review.pk, queue=Case.Queue.PENDING, author_id=review.author_id)
        if case.batch_id is None and case.version == 1 and not case.fingerprint:  # one that this has opened
            Case.objects.filter(pk=case.pk).update(batch=started)
            started.cases_opened += 1
        refresh(case, kind, review)
    if batch:
        started.position = batch[-1].pk
        enqueue(look_back_further, key=started.pk)
    else:
        started.state, started.finished_at = LookBack.State.DONE, database_now()
    started.save(update_fields=["position", "cases_opened", "state", "finished_at"])
    return len(batch)


@transaction.atomic
def undo_look_back(look_back_id: UUID, *, moderator: User) -> LookBack:
    """Take all cases that a look back opened, and that nobody has decided, off the desk again. Idempotent.

    It asks what starting one asks. Raises NotFound, PermissionDenied, ConflictOfInterest.
    """
    from reports.jobs import follow_case

    require_moderator(moderator)
    started = LookBack.objects.select_for_update(of=("self",), no_key=True).filter(pk=look_back_id).first()
    if started is None:
        raise NotFound
    _require_no_part(moderator, started.author_id)
    if started.state == LookBack.State.UNDONE:
        return started
    started.state, started.finished_at = LookBack.State.UNDONE, database_now()
    started.save(update_fields=["state", "finished_at"])
    for case_id in Case.objects.open().filter(batch=started).order_by("pk").values_list("pk", flat=True):
        case = lock_case(case_id)
        if case is not None and case.state == Case.State.OPEN:  # what else waits there keeps it open: a job looks
            enqueue(follow_case, key=f"{case.content_type}:{case.content_id}")
    record("look_back.undone", started, actor=moderator, after={"author": started.author_id})
    return started


def _require_no_part(moderator: User, author_id: UUID) -> None:
    if author_id == moderator.pk:
        raise ConflictOfInterest("You cannot decide on what is your own.")
