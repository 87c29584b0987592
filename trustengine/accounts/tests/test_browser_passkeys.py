"""Passkeys in a real browser with a virtual authenticator, and the pages of security as people see them."""

import re

import pytest

from trustengine.accounts.models import Passkey
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.tests.browsing import browser, fits, page  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "correct horse battery"
SIGNED_IN = re.compile(r"/admin/$")


@pytest.fixture(autouse=True)
def plain_files(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]


@pytest.fixture
def staff():
    return StaffFactory(username="grace", password=PASSWORD, is_superuser=True)


@pytest.fixture
def key(page):  # noqa: F811
    return plug_in_key(page)


def plug_in_key(page):  # noqa: F811
    """Give a page's browser a security key."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    key = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    return devtools.send("WebAuthn.addVirtualAuthenticator", {"options": key})["authenticatorId"]


def sign_in(page, base):  # noqa: F811
    page.goto(f"{base}/admin/login/")
    page.fill("[name=username]", "grace")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")


def by_name(live_server):
    """The console's address by its host name: browsers give passkeys to no IP address."""
    return live_server.url.replace("127.0.0.1", "localhost")


def test_a_passkey_is_added_and_opens_the_console(page, key, staff, live_server):  # noqa: F811
    base = by_name(live_server)
    sign_in(page, base)
    page.goto(f"{base}/admin/security/passkey/")
    assert fits(page)
    page.fill("[name=name]", "Blue key")
    page.fill("[name=proof]", PASSWORD)
    page.click("button:has-text('Add a passkey')")
    page.wait_for_selector(".te-codes")
    assert page.locator(".te-codes code").count() == 10
    assert Passkey.objects.get(user=staff).name == "Blue key"
    page.click("text=I have saved them")
    page.wait_for_url(SIGNED_IN)

    page.context.clear_cookies()
    sign_in(page, base)
    page.wait_for_url(re.compile("second-factor"))
    assert fits(page)
    page.click("text=Use a passkey")
    page.wait_for_url(SIGNED_IN)
    passkey = Passkey.objects.get()
    assert passkey.sign_count > 0
    assert passkey.used_at


def test_a_passkey_that_was_copied_opens_nothing(browser, staff, live_server):  # noqa: F811
    page = browser.new_context().new_page()  # noqa: F811 - not the fixture's, which takes a refusal for a fault
    plug_in_key(page)
    base = by_name(live_server)
    sign_in(page, base)
    page.goto(f"{base}/admin/security/passkey/")
    page.fill("[name=proof]", PASSWORD)
    page.click("button:has-text('Add a passkey')")
    page.wait_for_selector(".te-codes")
    Passkey.objects.update(sign_count=1_000_000)  # as if a copy had been used so often
    page.context.clear_cookies()
    sign_in(page, base)
    page.wait_for_url(re.compile("second-factor"))
    with page.expect_response(lambda answer: answer.request.method == "POST") as refused:
        page.click("text=Use a passkey")
    assert refused.value.status == 400
    page.wait_for_selector("text=The passkey was not accepted")
    assert "second-factor" in page.url
    page.context.close()


def test_an_app_is_set_up_and_removed(page, staff, live_server):  # noqa: F811
    from base64 import b32decode

    from trustengine.accounts.tests.factors import Phone

    base = by_name(live_server)
    sign_in(page, base)
    page.goto(f"{base}/admin/security/")
    assert fits(page)
    page.click("text=Set up an app")
    page.wait_for_selector(".te-qr svg")
    assert fits(page)
    assert page.locator(".te-qr svg").bounding_box()["width"] > 150
    spelled = page.inner_text(".te-secret").replace(" ", "")
    phone = Phone(b32decode(spelled + "=" * (-len(spelled) % 8)))
    page.fill("[name=code]", phone.code())
    page.fill("[name=proof]", PASSWORD)
    page.click("button:has-text('Set up')")
    page.wait_for_selector(".te-codes")
    page.goto(f"{base}/admin/security/")
    page.click("text=Remove the app >> nth=0")
    page.locator("details[open] [name=proof]").fill(PASSWORD)
    page.locator("details[open] button").click()
    page.wait_for_selector("text=Removed.")
    staff.refresh_from_db()
    assert not staff.has_second_factor
