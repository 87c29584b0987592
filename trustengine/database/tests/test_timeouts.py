"""The time-outs of the role, and those that commands, migrations and long jobs state themselves."""

import inspect
import re

import pytest
from django.core.checks import run_checks
from django.core.management import get_commands, load_command_class
from django.core.management.commands import migrate
from django.db import OperationalError, connection, transaction

from trustengine import command_line
from trustengine.command_line import SERVING, WITHOUT_SERVERS
from trustengine.database import timeouts
from trustengine.database.timeouts import Timeouts, long_running, role_timeouts, stated, timeout_problems
from trustengine.jobs.claims import claim
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handlers, is_long
from trustengine.jobs.runner import run
from trustengine.operations.schema import bring_up_to_date

OWN_APPS = ("trustengine", "orders", "billing", "reviews", "reports", "metrics")
# Walks that end at once: what they put off is one key's own next run.
ONE_KEY_AGAIN = {"reviews.fold_votes"}


def in_force():
    """The time-outs of the next statement, in milliseconds."""
    query = (
        "SELECT name, setting::bigint FROM pg_settings WHERE name IN "
        "('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return dict(cursor.fetchall())


@pytest.fixture
def fresh_connection(transactional_db):
    """A connection made after migration, as every process of a running system has it."""
    connection.close()
    yield
    connection.close()


@pytest.fixture
def role_without_timeouts(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER IN DATABASE {connection.settings_dict['NAME']} RESET ALL")
    yield
    timeouts.set_role_timeouts()


def test_migration_gives_the_role_its_timeouts(fresh_connection, settings):
    assert in_force() == role_timeouts().settings
    assert in_force() == {
        "statement_timeout": settings.STATEMENT_TIMEOUT_MS,
        "lock_timeout": settings.LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": 60_000,
    }
    assert timeout_problems() == []


def test_a_role_without_timeouts_is_found_by_the_check_and_the_gauge(role_without_timeouts, client):
    problems = timeout_problems()
    assert len(problems) == 3
    assert "lock_timeout is 0 ms instead of 3000 ms" in problems

    found = [message for message in run_checks(databases=["default"]) if message.id == "operations.E001"]
    ready = client.get("/readyz")
    metrics = client.get("/metrics").content.decode()

    assert len(found) == 3
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert "statement_timeout is 0 ms" in ready.json()["checks"]["timeouts"]
    assert "trustengine_database_timeouts_unset 3.0" in metrics


def test_settings_that_changed_since_migration_are_found(settings, transactional_db):
    settings.LOCK_TIMEOUT_MS = 1_234

    assert timeout_problems() == ["lock_timeout is 3000 ms instead of 1234 ms"]


def test_a_start_sets_them_again(role_without_timeouts, tmp_path):
    from trustengine.operations.startup import prepare_database

    prepare_database(tmp_path)

    assert timeout_problems() == []


def test_a_long_block_states_its_own_in_and_outside_of_transactions(fresh_connection):
    role = role_timeouts().settings
    with stated(Timeouts(statement_ms=70_000, lock_ms=8_000, idle_ms=90_000)):
        inside = {"statement_timeout": 70_000, "lock_timeout": 8_000, "idle_in_transaction_session_timeout": 90_000}
        assert in_force() == inside
        with transaction.atomic():
            assert in_force() == inside
            with stated(Timeouts(statement_ms=1_000, lock_ms=1_000)):
                assert in_force()["statement_timeout"] == 1_000
            assert in_force() == inside
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")  # nothing is left on the session, either
    assert in_force() == role


def test_a_block_inside_a_transaction_ends_with_it_even_after_an_error(fresh_connection):
    role = role_timeouts().settings
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic(), long_running():
            raise ZeroDivisionError
        assert in_force() == role
        with pytest.raises(ZeroDivisionError), long_running(), transaction.atomic():
            raise ZeroDivisionError
        assert in_force() == role
        with pytest.raises(OperationalError):
            sleep_for_too_long()
        assert in_force() == role


def test_a_long_transaction_may_still_choose_its_isolation(fresh_connection):
    with long_running(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("repeatable read",)


def sleep_for_too_long():
    with transaction.atomic(), stated(Timeouts(statement_ms=10, lock_ms=10)), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(1)")


def own_commands():
    return sorted(name for name, app in get_commands().items() if app.startswith(OWN_APPS))


@pytest.mark.parametrize("name", [*own_commands(), "migrate", "dumpdata", "clearsessions"])
def test_every_command_states_timeouts_of_its_own(name, fresh_connection, settings, monkeypatch):
    """Also those that another adds: only what serves requests or jobs has the role's."""
    seen = {}
    command = type(load_command_class(get_commands()[name], name))
    monkeypatch.setattr(command, "add_arguments", lambda self, parser: None)
    monkeypatch.setattr(command, "requires_system_checks", [])
    target = migrate.Command if name == "migrate" else command
    monkeypatch.setattr(target, "handle", lambda self, *args, **options: seen.update(in_force()))

    assert command_line.run(["manage.py", name]) == 0

    if name in SERVING or (name in WITHOUT_SERVERS and name != "up"):
        assert seen == role_timeouts().settings
    else:
        assert seen["statement_timeout"] == settings.LONG_STATEMENT_TIMEOUT_MS
        assert seen["lock_timeout"] == (timeouts.MIGRATION_LOCK_MS if name == "migrate" else timeouts.LONG_LOCK_MS)


def test_migrations_state_theirs_whoever_applies_them(fresh_connection, settings, monkeypatch, tmp_path):
    seen = {}
    monkeypatch.setattr(migrate.Command, "handle", lambda self, *args, **options: seen.update(in_force()))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET app = 'gone' WHERE app = 'metrics'")
    try:
        bring_up_to_date(tmp_path)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE django_migrations SET app = 'metrics' WHERE app = 'gone'")

    assert seen["statement_timeout"] == settings.LONG_STATEMENT_TIMEOUT_MS
    assert seen["lock_timeout"] == timeouts.MIGRATION_LOCK_MS


def test_migrating_repairs_what_the_check_refuses(role_without_timeouts, capsys):
    assert command_line.run(["manage.py", "migrate", "-v0"]) == 0

    assert timeout_problems() == []


def test_jobs_that_go_through_many_rows_are_declared_long():
    """A handler that enqueues itself for the rest, and whatever is scheduled."""
    walking = {
        handler.kind
        for handler in handlers()
        if re.search(rf"enqueue\(\s*{handler.function.__name__}\b", inspect.getsource(handler.function))
    }
    assert walking >= {"accounts.erase", "operations.reconcile_slice", "reviews.remove_votes"}
    long = {handler.kind for handler in handlers() if is_long(handler)}
    assert walking - ONE_KEY_AGAIN <= long
    assert long >= {"audit.verify_seals", "jobs.prune", "reviews.recompute_reputations"}


@pytest.mark.parametrize("handler", [each for each in handlers() if is_long(each)], ids=lambda handler: handler.kind)
def test_every_long_job_states_timeouts_of_its_own(handler, fresh_connection, settings, monkeypatch):
    seen = {}
    monkeypatch.setattr("trustengine.jobs.runner._call", lambda handler, taken: seen.update(in_force()))
    Job.objects.create(kind=handler.kind, key="1" if handler.coalesce else "", max_attempts=1)

    assert run(handler, claim(handler)[0])

    assert seen["statement_timeout"] == settings.LONG_STATEMENT_TIMEOUT_MS
    assert seen["lock_timeout"] == settings.LOCK_TIMEOUT_MS


def test_a_short_job_has_the_roles_timeouts(fresh_connection, monkeypatch):
    seen = {}
    monkeypatch.setattr("trustengine.jobs.runner._call", lambda handler, taken: seen.update(in_force()))
    handler = next(each for each in handlers() if not is_long(each) and not each.together)
    Job.objects.create(kind=handler.kind, key="1" if handler.coalesce else "", max_attempts=1)

    assert run(handler, claim(handler)[0])

    assert seen == role_timeouts().settings


def test_nobody_sets_timeouts_past_the_mechanism(settings):
    """A session's own SET leaks behind PgBouncer; SET LOCAL by hand is what the next one forgets."""
    by_hand = re.compile(r"SET\s+(LOCAL\s+|SESSION\s+)?\w*(statement|lock|session)_timeout", re.IGNORECASE)
    found = [
        str(path.relative_to(settings.BASE_DIR))
        for app in OWN_APPS
        for path in (settings.BASE_DIR / app).rglob("*.py")
        if {"tests", "migrations"}.isdisjoint(path.parts) and by_hand.search(path.read_text())
    ]
    assert found == []
