"""Background work of the reports app."""

from uuid import UUID

from reviews.jobs import recompute_reputation
from reviews.models import VendorReply
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled, subscribe
from trustengine.jobs.services import enqueue


@job(queue="high", coalesce=True)
def follow_case(key: str) -> None:
    """Bring the case of a content (``type:id``) in line with what waits there."""
    from reports.services.cases import follow

    content_type, _, content_id = key.partition(":")
    follow(content_type, UUID(content_id))


@subscribe("reviews.review_screened", key="review_id")
@subscribe("reviews.review_decided", key="review_id")
@subscribe("reviews.visibility_changed", key="review_id")
@subscribe("reviews.review_withdrawn", key="review_id")
@job(queue="high", coalesce=True)
def follow_review(key: str) -> None:
    """A review has been screened, decided on, hidden, shown or withdrawn: its case follows, and its reply's."""
    from reports.services.cases import follow

    follow("review", UUID(key))
    for reply in VendorReply.objects.filter(review=UUID(key)).values_list("pk", flat=True):
        enqueue(follow_reply, key=reply)


@subscribe("reviews.reply_screened", key="reply_id")
@subscribe("reviews.reply_decided", key="reply_id")
@subscribe("reviews.reply_visibility_changed", key="reply_id")
@subscribe("reviews.reply_withdrawn", key="reply_id")
@job(queue="high", coalesce=True)
def follow_reply(key: str) -> None:
    """The same for a vendor's reply, which has been screened, decided on, hidden, shown or withdrawn."""
    from reports.services.cases import follow

    follow("reply", UUID(key))


@subscribe("orders.product_changed", key="product_id")
@subscribe("orders.product_moderated", key="product_id")
@job(queue="default", coalesce=True)
def follow_product(key: str) -> None:
    """The same for a listing that its vendor has changed, or a moderator has hidden, removed or shown again."""
    from reports.services.cases import follow

    follow("product", UUID(key))


@job(queue="low", coalesce=True)
def recompute_reporter(key: str) -> None:
    """Derive a reporter's record from the outcomes of their reports; their reputation reads it."""
    from reports.records import recompute

    recompute([UUID(key)])
    enqueue(recompute_reputation, key=key)


@job(queue="low", coalesce=True)
def deliver_statements(key: str) -> None:
    """Write the statements of reasons of a decision that has stood for its grace period, and have them mailed."""
    from reports.services.statements import deliver

    deliver(UUID(key))


@job(queue="low", atomic=False)
def mail_statement(statement_id: str) -> None:
    """Send a statement of reasons by e-mail, once."""
    from reports.services.statements import mail

    mail(UUID(statement_id))


@job(queue="low", atomic=False)
def mail_ruling(appeal_id: str) -> None:
    """Tell an appellant by e-mail that the decision stands, once."""
    from reports.services.statements import mail_ruling as send

    send(UUID(appeal_id))


@job(queue="default", coalesce=True, long=True)
def look_back_further(key: str) -> None:
    """Put the next batch of an author's past reviews into cases."""
    from reports.services.looking_back import proceed

    proceed(UUID(key))


@job(queue="low", atomic=False)
def delete_evidence_files(names: list[str]) -> None:
    """Delete stored files whose rows are gone. Those of a row that is there are left alone."""
    from reports.models import Evidence
    from reviews import files

    kept = set(Evidence.objects.filter(file__in=names).values_list("file", flat=True))
    for name in names:
        if name not in kept:
            files.delete(name)


@scheduled("29 * * * *")
@job(queue="low", atomic=False)
def sweep_evidence() -> dict[str, int]:
    """Delete old evidence files without a row, in one twenty-fourth of the folders."""
    from reports.orphans import delete_orphans, folders_of

    return {"deleted": delete_orphans(folders_of(database_now().hour))}


def reporters_changed(users: list[UUID]) -> None:
    """Have the records of these reporters derived anew."""
    for user in sorted(set(users)):
        enqueue(recompute_reporter, key=user)
