"""django-rq's pages in the console: who may read them, who may change something, and what is left of it."""

import re

import django_rq
import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.urls import reverse
from django_rq.urls import get_admin_urlpatterns
from redis.exceptions import ConnectionError as RedisAway

from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.jobs.bells import DRAIN

pytestmark = pytest.mark.django_db

ROUTES = {page.name: page for page in admin.site.extra_urls() if page.name.startswith("django_rq_")}
PAGES = list(ROUTES)
IDS = {
    "queue_index": 0,
    "job_id": "no-such-job",
    "result_id": "0-1",
    "key": "no-such-worker",
    "scheduler_index": 0,
    "connection_index": 0,
    "scheduler_name": "nobody",
    "cron_job_name": "nothing",
}


def address(name, **changes):
    page = ROUTES[name]
    given = {key: (IDS | changes)[key] for key in page.pattern.converters}
    return reverse(f"admin:{name}", kwargs=given)


def staff(client, *groups):
    person = UserFactory(username="-".join(groups) or "nobody", is_staff=True)
    person.groups.set(Group.objects.filter(name__in=groups))
    client.force_login(person)
    return person


@pytest.fixture
def message():
    queue = django_rq.get_queue("default", commit_mode="auto")
    queue.empty()
    yield queue.enqueue(DRAIN, "nothing.known", result_ttl=0, failure_ttl=0)
    queue.empty()


def test_operators_read_every_page(client, message):
    staff(client, "Operators")
    index = sorted(["high", "default", "low"]).index("default")

    for name in PAGES:
        answer = client.get(address(name, queue_index=index, job_id=message.id))
        assert answer.status_code in {200, 302, 404, 405}, name
    shown = client.get(address("django_rq_jobs", queue_index=index)).content.decode()
    assert DRAIN in shown
    assert (
        "nothing.known"
        in client.get(address("django_rq_job_detail", queue_index=index, job_id=message.id)).content.decode()
    )


def test_every_page_has_the_consoles_look_and_no_refused_script(client, message):
    staff(client, "Operators")
    index = sorted(["high", "default", "low"]).index("default")

    looked_at = 0
    for name in PAGES:
        answer = client.get(address(name, queue_index=index, job_id=message.id))
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            page = answer.content.decode()
            assert "trustengine/queues" in page, name
            scripts = re.findall(r"<script(?P<attributes>[^>]*)>", page)
            assert all("src=" in script or "application/json" in script for script in scripts), (name, scripts)
            looked_at += 1
    assert looked_at > 10


@pytest.mark.parametrize("name", PAGES)
def test_others_of_the_staff_neither_read_nor_change(name, client):
    staff(client, "Moderators")

    assert client.get(address(name)).status_code == 403
    assert client.post(address(name)).status_code == 403


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("changes", [{}, {"queue_index": 99, "scheduler_index": 99, "connection_index": 99}])
def test_what_is_not_there_is_no_error_of_ours(name, changes, client):
    staff(client, "Operators")

    for query in ("", "?page=x", "?page=-1", "?page=99999999999999999999"):
        assert client.get(address(name, **changes) + query).status_code in {200, 302, 404, 405}
    assert client.post(address(name, **changes), {"action": "delete", "job_ids": ["x"]}).status_code < 500


def test_emptying_a_queue_takes_the_right_to_operate_and_leaves_an_entry(client, message):
    index = sorted(["high", "default", "low"]).index("default")
    person = staff(client, "Operators")

    answer = client.post(address("django_rq_clear", queue_index=index))

    assert answer.status_code == 302
    assert django_rq.get_queue("default").count == 0
    entry = Entry.objects.get(verb="queue.clear")
    assert (entry.actor_id, entry.object_id) == (person.pk, str(index))


@pytest.mark.parametrize("name", ["django_rq_dashboard_changelist", "django_rq_jobs", "django_rq_workers"])
def test_without_redis_the_pages_say_so(name, client, monkeypatch):
    staff(client, "Operators")

    def away(*args, **kwargs):
        raise RedisAway("gone")

    monkeypatch.setattr("redis.connection.AbstractConnection.connect", away)
    monkeypatch.setattr("redis.client.Redis.execute_command", away)
    monkeypatch.setattr("redis.client.Pipeline.execute", away)
    answer = client.get(address(name))

    assert answer.status_code == 503
    assert "Redis cannot be reached" in answer.content.decode()


def test_there_are_all_pages_of_django_rq():
    assert len(PAGES) > 20
    assert {page.name for page in get_admin_urlpatterns(name_prefix="django_rq_")} - set(PAGES) == {
        "django_rq_scheduler_jobs"  # of a package that is not installed
    }


def test_the_sidebar_leads_there(client):
    staff(client, "Operators")

    assert reverse("admin:django_rq_dashboard_changelist") in client.get(reverse("admin:index")).content.decode()
