import re
import tomllib

from django.conf import settings

from trustengine import VERSION
from trustengine.http_client import USER_AGENT
from trustengine.tests.test_architecture import source_files

REQUEST = re.compile(r"\b(urlopen|build_opener|HTTPS?Connection)\(|\bimport (requests|httpx|aiohttp)\b")
# Where a request is made without the client, and why its name is right there.
OTHERWISE = {
    "trustengine/http_client.py": "is the client",
    "trustengine/operations/readiness.py": "asks this system itself",
    "orders/management/commands/send_payment_event.py": "plays the payment provider, and names itself by hand",
}


def test_requests_are_named_by_the_version_that_the_package_carries():
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]

    assert f"TrustEngine/{project['version']}" == f"TrustEngine/{VERSION}" == USER_AGENT


def test_no_module_makes_requests_past_the_client():
    """Past it, a request has the name of a library, which firewalls refuse, and no bound in time and size."""
    found = {
        str(path.relative_to(settings.BASE_DIR))
        for path in source_files()
        if "tests" not in path.parts
        and re.search(
            r"\b(urlopen|build_opener|HTTPS?Connection)\(|\bimport (requests|httpx|aiohttp)\b", path.read_text()
        )
    }

    assert found == OTHERWISE.keys()
