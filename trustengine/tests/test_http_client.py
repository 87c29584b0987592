import tomllib

from django.conf import settings

from trustengine import VERSION
from trustengine.http_client import USER_AGENT


def test_requests_are_named_by_the_version_that_the_package_carries():
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]

    assert f"TrustEngine/{project['version']}" == f"TrustEngine/{VERSION}" == USER_AGENT
