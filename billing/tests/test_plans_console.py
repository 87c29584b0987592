"""Finance drafts, publishes and retires plans, subscribes profiles, and reads usage, in a real browser too."""

import os
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from billing.meters import METERS
from billing.models import PlanVersion, Subscription, UsagePeriod
from billing.services.subscriptions import subscribe
from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited, published
from trustengine.accounts.tests.factories import StaffFactory, VendorFactory
from trustengine.row_security import Reason, every_row
from trustengine.tests.browsing import fits

PASSWORD = "correct horse battery"
SHOTS = os.environ.get("SCREENSHOTS", "")


@pytest.fixture
def finance(client):
    user = StaffFactory(groups=["Finance"])
    client.force_login(user)
    return client


def plan_form(**changes):
    fields = {"price_cents": "2900", "currency": "EUR", "description": "For shops"}
    for meter in METERS:
        fields |= {f"{meter}-included": "", f"{meter}-limit": "", f"{meter}-kind": "soft"}
    return fields | changes


def step(client, version, name, **data):
    return client.post(reverse(f"admin:billing_planversion_{name}", args=[version.pk]), data, follow=True)


@pytest.mark.django_db
def test_a_plan_is_drafted_written_published_copied_and_retired(finance):
    finance.post(reverse("admin:billing_planversion_new"), {"code": "shop", "name": "Shop"})
    draft = PlanVersion.objects.get(plan__code="shop")

    step(finance, draft, "publish", **plan_form(**{"api_calls-limit": "500", "api_calls-kind": "hard"}))
    draft.refresh_from_db()
    assert (draft.state, draft.price_cents) == ("published", 2_900)
    assert list(draft.meters.values_list("meter", "included", "limit", "kind")) == [("api_calls", 0, 500, "hard")]

    step(finance, draft, "copy")
    second = PlanVersion.objects.get(plan__code="shop", number=2)
    step(finance, second, "save", **plan_form(price_cents="3900"))
    step(finance, second, "discard")
    step(finance, draft, "retire")
    assert list(PlanVersion.objects.filter(plan__code="shop").values_list("state", flat=True)) == ["retired"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        {"api_calls-kind": "hard", "api_calls-included": "5"},
        {"api_calls-included": "10", "api_calls-limit": "5"},
        {"price_cents": "-1"},
        {"currency": "euro"},
    ],
)
def test_a_draft_with_bad_values_is_not_saved(finance, wrong):
    finance.post(reverse("admin:billing_planversion_new"), {"code": "shop", "name": "Shop"})
    draft = PlanVersion.objects.get(plan__code="shop")

    answer = step(finance, draft, "publish", **plan_form(**wrong))

    assert "Nothing was saved" in answer.content.decode()
    assert PlanVersion.objects.get(plan__code="shop").state == "draft"


@pytest.mark.django_db
def test_who_may_only_look_changes_nothing(client):
    client.force_login(StaffFactory(groups=["Operators"]))
    version = published()

    assert client.get(reverse("admin:billing_planversion_changelist")).status_code == 200
    assert "Retire" not in client.get(reverse("admin:billing_planversion_change", args=[version.pk])).content.decode()
    assert step(client, version, "retire").status_code == 403
    assert client.post(reverse("admin:billing_planversion_new"), {"code": "x", "name": "X"}).status_code == 403
    assert client.get(reverse("admin:billing_subscription_add")).status_code == 403


@pytest.mark.django_db
def test_moderators_see_nothing_of_it(client):
    client.force_login(StaffFactory(groups=["Senior moderators"]))

    for name in ("planversion", "subscription", "usageperiod"):
        assert client.get(reverse(f"admin:billing_{name}_changelist")).status_code == 403


@pytest.mark.django_db
def test_a_profile_is_subscribed_and_its_subscription_ended(finance):
    vendor, version = VendorFactory(), published()
    add = reverse("admin:billing_subscription_add")
    listed = reverse("admin:billing_subscription_changelist")

    assert str(vendor.pk) in finance.get(add, {"profile": vendor.pk}).content.decode()
    finance.post(add, {"profile": vendor.pk, "version": version.pk, "when": "now"})
    assert str(version) in finance.get(listed).content.decode()
    with every_row(Reason.TEST):
        row = Subscription.objects.get()
    finance.post(listed, {"action": "end_now", "_selected_action": [row.pk]})

    with every_row(Reason.TEST):
        assert Subscription.objects.get().valid_to is not None
    unknown = finance.post(add, {"profile": version.pk, "version": version.pk, "when": "now"})
    assert "There is no such profile" in unknown.content.decode()


@pytest.mark.django_db
def test_lists_take_as_many_queries_for_twice_the_rows(finance):
    def measure(name):
        with CaptureQueriesContext(connection) as queries:
            assert finance.get(reverse(f"admin:billing_{name}_changelist")).status_code == 200
        return len(queries)

    names = ("planversion", "subscription", "usageperiod")
    counts = []
    for twice in range(2):
        for _ in range(3):
            vendor = VendorFactory()
            limited(vendor, api_calls=10)
            record_events([event(vendor, quantity=5)])
        counts.append([measure(name) for name in names])
        if not twice:
            counts[0] = [measure(name) for name in names]  # what is kept for good has been read

    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_usage_shows_its_share_its_events_and_its_plan(finance):
    vendor = VendorFactory(display_name="Kitchen & Co.")
    limited(vendor, api_calls=1_000)
    record_events([event(vendor, "batch/0815", 900)])

    listed = finance.get(reverse("admin:billing_usageperiod_changelist")).content.decode()
    assert "90 %" in listed
    with every_row(Reason.TEST):
        period = UsagePeriod.objects.get()
    shown = finance.get(reverse("admin:billing_usageperiod_change", args=[period.pk])).content.decode()
    assert "batch/0815" in shown
    assert "Kitchen &amp; Co." in shown
    assert "900 calls" in shown


def sign_in(page, user):
    page.goto("/admin/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Home").wait_for()


def shoot(page, name):
    if SHOTS:
        width = page.viewport_size["width"]
        for scheme in ("light", "dark"):
            page.evaluate(f"document.documentElement.classList.toggle('dark', {str(scheme == 'dark').lower()})")
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
        page.evaluate("document.documentElement.classList.remove('dark')")


@pytest.mark.xdist_group("browser")
@pytest.mark.django_db(transaction=True)
def test_the_pages_fit_and_work_in_a_browser(page):
    user = StaffFactory(groups=["Finance"], password=PASSWORD)
    vendor = VendorFactory(display_name="Kitchen & Co.")
    version = limited(vendor, api_calls=10_000, uploaded_bytes=("soft", 5_000_000))
    subscribe(VendorFactory().pk, published("small", api_calls=10).pk, actor=None)
    now = timezone.now()
    events = [event(vendor, f"hour/{n}", 900 + n, occurred_at=now - timedelta(hours=n)) for n in range(9)]
    record_events([*events, event(vendor, "photo", 4_200_000, "uploaded_bytes")])
    sign_in(page, user)

    page.goto(reverse("admin:billing_planversion_changelist"))
    assert fits(page)
    shoot(page, "plans")
    page.get_by_label("Code").fill("plus")
    page.get_by_label("Name", exact=True).fill("Plus")
    page.get_by_role("button", name="Draft it").click()
    page.locator("[name=api_calls-limit]").fill("250000")
    page.locator("[name=price_cents]").fill("4900")
    assert fits(page)
    shoot(page, "draft")
    page.get_by_role("button", name="Save and publish").click()
    page.get_by_text("It is offered from now on").wait_for()
    page.goto(reverse("admin:billing_planversion_change", args=[version.pk]))
    assert fits(page)
    shoot(page, "plan")
    page.goto(reverse("admin:billing_subscription_changelist"))
    assert fits(page)
    shoot(page, "subscriptions")
    page.goto(reverse("admin:billing_usageperiod_changelist"))
    assert fits(page)
    shoot(page, "usages")
    page.get_by_role("link", name="API calls").click()
    assert page.locator("[data-used]").inner_text() == "8,136 calls"
    assert fits(page)
    shoot(page, "usage")
    page.get_by_role("link", name="Change the plan").click()
    assert page.locator("[name=profile]").input_value() == str(vendor.pk)
    assert fits(page)
    shoot(page, "subscribe")
