"""Addresses of the console's lists answer nothing that their pages hide."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import CharField, EmailField, TextField
from django.test import Client, RequestFactory

from reviews.models import Reputation
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.admin import EvidenceAdmin

pytestmark = pytest.mark.django_db
ADMINS = sorted(admin.site._registry.values(), key=lambda each: each.opts.label)
SECRETS = ("subject", "email", "password", "username", "display_name", "last_login")


def asked(user):
    request = RequestFactory().get("/")
    request.user = user
    return request


def relations(model):
    return [field for field in model._meta.get_fields() if field.is_relation and field.related_model]


def test_every_list_of_the_console_has_the_rule():
    assert ADMINS
    assert [each.opts.label for each in ADMINS if not isinstance(each, EvidenceAdmin)] == []


@pytest.mark.parametrize("listed", ADMINS, ids=lambda each: each.opts.label)
def test_no_list_is_filtered_by_a_column_that_is_no_filter_of_it(listed):
    request = asked(StaffFactory(is_superuser=True))
    offered = set()
    for each in listed.get_list_filter(request):
        named = each[0] if isinstance(each, tuple | list) else each
        offered.add(named if isinstance(named, str) else named.parameter_name)
    tried = 0
    for field in listed.model._meta.get_fields():
        names = {field.name, getattr(field, "attname", field.name)}
        if names & offered:
            continue
        for name in names:
            for ending in ("", "__exact", "__startswith", "__regex", "__isnull", "__gt"):
                tried += 1
                assert not listed.lookup_allowed(f"{name}{ending}", "a", request), f"{name}{ending}"
    assert not listed.lookup_allowed("pk__in", "1", request)
    assert tried > 5


@pytest.mark.parametrize("listed", ADMINS, ids=lambda each: each.opts.label)
def test_no_list_is_filtered_through_a_relation(listed):
    request = asked(StaffFactory(is_superuser=True))
    for field in relations(listed.model):
        further = field.related_model._meta.get_fields()
        texts = [each.name for each in further if isinstance(each, CharField | TextField | EmailField)]
        for name in (*texts, *SECRETS):
            if name in {"code", field.related_model._meta.pk.name}:
                continue  # a filter by a row names it by its key
            for ending in ("", "__startswith", "__contains"):
                lookup = f"{field.name}__{name}{ending}"
                allowed = {each for each in listed.get_list_filter(request) if isinstance(each, str)}
                assert f"{field.name}__{name}" in allowed or not listed.lookup_allowed(lookup, "a", request), lookup


@pytest.mark.parametrize("listed", ADMINS, ids=lambda each: each.opts.label)
def test_filters_that_a_list_offers_still_work(listed):
    client = Client()
    client.force_login(StaffFactory(is_superuser=True))
    page = f"/admin/{listed.opts.app_label}/{listed.opts.model_name}/"
    if client.get(page).status_code == 404:
        pytest.skip("served elsewhere")
    for entry in listed.get_list_filter(asked(StaffFactory(is_superuser=True))):
        if isinstance(entry, str):
            query = f"{entry}__exact=1"
        elif isinstance(entry, tuple | list):
            query = f"{entry[0]}_from=2026-01-01" if "Range" in entry[1].__name__ else f"{entry[0]}__exact=1"
        else:
            query = f"{entry.parameter_name}=1"
        assert client.get(f"{page}?{query}").status_code in {200, 302}, query


def test_an_address_counts_nobody_by_what_the_page_hides(django_user_model):
    UserFactory(subject="auth0|ada")
    client, viewer = Client(), StaffFactory()
    viewer.groups.add(Group.objects.get(name="Moderators"))
    client.force_login(viewer)

    for page, query in (
        ("reports/report", "reporter__subject__startswith=a"),
        ("reports/report", "reporter=1"),
        ("reports/case", "author__email__contains=@"),
        ("reviews/review", "author__subject__startswith=a"),
        ("orders/order", "customer__user__subject__startswith=a"),
        ("audit/entry", "actor_id=1"),
    ):
        assert client.get(f"/admin/{page}/?{query}").status_code == 400, query
    assert client.get("/admin/reports/report/?unknown=1").status_code in {200, 302}


NAMES_SHOWN = {"accounts.User", "accounts.Membership"}  # their pages show user names to everybody who may open them
OF_PEOPLE = ("username", "email", "subject", "first_name", "last_name")


@pytest.mark.parametrize("listed", ADMINS, ids=lambda each: each.opts.label)
def test_no_list_is_searched_by_names_that_its_page_hides(listed):
    searched = {field.lstrip("^=@") for field in listed.get_search_fields(asked(StaffFactory()))}
    hidden = {field for field in searched if any(name in field.split("__") for name in OF_PEOPLE)}

    assert not hidden or (listed.opts.label in NAMES_SHOWN and all(field.endswith("username") for field in hidden))


def test_a_search_finds_a_reputation_by_name_only_for_those_who_may_know_it():
    known = UserFactory(username="ada-lovelace")
    Reputation.objects.create(user=known, formula_version=1)
    for group, found in (("Moderators", False), ("Operators", True)):
        client, viewer = Client(), StaffFactory(groups=[group])
        if found:
            viewer.user_permissions.add(*Permission.objects.filter(codename__in=["see_identities", "view_reputation"]))
        client.force_login(viewer)
        page = client.get("/admin/reviews/reputation/?q=ada").content.decode()
        assert (str(known.pk) in page) == found
        assert str(known.pk) in client.get(f"/admin/reviews/reputation/?q={str(known.pk)[-8:]}").content.decode()
