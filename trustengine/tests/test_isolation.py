"""What the test runner itself promises to tests."""

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from trustengine.audit.models import Entry
from trustengine.audit.services import record


@pytest.mark.parametrize("time", ["first", "second"])
@pytest.mark.django_db(transaction=True)
def test_a_flush_empties_append_only_tables_and_restores_the_groups(time: str) -> None:
    """Whichever runs second finds the database as the first did, though both write what nobody may delete."""
    assert not Entry.objects.exists()
    assert Group.objects.filter(name="Moderators").exists()
    record("test.ran", ("test", 1))

    assert Entry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_within_a_test_append_only_tables_stay_so() -> None:
    record("test.ran", ("test", 1))

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Entry._meta.db_table} CASCADE")
