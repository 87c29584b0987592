"""Rules of the house that no type checker sees."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from trustengine.tests.clock_readings import BY_THE_PROCESS, readings_of_the_process_clock

LONGEST_MODULE = 400


def source_files() -> list[Path]:
    folders = ("trustengine", "orders", "billing", "reviews", "reports", "metrics")
    return [path for folder in folders for path in (settings.BASE_DIR / folder).rglob("*.py")]


def test_imports_go_down_the_storeys_only():
    """The layers contract of pyproject.toml, checked by import-linter."""
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache"], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check"]])
def test_the_source_is_in_the_house_style(arguments):
    """As ruff knows it from pyproject.toml."""
    ruff = Path(sys.executable).with_name("ruff")
    command = [ruff, *arguments, "--no-cache", "--quiet", "."]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_bandit_finds_nothing():
    """Findings of medium severity and confidence, as ``make lint`` asks for them."""
    folders = ["trustengine", "orders", "billing", "reviews", "reports", "metrics"]
    command = [
        sys.executable,
        "-m",
        "bandit",
        "--quiet",
        "--configfile",
        "pyproject.toml",
        "-ll",
        "-ii",
        "-r",
        *folders,
    ]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_has_outgrown_its_reader():
    long = [
        str(path)
        for path in source_files()
        if "migrations" not in path.parts and len(path.read_text().splitlines()) > LONGEST_MODULE
    ]

    assert not long


def test_every_event_that_somebody_follows_is_published():
    """An event of another name than its publisher's would be followed in vain, and nobody would notice."""
    source = "".join(path.read_text() for path in source_files() if "tests" not in path.parts)
    followed = set(re.findall(r'@subscribe\("([a-z_.]+)"', source))
    told = re.sub(r'@subscribe\("[a-z_.]+"', "", source)

    assert followed
    assert not {event for event in followed if f'"{event}"' not in told}


def test_no_module_reads_the_clock_of_its_process():
    """Time limits are judged by the database's clock: ``trustengine.database_time``, or ``Now()`` in a statement."""
    found = {}
    for path in source_files():
        name = str(path.relative_to(settings.BASE_DIR))
        if {"tests", "migrations"}.isdisjoint(path.parts) and name not in BY_THE_PROCESS:
            found[name] = list(readings_of_the_process_clock(path.read_text()))

    assert not {name: read for name, read in found.items() if read}


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_no_tracked_requirement_names_where_it_comes_from():
    for name in ("requirements.txt", "requirements-dev.txt"):
        text = (settings.BASE_DIR / name).read_text()
        assert "://" not in text
        assert "index-" not in text
        assert "--hash=sha256:" in text
