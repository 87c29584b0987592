"""Runs the tests on a real PostgreSQL and a real Redis of their own, in a temporary directory.

Loaded by ``-p trustengine.pytest_plugin`` in ``pyproject.toml``, and before pytest-django
reads the settings. With pytest-xdist, the controller starts one pair of servers for all
workers: pytest-django gives each worker a database of its own, and this plugin a Redis
database of its own. ``TEST_DATABASE_URL`` and ``TEST_REDIS_URL`` name other servers.
"""

import os
import shutil
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from trustengine.embedded.servers import EmbeddedServers

pytest_plugins = ["trustengine.tests.browsing"]

WORKER = "PYTEST_XDIST_WORKER"
RUNS_NOTHING = {"-h", "--help", "-V", "--version"}


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, args: list[str]) -> None:
    """Start the servers and name them in the environment, for the settings and for xdist's workers."""
    os.environ["STRIPE_SECRET_KEY"] = ""  # whoever has one set: no test asks anybody for money
    # A caller's quota is learnt once and then known for minutes, which tests that count statements would see.
    os.environ["COUNT_API_CALLS"] = "false"
    if worker := os.environ.get(WORKER):
        os.environ["REDIS_URL"] = with_redis_database(os.environ["REDIS_URL"], 1 + int(worker.removeprefix("gw")))
        return
    data_dir = Path(tempfile.mkdtemp(prefix="trustengine-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(data_dir, ignore_errors=True))
    database_url, redis_url = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    servers = EmbeddedServers(data_dir, postgres=not database_url, redis=not redis_url, command="test", throwaway=True)
    os.environ["DATA_DIR"] = str(data_dir)
    os.environ["DATABASE_URL"] = database_url or servers.addresses.database_url
    os.environ["REDIS_URL"] = redis_url or servers.addresses.redis_url
    if RUNS_NOTHING.isdisjoint(args):
        early_config.add_cleanup(servers.stop)
        servers.own()
        servers.start()


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Install what tests need of Django once pytest-django has set it up."""
    from django.conf import settings

    from trustengine.testing import begin_database_time, let_flushes_pass_triggers

    # Whether somebody has collected static files changes no test.
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STATIC_ROOT = None  # WhiteNoise warns of a folder that is not there, and warnings are errors
    begin_database_time()
    let_flushes_pass_triggers()


def with_redis_database(url: str, number: int) -> str:
    """The same Redis address with another database number."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return urlunsplit(parts._replace(path=f"/{number}"))
    query = urlencode(dict(parse_qsl(parts.query)) | {"db": str(number)})
    return f"unix://{parts.netloc}{parts.path}?{query}"  # urlunsplit would drop the empty host's slashes
