import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission

from trustengine.accounts.groups import GROUPS, make_groups

pytestmark = pytest.mark.django_db


def held():
    return {
        group.name: {
            f"{app}.{code}" for app, code in group.permissions.values_list("content_type__app_label", "codename")
        }
        for group in Group.objects.all()
    }


def migrated():
    for config in apps.get_app_configs():
        make_groups(config, using="default")


def test_after_migration_every_group_has_every_permission_it_needs():
    assert held() == {name: set(permissions) for name, permissions in GROUPS.items()}


def test_running_again_changes_nothing():
    before = held()

    migrated()

    assert held() == before


def test_a_permission_added_by_hand_stays_and_one_taken_away_comes_back():
    moderators = Group.objects.get(name="Moderators")
    extra = Permission.objects.get(codename="view_user")
    moderators.permissions.set([extra])

    migrated()

    assert held()["Moderators"] == {*GROUPS["Moderators"], "accounts.view_user"}


def test_a_group_that_was_deleted_is_made_again():
    Group.objects.all().delete()

    migrated()

    assert set(held()) == set(GROUPS)


def test_a_permission_that_does_not_exist_yet_is_left_for_its_apps_turn(monkeypatch):
    monkeypatch.setitem(GROUPS, "Moderators", [*GROUPS["Moderators"], "reports.not_there_yet"])

    migrated()

    assert "reports.not_there_yet" not in held()["Moderators"]
