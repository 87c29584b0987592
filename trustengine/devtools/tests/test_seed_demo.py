"""The command: all or nothing, the same for the same seed, and only into an empty database."""

from collections import defaultdict
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from orders.models import Order, Product
from reviews.models import Review
from trustengine.accounts.models import User
from trustengine.audit.models import Entry
from trustengine.devtools.demo import seeding
from trustengine.devtools.demo.world import World

TABLES = (User, Product, Order, Review, Entry)


@pytest.fixture(autouse=True)
def _fast_hashing(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.mark.django_db
def test_a_database_with_other_data_is_refused_and_left_alone():
    someone = User.objects.create_user("someone")

    with pytest.raises(CommandError, match="holds users already") as refusal:
        call_command("seed_demo")

    assert refusal.value.returncode == 2
    assert list(User.objects.all()) == [someone]


@pytest.mark.django_db
def test_a_crash_half_way_leaves_nothing():
    with patch.object(seeding, "derive_everything", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        call_command("seed_demo")

    assert not any(model.objects.exists() for model in TABLES)


@pytest.mark.django_db
def test_a_seed_gives_the_same_rows_all_day_long_and_another_seed_gives_others():
    morning = timezone.localtime().replace(hour=9, minute=0)

    early, late, other = invented(1, morning), invented(1, morning + timedelta(hours=11)), invented(2, morning)

    assert early.items() <= late.items()
    assert {table for table, _ in late.keys() - early.keys()} == {"Order", "OrderItem"}
    assert not early.keys() & other.keys()


def invented(number, now):
    """What a seed makes, by table and key, as text."""
    world = World(seed=number, now=now)
    seeding.invent(world)
    rows = defaultdict(str)
    for model, made in world.rows.items():
        for row in made:
            if row.pk is not None and model.__name__ not in {"VendorTerms", "Entry"}:
                rows[model.__name__, row.pk] = f"{row} {getattr(row, 'created_at', '')}"
    return rows
