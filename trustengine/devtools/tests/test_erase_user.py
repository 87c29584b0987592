import io
import json

import pytest
from django.core.management import CommandError, call_command

from orders.tests.factories import ProductFactory
from reviews.models import Review
from trustengine.accounts import erasing
from trustengine.accounts.models import ErasedSubject, Erasure, User
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.devtools.tests import somebody as planted
from trustengine.jobs.models import Job
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def erase(given, **options):
    output = io.StringIO()
    call_command("erase_user", str(given), stdout=output, **options)
    return output.getvalue()


def test_it_erases_in_the_foreground_and_leaves_nothing_to_the_worker():
    user = planted.somebody()

    told = json.loads(erase(planted.SUBJECT, yes=True, json=True, batch_size=1))

    assert (told["user"], told["state"], told["dry_run"]) == (str(user.pk), "done", False)
    assert told["rows"]["reviews.reviews"] == 2
    assert told["rows"]["reviews.votes"] == 3
    assert Erasure.objects.get().requested_by is None
    before = list(User.objects.order_by("pk").values())
    run_due_jobs()
    assert list(User.objects.order_by("pk").values()) == before
    assert "done" in erase(user.pk, yes=True)  # again, by what is left of them


def test_a_dry_run_says_the_same_and_changes_nothing():
    planted.somebody()
    before = [list(model.objects.order_by("pk").values()) for model in (User, Review, Job)]

    dry = json.loads(erase(planted.NAME, dry_run=True, json=True))

    assert [list(model.objects.order_by("pk").values()) for model in (User, Review, Job)] == before
    assert [model.objects.count() for model in (Erasure, ErasedSubject)] == [0, 0]
    assert dry["rows"] == json.loads(erase(planted.NAME, yes=True, json=True))["rows"]
    assert "nothing was changed" in erase(UserFactory().pk, dry_run=True)


def test_without_a_terminal_it_wants_to_be_told_yes(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("erase\n"))

    with pytest.raises(CommandError) as refusal:
        erase(UserFactory().pk)

    assert refusal.value.returncode == 2
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(("said", "begun"), [("erase\n", True), ("yes\n", False), ("\n", False)])
def test_on_a_terminal_it_asks_for_the_word(said, begun, monkeypatch):
    terminal = io.StringIO(said)
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)

    if begun:
        assert "done" in erase(UserFactory().pk)
    else:
        with pytest.raises(CommandError):
            erase(UserFactory().pk)
    assert Erasure.objects.exists() == begun


def test_what_is_refused_and_who_is_unknown_have_codes_of_their_own():
    owner = UserFactory()
    ProductFactory(vendor=VendorFactory(owner=owner))

    for given, code in [(owner.pk, 1), ("nobody", 2)]:
        with pytest.raises(CommandError) as refusal:
            erase(given, yes=True)
        assert refusal.value.returncode == code
    assert not Erasure.objects.exists()


def test_a_step_that_fails_is_told_and_left_to_a_worker(monkeypatch):
    user = UserFactory()

    def broken(each, limit):
        raise RuntimeError

    monkeypatch.setitem(erasing._steps, "test.broken", erasing.Step("test.broken", 15, broken, 500))
    with pytest.raises(CommandError) as refusal:
        erase(user.pk, yes=True)
    assert (refusal.value.returncode, str(refusal.value)) == (1, "test.broken: RuntimeError; a worker tries it again")

    monkeypatch.delitem(erasing._steps, "test.broken")
    run_due_jobs()
    assert Erasure.objects.get().state == "done"
