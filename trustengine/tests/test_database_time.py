import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db import DataError, OperationalError, connection, transaction
from django.utils import timezone

from trustengine import database_time
from trustengine.accounts.models import Profile
from trustengine.bulk import insert_rows
from trustengine.database_time import Reading, database_now, database_today
from trustengine.operations.tests.running import run_command
from trustengine.testing import database_time as shifted_time
from trustengine.tests.clock_readings import readings_of_the_process_clock


@pytest.mark.parametrize(
    "source",
    [
        "from django.utils import timezone\nx = timezone.now()",
        "from django.utils import timezone as tz\nfield(default=tz.now)",
        "from django.utils.timezone import now as present\nx = present()",
        "import django.utils.timezone\nx = django.utils.timezone.now()",
        "from django.utils import timezone\nx = timezone.localdate()",
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "import datetime as dt\nx = dt.date.today()",
        "from datetime import datetime\nx = datetime.now(UTC)",
        "from datetime import datetime\nx = datetime.utcnow",
        "import time\nx = time.time()",
        "from time import time_ns\nx = time_ns()",
        "field = models.DateTimeField(auto_now_add=True)",
    ],
)
def test_a_reading_of_the_process_clock_is_found_by_any_name(source):
    assert list(readings_of_the_process_clock(source))


@pytest.mark.parametrize(
    "source",
    [
        "import time\nx = time.monotonic()",
        "from django.utils import timezone\nx = timezone.localtime(moment)",
        "from django.db.models.functions import Now\nx = Now()",
    ],
)
def test_durations_and_conversions_are_not_readings(source):
    assert not list(readings_of_the_process_clock(source))


@pytest.fixture
def unread(monkeypatch):
    """A process that has read nothing yet, and reads as often as one does."""
    monkeypatch.setattr(database_time, "_last", None)
    monkeypatch.setattr(database_time, "READ_AGAIN_SECONDS", 10.0)


def server_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.django_db
@pytest.mark.usefixtures("unread")
def test_the_time_is_the_servers_however_wrong_the_process_is():
    month = timedelta(days=30)
    wall, now = time.time, timezone.now
    with (
        patch("time.time", lambda: wall() + month.total_seconds()),
        patch.object(timezone, "now", lambda: now() + month),
    ):
        before, shown, after = server_time(), database_now(), server_time()

    assert before - timedelta(milliseconds=1) <= shown <= after
    assert shown.tzinfo is UTC
    assert database_today() == timezone.localdate(shown)


@pytest.mark.django_db
@pytest.mark.usefixtures("unread")
def test_readings_cost_no_statement_and_one_is_early(django_assert_num_queries):
    with django_assert_num_queries(0):
        shown = [database_now() for _ in range(1_000)]

    assert shown == sorted(shown)
    assert shown[-1] <= server_time()


@pytest.mark.django_db
def test_the_clock_is_read_again_after_seconds(monkeypatch, unread):
    stale = Reading(datetime(2020, 1, 1, tzinfo=UTC), database_time._steady() - 9)
    monkeypatch.setattr(database_time, "_last", stale)
    assert database_now().year == 2020

    monkeypatch.setattr(database_time, "_last", stale._replace(steady=stale.steady - 2))
    assert database_now() > timezone.now() - timedelta(minutes=1)


@pytest.mark.django_db
def test_a_process_that_cannot_read_keeps_to_its_last_reading(monkeypatch, unread):
    known = Reading(datetime(2020, 1, 1, tzinfo=UTC), database_time._steady() - 11)
    with patch.object(connection, "ensure_connection", side_effect=OperationalError):
        with pytest.raises(OperationalError):
            database_now()
        monkeypatch.setattr(database_time, "_last", known)
        assert database_now() - known.moment < timedelta(seconds=12)


@pytest.mark.django_db
def test_a_transaction_that_has_failed_is_left_alone(monkeypatch, unread):
    monkeypatch.setattr(database_time, "_last", Reading(datetime(2020, 1, 1, tzinfo=UTC), database_time._steady() - 11))
    with suppress(DataError), transaction.atomic(), connection.cursor() as cursor:
        try:
            cursor.execute("SELECT 1/0")
        finally:
            shown = database_now()

    assert shown.year == 2020


@pytest.mark.django_db
@pytest.mark.usefixtures("unread")
def test_rows_are_copied_with_the_databases_time():
    insert_rows(Profile, [{"kind": "vendor", "display_name": "One"}, {"kind": "vendor", "display_name": "Two"}])

    made = Profile.objects.filter(display_name__in=["One", "Two"]).values_list("created_at", flat=True)
    assert len(made) == 2
    assert all(abs(server_time() - moment) < timedelta(seconds=5) for moment in made)


def test_a_test_may_stop_or_shift_the_time():
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    with shifted_time(moment):
        assert database_now() == moment
    with shifted_time(ahead=timedelta(days=2)):
        assert database_now() > timezone.now() + timedelta(days=1)


@pytest.mark.parametrize("command", [["check"], ["spectacular", "--file", "/dev/null"]])
def test_commands_without_a_database_do_not_ask_it_for_the_time(command, tmp_path):
    done = run_command(*command, DATA_DIR=str(tmp_path))

    assert done.returncode == 0, done.stderr
