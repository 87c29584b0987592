"""Doors that stand open by mistake: demo accounts, and a Redis without a password."""

import django_rq
import pytest
from django.core import checks
from redis.exceptions import ResponseError

from trustengine.accounts.jobs import rewrite_redis_log
from trustengine.accounts.tests.factories import UserFactory
from trustengine.devtools.checks import demo_accounts
from trustengine.embedded.redis import Redis
from trustengine.operations.checks import redis_password
from trustengine.operations.startup import CannotStart, require_loopback
from trustengine.operations.tests.running import run_command


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST.", "::1", "[::1]", "::ffff:127.0.0.1"]
)
def test_demo_accounts_are_made_on_this_machine(host):
    require_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "shop.example", "10.0.0.1", "::ffff:10.0.0.1", ""])
def test_demo_accounts_are_not_made_where_others_reach_them(host):
    with pytest.raises(CannotStart, match="--yes"):
        require_loopback(host)


def test_the_start_says_what_to_add_and_makes_nothing(tmp_path):
    done = run_command("up", "--host", "0.0.0.0", "--seed", "demo", DATA_DIR=str(tmp_path / "data"))

    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


@pytest.mark.django_db
def test_the_check_finds_demo_accounts_that_still_have_their_passwords():
    assert demo_accounts(None) == []
    known, changed, closed = (
        UserFactory(username="admin"),
        UserFactory(username="moderator"),
        UserFactory(username="vendor"),
    )
    known.set_password("demo-admin")
    changed.set_password("correct horse battery")
    closed.set_password("demo-vendor")
    closed.is_active = False
    for user in (known, changed, closed):
        user.save()

    (found,) = demo_accounts(None)

    assert found.id == "devtools.W001"
    assert "admin" in found.msg
    assert "moderator" not in found.msg
    assert "vendor" not in found.msg


def test_the_checks_are_made_by_check_deploy_and_at_every_start():
    deploy = checks.registry.registry.deployment_checks
    assert demo_accounts in deploy
    assert redis_password in checks.registry.registry.registered_checks


@pytest.mark.parametrize(
    ("address", "open_door"),
    [
        ("unix:///run/redis.sock?db=0", False),
        ("redis://127.0.0.1:6379/0", False),
        ("redis://localhost:6379/0", False),
        ("redis://[::1]:6379/0", False),
        ("redis://:secret@10.0.0.5:6379/0", False),
        ("rediss://user:secret@redis.example:6379/0", False),
        ("redis://10.0.0.5:6379/0?password=secret", False),
        ("redis://10.0.0.5:6379/0", True),
        ("redis://redis:6379/0", True),
        ("rediss://redis.example/0", True),
        ("redis://user@redis.example/0", True),
    ],
)
def test_a_redis_that_others_reach_asks_for_a_password(address, open_door, settings):
    settings.REDIS_ADDRESS = address

    found = redis_password(None)

    assert [each.id for each in found] == (["operations.W006"] if open_door else [])
    assert all("secret" not in each.msg for each in found)


@pytest.fixture
def durable_redis(tmp_path_factory, settings):
    """A Redis that keeps an append-only file, as the one of ``up`` does."""
    folder = tmp_path_factory.mktemp("r")
    server = Redis(folder, folder)
    server.prepare()
    server.launch()
    server.wait_until_ready()
    address = f"unix://{server.socket}?db=0"
    settings.RQ_QUEUES = {name: {"URL": address} for name in settings.RQ_QUEUES}
    yield server
    server.process.terminate()
    server.process.wait()


def test_what_was_erased_leaves_the_file_of_redis_too(durable_redis, monkeypatch):
    with django_rq.get_connection("low") as redis:
        redis.set("whose", "ada@example.org")
        redis.delete("whose")
        files = lambda: b"".join(file.read_bytes() for file in durable_redis.data.rglob("*") if file.is_file())  # noqa: E731
        assert b"ada@example.org" in files()

        assert rewrite_redis_log()
        while redis.info("persistence")["aof_rewrite_in_progress"]:
            pass

    assert b"ada@example.org" not in files()


@pytest.mark.django_db
def test_a_redis_that_does_not_let_us_is_no_failure(monkeypatch):
    def refused(*args, **kwargs):
        raise ResponseError("unknown command 'BGREWRITEAOF'")

    monkeypatch.setattr("redis.client.Redis.info", lambda *_: {"aof_enabled": 1})
    monkeypatch.setattr("redis.client.Redis.bgrewriteaof", refused)
    assert rewrite_redis_log() is False
    monkeypatch.setattr("redis.client.Redis.info", lambda *_: {"aof_enabled": 0})
    assert rewrite_redis_log() is False
