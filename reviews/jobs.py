"""Background work of the reviews app. Each handler takes a key and recomputes, so a repeat is harmless."""

from uuid import UUID

from django.db.models import Sum
from django.utils import timezone

from reviews.models import Restriction, Review, ReviewPhoto, ReviewVoteShard
from reviews.models.photo import thumbnail_name
from trustengine.jobs.registry import job, scheduled, subscribe
from trustengine.jobs.services import enqueue_keys


@job(queue="high", coalesce=True)
def screen_review(key: str) -> None:
    """Run the automatic checks over what waits in a review, and approve it where the policy says so."""
    from reviews.screening import screen  # the services it decides through enqueue this very job

    screen(UUID(key))


@job(queue="high", coalesce=True)
def screen_reply(key: str) -> None:
    """Run the automatic checks over what waits in a vendor's reply."""
    from reviews.screening.replies import screen_reply as screen

    screen(UUID(key))


@scheduled("* * * * *")
@job(queue="default")
def find_expired_restrictions() -> dict[str, int]:
    """Have every restriction lifted whose time is over, each in a job and a transaction of its own."""
    expired = Restriction.objects.active().filter(expires_at__lte=timezone.now())
    return {"expired": enqueue_keys(expire_restriction, expired.values_list("pk", flat=True))}


@job(queue="default", coalesce=True)
def expire_restriction(key: str) -> None:
    """Lift one restriction whose time is over."""
    from reviews.services.restriction import expire_restriction as expire

    expire(UUID(key))


@job(queue="low", coalesce=True)
def make_thumbnail(key: str) -> None:
    """Store the small version of a photo, if the photo is still there."""
    from reviews import files
    from reviews.imaging import thumbnail_of

    photo = ReviewPhoto.objects.filter(pk=key).first()
    if photo is None or (data := files.read(photo.name)) is None:
        return
    files.store(thumbnail_name(photo.name), thumbnail_of(data))
    ReviewPhoto.objects.filter(pk=key).update(has_thumbnail=True)


@subscribe("reviews.review_withdrawn", key="review_id")
@job(queue="low", coalesce=True)
def delete_photos(key: str) -> None:
    """Delete the photos of a review that its author has withdrawn."""
    from reviews.services.photos import delete_photos_of

    delete_photos_of(UUID(key))


@job(queue="low", atomic=False)
def delete_files(names: list[str]) -> None:
    """Delete files whose rows are gone. Those of a row that is there are left alone."""
    from reviews import files

    kept = {name for photo in ReviewPhoto.objects.filter(name__in=names) for name in photo.files}
    for name in names:
        if name not in kept:
            files.delete(name)


@scheduled("23 * * * *")
@job(queue="low", atomic=False)
def sweep_files() -> dict[str, int]:
    """Delete old files without a row, in one twenty-fourth of the folders."""
    from reviews.orphans import delete_orphans, folders_of

    return {"deleted": delete_orphans(folders_of(timezone.now().hour))}


@job(queue="default", coalesce=True)
def fold_votes(key: str) -> None:
    """Copy a review's shard totals into the review itself.

    Runs once for all votes of the review committed so far; the per-key lock that the
    runner holds makes a later run see a later state.
    """
    totals = ReviewVoteShard.objects.filter(review_id=key).aggregate(
        helpful=Sum("helpful", default=0), unhelpful=Sum("unhelpful", default=0)
    )
    folded = {"helpful_votes": totals["helpful"], "unhelpful_votes": totals["unhelpful"]}
    Review.objects.filter(pk=key).exclude(**folded).update(**folded)


@subscribe("reviews.review_decided", key="author_id")
@job(queue="low", coalesce=True)
def recompute_reputation(key: str) -> None:
    """Derive an author's reputation from their decided reviews."""
    from reviews.reputation import recompute

    recompute(UUID(key))


@subscribe("reviews.review_withdrawn", key="product_id")
@subscribe("reviews.visibility_changed", key="product_id")
@subscribe("reviews.reply_decided", key="product_id")
@subscribe("reviews.reply_withdrawn", key="product_id")
@subscribe("reviews.reply_visibility_changed", key="product_id")
@job(queue="high", coalesce=True)
def forget_stale_answers(key: str) -> None:
    """Take a product's pages out of the cache for outages: a text that was taken down must not come back with one."""
    from reviews.api.products import forget_stale_answers as forget

    forget(UUID(key))
