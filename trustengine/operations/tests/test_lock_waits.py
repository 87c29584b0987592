"""Requests that wait for one lock, on a whole running system: answered in time, and nobody else waits with them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from trustengine.embedded import addresses
from trustengine.operations.tests.running import Answer, System, run_command

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks at processes through /proc")

SEED = """
from orders.tests.factories import ProductFactory
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.testing import bearer
owner = UserFactory()
print(ProductFactory(vendor=VendorFactory(owner=owner)).pk, bearer(owner), sep="|")
"""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("locks") / "data", LOCK_TIMEOUT_MS="3000")
    try:
        system.wait_until_ready()
        yield system
    finally:
        system.end()


@pytest.fixture(scope="module")
def shop(system: System) -> tuple[str, str]:
    """A product's address, and its vendor's credentials."""
    done = run_command("shell", "-v0", "-c", SEED, DATA_DIR=str(system.data_dir))
    assert done.returncode == 0, done.stderr
    product, bearer = done.stdout.strip().split("|")
    return f"/api/v1/vendor/products/{product}/", bearer


def connect(system: System) -> psycopg.Connection:
    return psycopg.connect(addresses(system.data_dir).database_url, autocommit=True)


@contextmanager
def locked_products(system: System) -> Iterator[None]:
    with connect(system) as connection, connection.transaction():
        connection.execute("SELECT 1 FROM orders_product FOR UPDATE")
        yield
    connection.close()


def ask_in_threads(system: System, shop: tuple[str, str], count: int) -> tuple[list[threading.Thread], list[Answer]]:
    answers: list[Answer] = []

    def change() -> None:
        answers.append(system.ask("PATCH", shop[0], {"price_cents": 700}, patience=60, Authorization=shop[1]))

    threads = [threading.Thread(target=change, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_the_role_of_a_fresh_system_has_its_timeouts(system: System) -> None:
    with connect(system) as connection:
        held = [connection.execute(f"SHOW {name}").fetchone() for name in ("lock_timeout", "statement_timeout")]
    connection.close()
    assert held == [("3s",), ("15s",)]
    assert system.get("/readyz")[1]["checks"]["timeouts"] == "ok"


def test_a_request_behind_a_locked_row_is_asked_to_try_again(system: System, shop: tuple[str, str]) -> None:
    with locked_products(system):
        answer = system.ask("PATCH", shop[0], {"price_cents": 650}, Authorization=shop[1])

    assert (answer.status, answer.json["code"]) == (503, "TRY_AGAIN")
    assert int(answer.headers["Retry-After"]) >= 1
    assert 2.5 < answer.seconds < 8
    assert system.ask("PATCH", shop[0], {"price_cents": 650}, Authorization=shop[1]).status == 200


@pytest.mark.parametrize("count", [20, 160])
def test_liveness_is_answered_while_many_requests_wait_for_one_lock(
    system: System, shop: tuple[str, str], count: int
) -> None:
    with locked_products(system):
        threads, answers = ask_in_threads(system, shop, count)
        time.sleep(1.5)
        health = [system.ask("GET", "/healthz") for _ in range(10)]
        ready = system.ask("GET", "/readyz")
        for thread in threads:
            thread.join(60)

    assert [answer.status for answer in health] == [200] * 10
    assert max(answer.seconds for answer in health) < 1.5
    assert (ready.status, ready.json["checks"]["database"]) == (200, "ok")
    assert len(answers) == count
    assert {(answer.status, answer.json["code"]) for answer in answers} == {(503, "TRY_AGAIN")}
    assert all(answer.headers["Retry-After"] for answer in answers)
    assert system.ask("PATCH", shop[0], {"price_cents": 710}, Authorization=shop[1]).status == 200


def test_a_system_without_timeouts_says_so(system: System) -> None:
    with connect(system) as connection:
        connection.execute("ALTER ROLE CURRENT_USER IN DATABASE trustengine RESET lock_timeout")
    connection.close()
    try:
        status, answer = system.get("/readyz")
        assert (status, answer["status"]) == (200, "degraded")
        assert answer["checks"]["timeouts"] == "lock_timeout is 0 ms instead of 3000 ms"
        assert "trustengine_database_timeouts_unset 1.0" in system.ask("GET", "/metrics").text

        check = run_command("check", "--database", "default", DATA_DIR=str(system.data_dir))
        assert check.returncode == 1
        assert "(operations.E001) lock_timeout is 0 ms instead of 3000 ms" in check.stderr
    finally:
        with connect(system) as connection:
            connection.execute("ALTER ROLE CURRENT_USER IN DATABASE trustengine SET lock_timeout = 3000")
        connection.close()
    assert run_command("check", "--database", "default", DATA_DIR=str(system.data_dir)).returncode == 0
