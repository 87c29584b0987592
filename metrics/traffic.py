"""How often pages with reviews were seen, as whoever serves them tells it: something to compare reports with."""

from datetime import date

from django.db import transaction

from metrics.models import PageViews
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now, database_today
from trustengine.errors import InvalidInput, PermissionDenied

PERMISSION = "accounts.record_usage"  # of the group Services


@transaction.atomic
def tell_page_views(day: date, views: int, *, actor: User) -> PageViews:
    """Take down a day's views in place of what was told of it before: repeating it changes nothing.

    Raises PermissionDenied without the permission of the group Services, InvalidInput for a day to come.
    """
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    if day > database_today():
        raise InvalidInput(fields={"day": "This day has not come yet."})
    row, is_new = PageViews.objects.select_for_update(of=("self",), no_key=True).get_or_create(
        day=day, defaults={"views": views}
    )
    if not is_new and row.views == views:
        return row
    before = None if is_new else {"views": row.views}
    row.views, row.told_at = views, database_now()
    row.save(update_fields=["views", "told_at"])
    record("page_views.told", row, actor=actor, before=before, after={"day": str(day), "views": views})
    return row
