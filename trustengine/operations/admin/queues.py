"""django-rq's own pages of queues, messages and workers in the console, guarded.

By itself django-rq lets everybody who is staff empty queues, answers 500 while Redis is
away and for what is not there, and leaves no trace. Messages are wake-ups only: what is
lost with one, the next sweep sends again. Its templates are written for the look of
Django's admin, and bring an inline script for a jQuery plugin that Django no longer has.
"""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import SimpleTemplateResponse
from django.templatetags.static import static
from django_rq import stats_views
from django_rq.urls import get_admin_urlpatterns
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError

from trustengine.admin import Link, register_links, register_page
from trustengine.admin.sidebar import SYSTEM
from trustengine.api.problems import unavailable
from trustengine.audit.services import record
from trustengine.errors import TryAgain

VIEW, OPERATE = "jobs.view_job", "jobs.operate_job"
NOT_THERE = (LookupError, ValueError, NoSuchJobError, DeserializationError)
RQ_SCHEDULER = "django_rq_scheduler_jobs"  # of a package that is not installed
AWAY = "Redis cannot be reached. Jobs wait in the database meanwhile; see Jobs."

ROOT = "django_rq/dashboard/"  # where django-rq's users expect it
INLINE_SCRIPT = re.compile(rb'<script type="text/javascript">.*?</script>', re.DOTALL)

View = Callable[..., HttpResponse]


def _guarded(name: str, view: View) -> View:
    """Reading takes the right to see jobs, everything else the right to operate them."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        reading = request.method in {"GET", "HEAD", "OPTIONS"}
        if not request.user.has_perm(VIEW if reading else OPERATE):
            raise PermissionDenied
        request.current_app = "admin"  # type: ignore[attr-defined]
        try:
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse):
                response.render()
        except RedisError:
            return unavailable(request, TryAgain(AWAY, retry_after=5))
        except NOT_THERE as error:
            raise Http404 from error
        except InvalidJobOperation as error:
            return HttpResponse(str(error), status=409, content_type="text/plain")
        if not reading and response.status_code < 400:
            about = kwargs.get("job_id") or str(kwargs.get("queue_index", ""))
            record(f"queue.{name.removeprefix('django_rq_')}", ("rq", about), actor=request.user)
        return _dressed(response)

    return guarded


def _dressed(response: HttpResponse) -> HttpResponse:
    """Give a page the console's look, and a script of ours for the one that the content security policy refuses."""
    if response.headers.get("Content-Type", "").startswith("text/html"):
        styles = f'<link rel="stylesheet" href="{static("trustengine/queues.css")}">'
        script = f'<script src="{static("trustengine/queues.js")}" defer></script>'
        content = INLINE_SCRIPT.sub(b"", response.content)
        response.content = content.replace(b"</head>", f"{styles}{script}</head>".encode(), 1)
    return response


def _pages() -> Iterator[tuple[str, str, View]]:
    """Route, name and view of each page."""
    yield "", "django_rq_dashboard_changelist", stats_views.stats
    yield "stats.json", "django_rq_home_json", stats_views.stats_json  # by themselves open to whoever has a token
    yield "metrics", "django_rq_metrics", stats_views.prometheus_metrics
    for page in get_admin_urlpatterns(name_prefix="django_rq_"):
        if page.name != RQ_SCHEDULER:
            yield str(page.pattern), str(page.name), page.callback


for _route, _name, _view in _pages():
    register_page(ROOT + _route, _name)(_guarded(_name, _view))

register_links(
    SYSTEM,
    Link("Queues", "django_rq_dashboard_changelist", "queue", permission=VIEW, order=13),
)
