"""Migrations of released versions are never rewritten: databases have run them.

At a release, add the migrations since the last one to ``released_migrations.json`` under the
new version: ``sha256sum */migrations/0*.py trustengine/*/migrations/0*.py``.
"""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from django.conf import settings

RELEASED = json.loads((Path(__file__).parent / "released_migrations.json").read_text())


@pytest.mark.parametrize(
    ("name", "digest"), [each for migrations in RELEASED.values() for each in migrations.items()], ids=str
)
def test_a_released_migration_is_as_it_was_released(name, digest):
    file = settings.BASE_DIR / name

    assert file.exists(), f"{name} was released: databases have run it, so it stays"
    assert sha256(file.read_bytes()).hexdigest() == digest, f"{name} was released: add another migration instead"


def test_every_release_names_its_migrations():
    """A version in the changelog whose migrations nobody has put down could be rewritten."""
    changelog = (settings.BASE_DIR / "CHANGELOG.md").read_text()

    assert set(re.findall(r"^## (\d+\.\d+\.\d+)", changelog, re.MULTILINE)) == set(RELEASED)


def test_no_migration_runs_outside_of_a_transaction():
    """There it could state no time-outs of its own, and would leave half of itself behind."""
    files = [*settings.BASE_DIR.glob("*/migrations/0*.py"), *settings.BASE_DIR.glob("trustengine/*/migrations/0*.py")]
    assert len(files) >= len(RELEASED["0.1.0"])
    assert [str(file) for file in files if re.search(r"^\s+atomic\s*=\s*False", file.read_text(), re.MULTILINE)] == []
