"""Functions in the database are what the code says, by migrations that tell."""

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from trustengine.stored_functions import Install, StoredFunction


def installed():
    """Each function with the digest that the last migration which installs it was written for."""
    graph = MigrationLoader(None).graph
    last = {}
    for node in graph.leaf_nodes():
        for key in graph.forwards_plan(node):
            for operation in graph.nodes[key].operations:
                if isinstance(operation, Install):
                    last[operation.function.name] = (operation.function, operation.digest)
    return last


def test_the_last_migration_that_installs_a_function_was_written_for_its_text():
    """Whoever changes a definition adds a migration with ``Install(FUNCTION, "the digest that is expected here")``."""
    told = {name: digest for name, (_, digest) in installed().items()}
    assert told == {name: function.digest for name, (function, _) in installed().items()}
    assert told.keys() >= {"jobs_finish", "metrics_follow"}


@pytest.mark.django_db
def test_the_database_holds_them():
    for function, _ in installed().values():
        with connection.cursor() as cursor:
            cursor.execute("SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure(%s)", [signature(function)])
            assert cursor.fetchone()[0].strip() in function.definition


def signature(function: StoredFunction) -> str:
    return f"{function.name}({function.parameters})"


def test_a_digest_tells_texts_apart_and_not_their_layout():
    one, two, other = (StoredFunction("f", "", text) for text in ("SELECT 1", "SELECT\n  1 ", "SELECT 2"))
    assert one.digest == two.digest != other.digest
