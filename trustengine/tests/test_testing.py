import pytest
from django.db import connection

from trustengine.testing import at_once


@pytest.mark.django_db(transaction=True)
def test_calls_made_at_once_have_connections_of_their_own():
    def backend():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0]

    assert len({backend(), *at_once(backend, backend, backend)}) == 4


@pytest.mark.django_db(transaction=True)
def test_calls_made_at_once_return_results_and_errors_in_their_order():
    outcomes = at_once(lambda: 1, lambda: 1 / 0, lambda: "three")

    assert [outcomes[0], type(outcomes[1]), outcomes[2]] == [1, ZeroDivisionError, "three"]


@pytest.mark.django_db
def test_calls_cannot_be_made_at_once_inside_a_test_transaction():
    with pytest.raises(AssertionError, match="transaction=True"):
        at_once(lambda: None)
