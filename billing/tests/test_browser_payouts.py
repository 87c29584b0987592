"""Two people of finance and a batch of payouts, in a real browser."""

import pytest

from billing.tests.payout_factories import balances, finance, payable_vendor
from orders.tests.factories import VendorFactory
from trustengine.tests.browsing import fits

PASSWORD = "correct horse battery"

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def sign_in(page, user):
    page.context.clear_cookies()
    page.goto("/admin/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Home").wait_for()


def test_one_draws_a_batch_up_and_another_approves_and_exports_it(page):
    vendor = payable_vendor(123_456, display_name="Kitchen & Co.")
    first, second = finance(password=PASSWORD), finance(password=PASSWORD)

    sign_in(page, first)
    page.goto("/admin/billing/payoutbatch/")
    assert fits(page)
    page.get_by_role("button", name="Draft EUR").click()
    page.get_by_text("You drew this batch up").wait_for()
    assert page.get_by_role("button", name="Approve").is_disabled()
    assert fits(page)
    batch = page.url

    sign_in(page, second)
    page.get_by_text("Second pair of eyes needed.").wait_for()
    page.goto(batch)
    page.get_by_role("button", name="Approve").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export the file").click()
    assert "1234.56" in download.value.path().read_text()
    page.goto(batch)
    page.get_by_role("button", name="All paid").click()
    page.get_by_text("noted as paid").wait_for()
    assert balances(vendor) == {}


def test_a_statement_is_found_and_a_destination_set(page):
    vendor = VendorFactory(display_name="Ünü Küche")
    sign_in(page, finance(password=PASSWORD))
    page.goto("/admin/billing/statement/")

    page.get_by_label("Vendor").fill("küche")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("heading", name="Ünü Küche").wait_for()
    assert fits(page)
    page.get_by_placeholder("acct_").fill("acct_1Q8hKd")
    page.get_by_role("button", name="Set").click()

    page.get_by_text("acct_1Q8hKd").first.wait_for()
    assert str(vendor.pk) in page.url
    page.emulate_media(media="print")
    assert not page.get_by_role("button", name="Find").is_visible()
    assert not page.locator("#nav-sidebar").is_visible()
