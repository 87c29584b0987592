"""/healthz, /readyz and /metrics."""

import re
import socket
import threading
import time
from contextlib import contextmanager
from ipaddress import ip_network

import pytest
from django.db import connection, connections
from prometheus_client.parser import text_string_to_metric_families

from reviews.tests.factories import pending_review
from trustengine import health, insight
from trustengine.deadlines import Deadline, Unanswered
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for

PROBES = ["/healthz", "/readyz", "/metrics"]


def probe(path, **headers):
    return api_client_for().get(path, **headers)


def samples(text):
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextmanager
def database_at(host, port=""):
    """The database is looked for elsewhere."""
    connections.close_all()
    address = connection.settings_dict
    before = {name: address[name] for name in ("HOST", "PORT")}
    address |= {"HOST": host, "PORT": port}
    try:
        yield
    finally:
        connections.close_all()
        address |= before


@pytest.fixture
def silent_server():
    """A port that takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(20)
        yield server.getsockname()[1]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", PROBES)
def test_probes_are_answered_whatever_the_host_says_and_never_kept(path, settings):
    settings.SECURE_SSL_REDIRECT = True

    answer = probe(path, HTTP_HOST="10.1.2.3:8000")

    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    assert answer["X-Request-ID"]
    assert api_client_for().post(path).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_liveness_asks_nobody(settings):
    settings.REDIS_ADDRESS = "unix:///nowhere"

    with database_at("/nowhere"):
        assert probe("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db(transaction=True)
def test_readiness_names_each_check():
    answer = probe("/readyz")

    assert answer.status_code == 200
    checks = {"database": "ok", "redis": "ok", "migrations": "ok", "timeouts": "ok", "oldest_due_job_seconds": 0.0}
    assert answer.json() == {"status": "ok", "checks": checks}


@pytest.mark.django_db(transaction=True)
def test_late_jobs_and_an_absent_redis_degrade_but_do_not_take_the_system_out(settings):
    settings.REDIS_ADDRESS = "unix:///nowhere?password=hunter2"
    pending_review()
    Job.objects.update(run_at="2026-01-01T00:00Z")

    answer = probe("/readyz")

    assert (answer.status_code, answer.json()["status"], answer.json()["checks"]["redis"]) == (200, "degraded", "away")
    assert answer.json()["checks"]["oldest_due_job_seconds"] > 120
    assert "hunter2" not in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_missing_migrations_are_not_ready(monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'gone' WHERE app = 'reviews'")
        count = cursor.rowcount
    monkeypatch.setattr(health, "_migrated", False)
    try:
        answer = probe("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = 'reviews' WHERE app = 'gone'")

    assert (answer.status_code, answer.json()["checks"]["migrations"]) == (503, f"{count} pending")


@pytest.mark.django_db(transaction=True)
def test_without_the_database_the_system_is_not_ready_and_metrics_say_so():
    with database_at("/nowhere"):
        ready = probe("/readyz")
        metrics = probe("/metrics")

    assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "away")
    assert "nowhere" not in ready.content.decode()
    assert metrics.status_code == 200
    assert samples(metrics.content.decode())[("trustengine_database_up",)] == 0


def test_a_question_that_hangs_is_given_up_and_not_asked_again_meanwhile():
    asked, release = [], threading.Event()

    def hang():
        asked.append(1)
        release.wait(10)
        return "late"

    ask = Deadline(hang, seconds=0.1)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(Unanswered):
            ask()
    assert (len(asked), time.monotonic() - began < 1) == (1, True)
    release.set()


@pytest.mark.django_db(transaction=True)
def test_one_request_waits_for_a_silent_database_and_the_others_know(silent_server):
    spent = []
    with database_at("127.0.0.1", silent_server):
        for _ in range(10):
            began = time.monotonic()
            assert probe("/api/v1/products/").status_code == 503
            spent.append(time.monotonic() - began)

    assert spent[0] > 1
    assert sorted(spent[1:])[len(spent) // 2] < 0.5  # the middle one: another process may have the machine for a while


@pytest.mark.django_db(transaction=True)
def test_metrics_tell_what_waits():
    review = pending_review()
    Job.objects.create(kind="orders.of_long_ago", max_attempts=1, state="dead", dead_letter_at="2026-01-01T00:00Z")
    Job.objects.filter(state="ready").update(run_at="2026-01-01T00:00Z")
    review.revisions.update(created_at="2026-01-01T00:00Z")

    answer = probe("/metrics")

    found = samples(answer.content.decode())
    assert answer["Content-Type"].startswith("text/plain")
    assert found[("trustengine_database_up",)] == 1
    assert found[("trustengine_dead_letters",)] == 1
    assert found[("trustengine_jobs", "orders.of_long_ago", "dead")] == 1
    assert found[("trustengine_jobs", "reviews.screen_review", "ready")] == 1
    assert found[("trustengine_oldest_due_job_seconds",)] > 1e6
    assert found[("trustengine_pending_reviews",)] == 1
    assert found[("trustengine_oldest_pending_review_seconds",)] > 1e6


@pytest.mark.django_db(transaction=True)
def test_a_gauge_that_takes_too_long_or_writes_is_left_out_and_the_others_are_told(monkeypatch):
    monkeypatch.setattr(insight, "_gauges", dict(insight._gauges))

    def run(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
        return 1.0

    insight.gauge("test_slow", "Sleeps.")(lambda: run("SELECT pg_sleep(3)"))
    insight.gauge("test_writing", "Writes.")(lambda: run("DELETE FROM jobs_job"))
    insight.gauge("test_labelled", "Has labels.", labels=["target"])(lambda: {("votes",): 2.0})

    found = samples(probe("/metrics").content.decode())

    assert found[("trustengine_database_up",)] == 1
    assert found[("test_labelled", "votes")] == 2
    assert ("test_slow",) not in found
    assert ("test_writing",) not in found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("sender", "proxies", "forwarded", "status"),
    [
        ("127.0.0.1", [], None, 200),
        ("10.3.4.5", [], None, 200),
        ("8.8.8.8", [], None, 403),
        ("10.3.4.5", [], "8.8.8.8", 403),  # a proxy that nobody has named: everyone would look near
        ("10.3.4.5", ["10.3.4.5/32"], "8.8.8.8", 403),
        ("10.3.4.5", ["10.3.4.5/32"], "10.9.9.9", 200),
        ("8.8.8.8", [], "10.9.9.9", 403),
    ],
)
def test_metrics_are_for_those_who_are_near(sender, proxies, forwarded, status, settings):
    settings.TRUSTED_PROXIES = [ip_network(proxy) for proxy in proxies]
    headers = {} if forwarded is None else {"HTTP_X_FORWARDED_FOR": forwarded}

    assert probe("/metrics", REMOTE_ADDR=sender, **headers).status_code == status


@pytest.mark.django_db(transaction=True)
def test_from_afar_the_token_opens_the_metrics(settings):
    settings.METRICS_TOKEN = "a token of the tests"
    far = {"REMOTE_ADDR": "8.8.8.8"}

    assert probe("/metrics", HTTP_AUTHORIZATION="Bearer a token of the tests", **far).status_code == 200
    wrong = probe("/metrics", HTTP_AUTHORIZATION="Bearer another", REMOTE_ADDR="127.0.0.1")
    assert (wrong.status_code, wrong.json()["code"]) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize("header", ["Bearer ", "Bearer", "Basic x", "x"])
def test_without_a_configured_token_none_is_right(header, settings):
    settings.METRICS_TOKEN = ""

    assert probe("/metrics", HTTP_AUTHORIZATION=header).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_every_metric_that_is_documented_or_alerted_on_exists(settings):
    api_client_for().get("/api/v1/products/")
    exposed = set(re.findall(r"^# TYPE (\S+)", probe("/metrics").content.decode(), flags=re.MULTILINE))
    docs = settings.BASE_DIR / "docs"
    told = "".join((docs / name).read_text() for name in ("operating.md", "prometheus-alerts.yml"))
    named = set(re.findall(r"\b(?:trustengine|django_http)_[a-z_]*[a-z]\b(?=[{`(\[ )])", told))

    named -= {"trustengine_audit"}  # a role of the database
    still_to_come = {"trustengine_reconcile_drift"}  # registered where runs of reconcile are recorded
    assert {"trustengine_oldest_due_job_seconds", "django_http_responses_total_by_status_total"} <= named
    assert not {name.removesuffix("_bucket") for name in named} - exposed - still_to_come
