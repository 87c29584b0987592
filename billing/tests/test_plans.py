"""What is published stays; who has a plan keeps it until they change it; what is internal leaves nowhere."""

from datetime import timedelta
from functools import partial

import pytest
from django.apps import apps as installed
from django.db import IntegrityError
from django.utils import timezone

from billing import periods
from billing.apps import make_default_plan
from billing.models import PlanMeter, PlanVersion, Subscription
from billing.services.plans import (
    change_draft,
    create_plan,
    discard_draft,
    draft_version,
    make_default,
    publish_version,
    retire_version,
)
from billing.services.subscriptions import When, apply_due_changes, cancel_subscription, change_plan, subscribe
from billing.subscribed import subscription_of
from billing.terms import versions_of
from billing.tests.billing_worlds import published
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, PermissionDenied
from trustengine.row_security import Reason, every_row
from trustengine.testing import api_client_for, at_once


def version_of(profile, at=None):
    with every_row(Reason.TEST):
        return versions_of([profile.pk], at=at)[profile.pk]


def history(profile):
    with every_row(Reason.TEST):
        rows = Subscription.objects.filter(profile=profile).order_by("valid_from", "pk")
        return list(rows.values_list("version", "valid_from", "valid_to"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda version: PlanVersion.objects.filter(pk=version.pk).update(price_cents=1),
        lambda version: PlanVersion.objects.filter(pk=version.pk).update(internal_note="other"),
        lambda version: PlanVersion.objects.filter(pk=version.pk).update(state="draft", published_at=None),
        lambda version: version.meters.update(limit=5),
        lambda version: version.meters.all().delete(),
        lambda version: PlanMeter.objects.create(version=version, meter="uploaded_pages"),
        lambda version: version.delete(),
    ],
)
def test_the_database_keeps_what_is_published(change):
    version = published(api_calls=10)

    with pytest.raises(Exception, match=r"Cannot (update|delete)|a published plan stays"):
        change(version)


@pytest.mark.django_db
def test_a_published_version_is_not_changed_by_the_services_either():
    version = published(api_calls=10)

    for step in (partial(change_draft, terms={}, meters=[]), discard_draft, publish_version):
        with pytest.raises(InvalidTransition):
            step(version.pk, actor=None)


@pytest.mark.django_db
def test_a_new_version_is_offered_in_place_of_the_old_one_and_moves_nobody():
    vendor, first = VendorFactory(), published(api_calls=10)
    subscribe(vendor.pk, first.pk, actor=None)

    draft = draft_version(first.plan_id, actor=None)
    assert [(row.meter, row.limit) for row in draft.meters.all()] == [("api_calls", 10)]
    second = publish_version(draft.pk, actor=None)

    assert version_of(vendor) == first.pk
    assert set(PlanVersion.objects.offered().filter(plan=first.plan)) == {second}
    with pytest.raises(InvalidTransition):
        subscribe(VendorFactory().pk, first.pk, actor=None)


@pytest.mark.django_db
def test_profiles_without_a_subscription_keep_the_default_until_another_is_made_the_default():
    vendor, former = VendorFactory(), PlanVersion.objects.get(is_default=True)

    second = publish_version(draft_version(former.plan_id, actor=None).pk, actor=None)
    assert version_of(vendor) == former.pk
    with pytest.raises(InvalidTransition):
        retire_version(former.pk, actor=None)
    make_default(second.pk, actor=None)

    assert version_of(vendor) == second.pk
    assert retire_version(former.pk, actor=None).state == "retired"


@pytest.mark.django_db
def test_after_every_migration_there_is_a_default_plan_and_only_one():
    for _ in range(2):
        make_default_plan(installed.get_app_config("billing"), "default")

    assert PlanVersion.objects.filter(is_default=True).count() == 1


@pytest.mark.django_db
def test_there_is_one_draft_of_a_plan_at_a_time():
    version = published()

    assert draft_version(version.plan_id, actor=None) == draft_version(version.plan_id, actor=None)
    with pytest.raises(IntegrityError):
        PlanVersion.objects.create(plan=version.plan, number=9, currency="EUR")


@pytest.mark.django_db
def test_a_discarded_draft_of_a_new_plan_leaves_nothing():
    version = create_plan(code="mistake", name="Mistake", actor=None)

    discard_draft(version.pk, actor=None)

    assert not PlanVersion.objects.filter(plan__code="mistake").exists()
    create_plan(code="mistake", name="Mistake", actor=None)


@pytest.mark.django_db
def test_steps_ask_for_a_permission_and_leave_a_trace():
    finance, stranger = StaffFactory(groups=["Finance"]), StaffFactory()

    with pytest.raises(PermissionDenied):
        create_plan(code="shop", name="Shop", actor=stranger)
    version = create_plan(code="shop", name="Shop", actor=finance)
    publish_version(version.pk, actor=finance)
    with pytest.raises(PermissionDenied):
        subscribe(VendorFactory().pk, version.pk, actor=stranger)
    subscribe(VendorFactory().pk, version.pk, actor=finance)

    verbs = Entry.objects.filter(actor_id=finance.pk).order_by("at").values_list("verb", flat=True)
    assert list(verbs) == ["plan.created", "plan.published", "subscription.begun"]


@pytest.mark.django_db
def test_a_change_at_once_ends_the_one_and_begins_the_other_at_the_same_moment():
    vendor, small, large = VendorFactory(), published("small"), published("large")

    subscribe(vendor.pk, small.pk, actor=None)
    subscribe(vendor.pk, large.pk, actor=None)

    (first, _, ended), (second, begun, open_end) = history(vendor)
    assert (first, second, ended, open_end) == (small.pk, large.pk, begun, None)


@pytest.mark.django_db
def test_a_change_at_the_end_of_the_month_holds_from_then_on_with_and_without_the_job():
    vendor, small, large = VendorFactory(), published("small"), published("large")
    subscribe(vendor.pk, small.pk, actor=None)

    change_plan(vendor.pk, large.pk, when=When.PERIOD_END, actor=None)
    end = periods.end_of(periods.month_of(timezone.now()))

    assert version_of(vendor) == version_of(vendor, end - timedelta(seconds=1)) == small.pk
    assert version_of(vendor, end) == large.pk
    assert (apply_due_changes(), apply_due_changes(end), apply_due_changes(end)) == (0, 1, 0)
    assert [row[0] for row in history(vendor)] == [small.pk, large.pk]
    assert history(vendor)[1][1] == end


@pytest.mark.django_db
def test_an_end_at_the_end_of_the_month_gives_the_default_plan():
    vendor, small = VendorFactory(), published("small")
    default = PlanVersion.objects.get(is_default=True)
    subscribe(vendor.pk, small.pk, actor=None)

    cancel_subscription(vendor.pk, when=When.PERIOD_END, actor=None)
    end = periods.end_of(periods.month_of(timezone.now()))
    with every_row(Reason.TEST):
        assert subscription_of(vendor.pk)["change"] == {"at": end, "plan": default}
    assert version_of(vendor, end) == default.pk
    apply_due_changes(end)

    assert [row[2] for row in history(vendor)] == [end]
    assert cancel_subscription(vendor.pk, when=When.NOW, actor=None) is None


@pytest.mark.django_db
def test_asking_for_the_plan_one_has_takes_a_planned_change_back():
    vendor, small, large = VendorFactory(), published("small"), published("large")
    subscribe(vendor.pk, small.pk, actor=None)
    change_plan(vendor.pk, large.pk, when=When.PERIOD_END, actor=None)

    subscribe(vendor.pk, small.pk, actor=None)

    assert version_of(vendor, timezone.now() + timedelta(days=40)) == small.pk
    assert len(history(vendor)) == 1


@pytest.mark.django_db(transaction=True)
def test_many_changes_at_once_leave_one_live_subscription_without_gaps():
    vendor, plans = VendorFactory(), [published(f"plan-{n}") for n in range(4)]

    outcomes = at_once(*[partial(subscribe, vendor.pk, plan.pk, actor=None) for plan in plans])

    assert all(isinstance(outcome, Subscription) for outcome in outcomes)
    rows = sorted(history(vendor), key=lambda row: row[1])
    assert [row[2] for row in rows[:-1]] == [row[1] for row in rows[1:]]
    assert rows[-1][2] is None


INTERNAL = "internal"


@pytest.mark.django_db
def test_the_public_list_shows_published_plans_and_nothing_internal():
    version = create_plan(code="shop", name="Shop", actor=None)
    terms = {
        "price_cents": 2_900,
        "description": "For shops",
        "internal_price_cents": 77_123,
        "internal_note": "s3cret",
    }
    meters = [{"meter": "api_calls", "included": 5, "limit": 10, "kind": "hard"}]
    change_draft(version.pk, terms=terms, meters=meters, actor=None)
    hidden = api_client_for().get("/api/v1/plans/")
    publish_version(version.pk, actor=None)
    create_plan(code="draft", name="Draft", actor=None)

    shown = api_client_for().get("/api/v1/plans/")

    assert [plan["code"] for plan in hidden.json()["results"]] == ["standard"]
    assert [plan["code"] for plan in shown.json()["results"]] == ["standard", "shop"]
    assert shown.json()["results"][1] == {
        "code": "shop",
        "name": "Shop",
        "version": 1,
        "description": "For shops",
        "price_cents": 2_900,
        "currency": "EUR",
        "interval": "month",
        "meters": [{"meter": "api_calls", "unit": "calls", "included": 5, "limit": 10, "kind": "hard"}],
    }
    text = shown.content.decode()
    assert not [trace for trace in ("77123", "s3cret", INTERNAL, "is_default") if trace in text]
    again = api_client_for().get("/api/v1/plans/", headers={"If-None-Match": shown["ETag"]})
    assert (again.status_code, shown["Cache-Control"].split(",")[0]) == (304, "public")


@pytest.mark.django_db
def test_the_list_takes_as_many_queries_for_twice_the_plans(django_assert_num_queries):
    client = api_client_for()
    for n in range(3):
        published(f"few-{n}", api_calls=5)
    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/plans/").json()["results"]) == 4
    for n in range(3):
        published(f"more-{n}", api_calls=5)

    with django_assert_num_queries(2):
        assert len(client.get("/api/v1/plans/").json()["results"]) == 7


@pytest.mark.django_db
def test_members_see_their_subscription_and_nothing_internal():
    owner = UserFactory()
    vendor, small, large = VendorFactory(owner=owner), published("small"), published("large")
    subscribe(vendor.pk, small.pk, actor=None)
    change_plan(vendor.pk, large.pk, when=When.PERIOD_END, actor=None)

    answer = api_client_for(owner).get(f"/api/v1/billing/subscription/?profile={vendor.pk}")

    told = answer.json()
    assert (told["profile"], told["plan"]["code"], told["change"]["plan"]["code"]) == (str(vendor.pk), "small", "large")
    assert INTERNAL not in answer.content.decode()


@pytest.mark.django_db
def test_a_customer_has_the_default_plan():
    told = api_client_for(UserFactory()).get("/api/v1/billing/subscription/").json()

    assert (told["plan"]["code"], told["since"], told["change"]) == ("standard", None, None)
