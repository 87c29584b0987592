"""Settings of the database and of the network that would quietly take something away."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from trustengine.environment import SettingError
from trustengine.operations.registry import reconcilers
from trustengine.operations.startup import redis_password_problem, role_problem


def require_known_targets() -> None:
    """Refuse to start with a target in RECONCILE_FIX that does not exist. Raises SettingError."""
    known = reconcilers()
    if unknown := [name for name in settings.RECONCILE_FIX if name not in known]:
        raise SettingError("RECONCILE_FIX", f"“{unknown[0]}” is no target of reconcile; there are {', '.join(known)}")


@checks.register(checks.Tags.database)
def database_role(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """The role that DATABASE_URL names is kept by row-level security."""
    if not databases or not (problem := role_problem()):
        return []
    hint = "CREATE ROLE trustengine LOGIN; then make it the owner of the database."
    return [checks.Warning(f"DATABASE_URL: the role is too mighty, {problem}.", hint=hint, id="operations.W001")]


@checks.register(checks.Tags.security)
def redis_password(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A Redis that other machines reach asks for a password: who writes to it decides which jobs run."""
    if not (problem := redis_password_problem(settings.REDIS_ADDRESS)):
        return []
    hint = "Set requirepass in Redis, and REDIS_URL to redis://:PASSWORD@HOST:PORT/0, by TLS with rediss://."
    return [checks.Warning(f"REDIS_URL: {problem}.", hint=hint, id="operations.W006")]


@checks.register(checks.Tags.security, deploy=True)
def edge_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """In production a proxy with TLS stands in front, is named, and nobody else is believed."""
    found: list[CheckMessage] = []
    if not settings.TRUSTED_PROXIES:
        problem = "TRUSTED_PROXIES: empty, so every client of a proxy looks like the proxy."
        hint = (
            "Set it to the addresses of your proxy. Until then limits by address do not hold behind a proxy on "
            "this machine, and password attempts are slowed for all of its clients together."
        )
        found.append(checks.Warning(problem, hint=hint, id="operations.W002"))
    if wide := [str(network) for network in settings.TRUSTED_PROXIES if network.prefixlen == 0]:
        problem = f"TRUSTED_PROXIES: {', '.join(wide)} trusts everyone, so every client chooses its own address."
        found.append(checks.Warning(problem, hint="Name the addresses of your proxy only.", id="operations.W003"))
    if not settings.HTTPS_ONLY:
        problem = "HTTPS_ONLY: off, so sessions and passwords may travel in the clear."
        found.append(checks.Warning(problem, hint="Set HTTPS_ONLY=1 behind a proxy with TLS.", id="operations.W004"))
    if "*" in settings.ALLOWED_HOSTS:
        problem = "ALLOWED_HOSTS: * serves any host name."
        found.append(checks.Warning(problem, hint="Name the hosts that clients use.", id="operations.W005"))
    return found
