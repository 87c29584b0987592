"""The dashboards in a real browser, wide and narrow."""

import pytest
from django.utils import timezone

from metrics.models import VendorDaily
from metrics.tests.factories import PlatformDailyFactory, VendorDailyFactory, VendorRatingDailyFactory
from trustengine.accounts.tests.factories import MembershipFactory, StaffFactory, UserFactory
from trustengine.tests.browsing import fits

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def test_a_vendor_signs_in_sees_charts_and_new_figures_without_reloading(page):
    user = UserFactory(username="vendor", password=PASSWORD)
    vendor = MembershipFactory(user=user).profile
    VendorDailyFactory(vendor=vendor)
    VendorRatingDailyFactory(vendor=vendor, stars_5=2)
    page.clock.install()
    page.goto("/vendor/dashboard/")
    page.get_by_label("User name").fill("vendor")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("img", name="Sales by day").wait_for()
    assert page.locator("canvas:visible").count() == 4
    assert page.evaluate(
        "document.querySelector('canvas').toDataURL() !== document.createElement('canvas').toDataURL()"
    )
    assert fits(page)

    page.get_by_text("Every day as a table").first.click()
    assert page.get_by_role("region", name="Sales by day").is_visible()
    VendorDaily.objects.update(gmv_cents=4_321, aggregated_at=timezone.now())
    page.clock.run_for(16_000)
    page.get_by_role("cell", name="43.21 EUR").wait_for()
    assert page.get_by_role("region", name="Sales by day").is_visible()  # as it was left
    assert page.locator("canvas:visible").count() == 4
    assert fits(page)


def test_staff_reads_the_marketplaces_figures_and_those_of_moderation(page):
    StaffFactory(username="operator", password=PASSWORD, groups=["Operators"])
    PlatformDailyFactory(gmv_cents=4_200)
    page.goto("/admin/login/?next=/admin/dashboard/")
    page.get_by_label("Username").fill("operator")
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.get_by_role("img", name="Sales by day").wait_for()
    assert page.locator("canvas:visible").count() == 3
    assert fits(page)
    page.get_by_role("link", name="7 days").click()
    page.get_by_role("img", name="Sales by day").wait_for()
    assert page.locator("[aria-current=page]", has_text="7 days").count() == 1

    page.goto("/admin/trust/")
    assert page.get_by_role("heading", name="Open cases").is_visible()
    assert fits(page)
