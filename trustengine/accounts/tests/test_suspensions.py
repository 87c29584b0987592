"""Two people suspend and reinstate, and suspended staff keep no power: a walk over all doors."""

import inspect
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from reports.models import Proposal
from reports.services.proposals import approve_proposal
from reports.tests.factories import decided, reported
from reviews.models import Review
from trustengine.accounts import services, suspensions
from trustengine.accounts.models import Erasure, SuspensionProposal, User
from trustengine.accounts.services import reinstate_user, suspend_user
from trustengine.accounts.suspensions import (
    approve_suspension,
    propose_reinstatement,
    propose_suspension,
    refuse_suspension,
)
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied
from trustengine.identifiers import uuid7
from trustengine.testing import api_client_for, at_once, bearer

pytestmark = pytest.mark.django_db
USERS = reverse("admin:accounts_user_changelist")
PROPOSALS = reverse("admin:accounts_suspensionproposal_changelist")


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def senior():
    return StaffFactory(groups=["Senior moderators"])


def superuser():
    return StaffFactory(is_superuser=True)


def act(client, person, url, name, *rows):
    client.force_login(person)
    return client.post(url, {"action": name, "_selected_action": [row.pk for row in rows]}, follow=True)


def is_suspended(user):
    return User.objects.get(pk=user.pk).is_suspended


# Two people


def test_the_list_proposes_and_a_second_person_carries_out(client):
    user, one, other = UserFactory(), senior(), senior()

    page = act(client, one, USERS, "suspend", user)
    assert "A second person has to approve it." in page.content.decode()
    assert not is_suspended(user)
    proposal = SuspensionProposal.objects.get()
    act(client, one, PROPOSALS, "approve", proposal)
    assert not is_suspended(user)

    client.force_login(other)
    assert "Suspensions to approve" in client.get("/admin/").content.decode()
    act(client, other, PROPOSALS, "approve", proposal)
    assert is_suspended(user)

    act(client, other, USERS, "reinstate", user)
    assert is_suspended(user)
    act(client, one, PROPOSALS, "approve", SuspensionProposal.objects.get(action="reinstate"))
    assert not is_suspended(user)


def test_a_superuser_is_one_person_too():
    user, boss = UserFactory(), superuser()
    proposal = propose_suspension(user, actor=boss, reason="fraud")

    with pytest.raises(PermissionDenied):
        approve_suspension(proposal.pk, actor=boss)
    assert not is_suspended(user)


def test_the_database_refuses_an_approval_by_the_proposer():
    proposal = propose_suspension(UserFactory(), actor=senior(), reason="fraud")
    rows = SuspensionProposal.objects.filter(pk=proposal.pk)

    with pytest.raises(IntegrityError, match="suspension_second_person"), transaction.atomic():
        rows.update(state="approved", settled_by=proposal.proposed_by, settled_at=timezone.now())


def test_a_proposal_is_refused_or_withdrawn_and_then_not_approved():
    user, one, other = UserFactory(), senior(), senior()
    refused = propose_suspension(user, actor=one, reason="fraud")
    assert propose_suspension(user, actor=other, reason="fraud") == refused  # the same, asked for twice
    assert refuse_suspension(refused.pk, actor=other).state == "refused"
    withdrawn = propose_suspension(user, actor=one, reason="fraud")
    assert refuse_suspension(withdrawn.pk, actor=one).state == "withdrawn"

    for proposal in (refused, withdrawn):
        with pytest.raises(InvalidTransition):
            approve_suspension(proposal.pk, actor=other)
    assert not is_suspended(user)


@pytest.mark.parametrize("verb", [approve_suspension, refuse_suspension])
def test_settling_asks_for_the_permission_and_an_id(verb):
    proposal = propose_suspension(UserFactory(), actor=senior(), reason="fraud")

    with pytest.raises(PermissionDenied):
        verb(proposal.pk, actor=StaffFactory(groups=["Moderators"]))
    with pytest.raises(NotFound):
        verb(uuid7(), actor=senior())


def test_what_is_so_already_is_not_proposed():
    with pytest.raises(InvalidTransition):
        propose_suspension(UserFactory(suspended_at=timezone.now()), actor=senior(), reason="fraud")
    with pytest.raises(InvalidTransition):
        propose_reinstatement(UserFactory(), actor=senior(), reason="fraud")


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_are_one():
    user, people = UserFactory(), [senior() for _ in range(3)]
    proposal = propose_suspension(user, actor=senior(), reason="fraud")

    outcomes = at_once(*[lambda who=who: approve_suspension(proposal.pk, actor=who) for who in people])

    assert sum(isinstance(each, SuspensionProposal) for each in outcomes) == 1
    assert Entry.objects.filter(verb="user.suspended").count() == 1


# Accounts of staff

KINDS = {
    "staff": lambda: StaffFactory(groups=["Moderators"]),
    "superuser": superuser,
    "service": lambda: UserFactory(groups=["Services"]),
    "single right": lambda: UserFactory(permissions=["reviews.moderate_review"]),
}


def by_list(client, user, person):
    act(client, person, USERS, "suspend", user)


def by_proposal(client, user, person):
    proposal = SuspensionProposal.objects.create(user=user, action="suspend", reason="x", proposed_by=superuser())
    act(client, person, PROPOSALS, "approve", proposal)


def by_form(client, user, person):
    client.force_login(person)
    client.post(reverse("admin:accounts_user_change", args=[user.pk]), {"username": "taken", "is_active": ""})


def by_password(client, user, person):
    client.force_login(person)
    new = {"password1": "another long one", "password2": "another long one", "usable_password": "true"}
    client.post(reverse("admin:auth_user_password_change", args=[user.pk]), new | {"set-password": "1"})


def by_groups(client, user, person):
    client.force_login(person)
    for group in user.groups.all():
        client.post(reverse("admin:auth_group_change", args=[group.pk]), {"name": group.name, "permissions": []})
        client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"})


def by_erasure(client, user, person):
    client.force_login(person)
    client.post(f"/admin/accounts/user/{user.pk}/erase", {"confirmation": "erase"})
    client.post(f"/admin/accounts/user/{user.pk}/erase/", {"confirmation": "erase"})


def by_case(client, user, person):
    review = Review.objects.get(pk=reported(reason="illegal").content_id)
    Review.objects.filter(pk=review.pk).update(author=user)
    case = reported(Review.objects.get(pk=review.pk), reporter=UserFactory()).case
    type(case).objects.filter(pk=case.pk).update(author=user)
    proposal = decided(type(case).objects.get(pk=case.pk), "suspend", "illegal")
    assert isinstance(proposal, Proposal)
    with pytest.raises(PermissionDenied):
        approve_proposal(proposal.pk, approver=person)


DOORS = [by_list, by_proposal, by_form, by_password, by_groups, by_erasure, by_case]
EVERYTHING = [
    "accounts.suspend_user", "accounts.erase_user", "accounts.view_user", "accounts.change_user", "accounts.add_user",
    "auth.change_group", "auth.delete_group", "reports.approve_proposal", "reports.moderate_case",
    "reviews.moderate_review",
]  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", KINDS)
def test_nobody_but_superusers_touches_staff(kind, door, client):
    user = KINDS[kind]()
    before = vars_of(user)

    door(client, user, StaffFactory(permissions=EVERYTHING))

    assert vars_of(user) == before
    assert not Erasure.objects.exists()


def vars_of(user):
    found = User.objects.get(pk=user.pk)
    return {
        **services.rights_of(found),
        "password": found.password,
        "username": found.username,
        "suspended": found.suspended_at,
        "held": sorted(found.get_all_permissions()),
    }


def test_two_superusers_suspend_one_of_staff():
    user = KINDS["staff"]()
    proposal = propose_suspension(user, actor=superuser(), reason="fraud")

    approve_suspension(proposal.pk, actor=superuser())

    assert is_suspended(user)


@pytest.mark.parametrize("verb", [suspend_user, reinstate_user, propose_suspension, propose_reinstatement])
def test_nobody_decides_about_themselves(verb):
    boss = superuser()
    with pytest.raises(PermissionDenied):
        verb(boss, actor=boss, reason="x")


# Suspension takes staff rights with it


@pytest.mark.parametrize("kind", KINDS)
def test_suspended_staff_lose_all_power_at_once(kind, client):
    user = KINDS[kind]()
    client.force_login(user)
    token = bearer(user)

    suspend_user(user, actor=None, reason="fraud")

    assert client.get("/admin/").status_code == 302
    assert not User.objects.get(pk=user.pk).get_all_permissions()
    answer = api_client_for().get("/api/v1/moderation/cases/", headers={"Authorization": token})
    assert answer.status_code == 403
    entry = Entry.objects.get(verb="user.rights_taken")
    assert entry.object_id == str(user.pk)


@pytest.mark.parametrize("kind", KINDS)
def test_who_was_suspended_before_keeps_no_power_either(kind, client):
    user = KINDS[kind]()
    User.objects.filter(pk=user.pk).update(suspended_at=timezone.now())
    client.force_login(User.objects.get(pk=user.pk))

    assert client.get("/admin/").status_code == 302
    for page in (USERS, reverse("admin:moderation_next"), reverse("admin:jobs_job_changelist")):
        assert client.get(page).status_code in (302, 403)
    suspended = User.objects.get(pk=user.pk)
    assert not (suspended.has_perm("reviews.moderate_review"))
    assert not (suspended.has_module_perms("reviews"))
    assert not (suspended.get_all_permissions())
    assert not (suspended.acts_as_superuser)
    assert api_client_for(suspended).get("/api/v1/moderation/cases/").status_code == 403


def test_reinstated_staff_get_their_rights_back_by_a_superuser_only(client):
    user, boss = KINDS["staff"](), superuser()
    suspend_user(user, actor=boss, reason="fraud")

    reinstate_user(user, actor=None, reason="mistake")

    back = User.objects.get(pk=user.pk)
    assert not (back.is_suspended)
    assert not (back.is_staff)
    assert not (back.get_all_permissions())
    client.force_login(boss)
    client.post(
        reverse("admin:accounts_user_change", args=[user.pk]),
        {"username": back.username, "is_active": "on", "is_staff": "on"},
    )
    assert User.objects.get(pk=user.pk).is_staff


def test_reinstating_who_was_suspended_before_gives_no_rights_back():
    user = StaffFactory(is_superuser=True, suspended_at=timezone.now())

    reinstate_user(user, actor=None, reason="mistake")

    assert not User.objects.get(pk=user.pk).is_superuser


def test_nothing_else_suspends_or_reinstates():
    """Whoever adds a door adds it to the walk: the services are called by these modules, and by no command."""
    sources = [path for path in Path(settings.BASE_DIR).rglob("*.py") if "/tests/" not in path.as_posix()]
    calls = re.compile(r"(suspend|reinstate)_user\(")
    callers = {path.relative_to(settings.BASE_DIR).as_posix() for path in sources if calls.search(path.read_text())}

    assert callers == {"trustengine/accounts/services.py", "reports/services/sanctions.py"}
    own = [name for name, app in get_commands().items() if app != "django_rq"]
    assert not any("suspend" in name or "reinstate" in name for name in own)


def test_the_walk_knows_every_verb_of_suspensions():
    functions = inspect.getmembers(suspensions, inspect.isfunction)
    verbs = {name for name, it in functions if it.__module__ == suspensions.__name__ and not name.startswith("_")}

    assert verbs == {"propose_suspension", "propose_reinstatement", "approve_suspension", "refuse_suspension"}
