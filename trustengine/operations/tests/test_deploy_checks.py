"""`check --deploy`: quiet in a sane environment, plain in another one."""

import os
import re
import subprocess
import sys
from ipaddress import ip_network

import pytest
from django.conf import settings as project
from django.core.checks import run_checks

SANE = {
    "SECRET_KEY": "k3Jx9vQ2mW7pR1tZ8bN5cL0yH4dF6gS-aE_uTiOqXwVnMzBjKrPlCfDhGyYs",
    "AUDIT_KEY": "Zq8wN2rT5yU1iO9pA3sD7fG4hJ6kL0xC-vB_nMmQwEeRrTtYyUuIiOoPpAaSs",
    "HTTPS_ONLY": "1",
    "ALLOWED_HOSTS": "reviews.shop.example",
    "CSRF_TRUSTED_ORIGINS": "https://reviews.shop.example",
    "PUBLIC_URL": "https://reviews.shop.example",
    "TRUSTED_PROXIES": "10.0.0.0/28,fd00::5",
    "JWT_SECRET": "9pL2xR7vT4bN8mK1wQ6zY3cH5dJ0fG-uE_sAiOqXwVnMzBjKrPlCfDhGyYtt",
    "JWT_AUDIENCE": "shop",
    "JWT_ISSUER": "https://id.shop.example",
    "EMAIL_HOST": "mail.shop.example",
}


def deploy_check(data_dir, **environment):
    inherited = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL") if name in os.environ}
    run = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy"],
        cwd=project.BASE_DIR,
        env={**inherited, "DATA_DIR": str(data_dir), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return set(re.findall(r"\(([a-z_]+\.[EW]\d+)\)", run.stdout + run.stderr))


def test_a_sane_environment_has_no_warning(tmp_path):
    assert deploy_check(tmp_path, **SANE) == set()


def test_each_setting_that_is_not_fit_for_production_is_named(tmp_path):
    bad = {"ALLOWED_HOSTS": "*", "HTTPS_ONLY": "0", "TRUSTED_PROXIES": "", "SECRET_KEY": "short", "JWT_SECRET": "short"}

    found = deploy_check(tmp_path, **{**SANE, **bad})

    assert {"operations.W002", "operations.W004", "operations.W005", "security.W009", "accounts.W001"} <= found


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("networks", "expected"),
    [([], "operations.W002"), (["0.0.0.0/0"], "operations.W003"), (["::/0"], "operations.W003"), (["10.0.0.1"], None)],
)
def test_proxies_are_named_and_not_everyone_is_one(settings, networks, expected):
    settings.TRUSTED_PROXIES = [ip_network(network) for network in networks]

    found = {warning.id for warning in run_checks(include_deployment_checks=True)}

    assert found & {"operations.W002", "operations.W003"} == ({expected} if expected else set())
