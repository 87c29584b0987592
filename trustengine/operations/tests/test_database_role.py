import os
from urllib.parse import urlsplit, urlunsplit

import pytest

from trustengine.operations.tests.running import run_command
from trustengine.row_security import is_bypassed

CHECK = ["check", "--database", "default"]


def as_superuser() -> str:
    """The address of the tests' own PostgreSQL for the superuser that initdb made."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    return urlunsplit(parts._replace(netloc=parts.netloc.replace("trustengine@", "postgres@", 1)))


@pytest.mark.django_db
def test_the_embedded_servers_role_is_kept_by_row_security() -> None:
    assert not is_bypassed()
    assert "operations.W001" not in run_command(*CHECK, DATABASE_URL=os.environ["DATABASE_URL"]).stderr


@pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="that server's superuser is not ours")
def test_a_superuser_as_the_role_is_warned_of() -> None:
    check = run_command(*CHECK, DATABASE_URL=as_superuser())

    assert "operations.W001" in check.stderr
    assert "neither SUPERUSER nor BYPASSRLS" in check.stderr
