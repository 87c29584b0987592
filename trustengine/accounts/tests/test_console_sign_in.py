"""The console's door: second factor, enrolment, time-outs, sessions by tokens, staff without a name."""

import re
import time

import pytest
from django.contrib import admin
from django.urls import reverse

from trustengine.accounts.models import SecondFactor
from trustengine.accounts.sessions import ACTIVE_AT, PENDING, PENDING_SECONDS
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.factors import Phone, enrol
from trustengine.accounts.tests.identity_provider import SECRET, outside_token
from trustengine.accounts.tokens import issue

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
INDEX, LOGIN, SECOND, SECURITY, APP, CODES, REMOVE, OUT = (
    reverse(f"admin:{name}")
    for name in (
        "index",
        "login",
        "second_factor",
        "security",
        "security_app",
        "security_recovery_codes",
        "security_remove",
        "security_sign_out",
    )
)


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff():
    return StaffFactory(username="grace", password=PASSWORD)


def sign_in(client, where=LOGIN, onward=""):
    return client.post(f"{where}?next={onward}" if onward else where, {"username": "grace", "password": PASSWORD})


def is_inside(client):
    return client.get(INDEX).status_code == 200


def text(answer):
    return answer.content.decode()


def secret_on(page):
    """The secret that a page shows for typing, as an app takes it."""
    from base64 import b32decode

    spelled = re.search(r'te-secret">([A-Z2-7 ]+)<', text(page))[1].replace(" ", "")
    return Phone(b32decode(spelled + "=" * (-len(spelled) % 8)))


# By password and second factor


def test_the_password_alone_opens_the_console_where_nothing_else_is_set_up(client, staff):
    assert sign_in(client).url == INDEX
    assert is_inside(client)


@pytest.mark.parametrize("door", [LOGIN, "/sign-in/"])
def test_a_password_is_not_enough_for_whoever_has_a_second_factor(client, staff, door):
    phone, _ = enrol(staff)

    asked = sign_in(client, door)

    assert asked.url.startswith(SECOND)
    assert "_auth_user_id" not in client.session
    assert not is_inside(client)
    page = client.get(asked.url)
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    for wrong in [{}, {"code": ""}, {"code": phone.wrong_code()}, {"code": "x" * 10_000}, {"passkey": "{}"}]:
        assert client.post(SECOND, wrong).status_code == 400
        assert not is_inside(client)
    SecondFactor.objects.update(not_before=None, failures=0)
    assert client.post(asked.url, {"code": phone.code()}).status_code == 302
    assert is_inside(client)


def test_it_leads_on_to_the_page_that_was_asked_for(client, staff):
    phone, _ = enrol(staff)
    wanted = reverse("admin:audit_entry_changelist")
    asked = sign_in(client, onward=wanted)

    assert client.post(asked.url, {"code": phone.code(), "next": wanted}).url == wanted


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"])
def test_it_leads_to_no_other_site(client, staff, elsewhere):
    phone, _ = enrol(staff)
    sign_in(client)

    assert client.post(SECOND, {"code": phone.code(), "next": elsewhere}).url == INDEX


def test_a_recovery_code_opens_the_console_once(client, staff):
    _, codes = enrol(staff)
    sign_in(client)
    client.post(SECOND, {"code": codes[0]})
    assert is_inside(client)

    client.logout()
    sign_in(client)
    assert client.post(SECOND, {"code": codes[0]}).status_code == 400
    assert not is_inside(client)


def test_guessing_is_answered_with_a_pause(client, staff):
    phone, _ = enrol(staff)
    sign_in(client)
    answers = [client.post(SECOND, {"code": phone.wrong_code()}).status_code for _ in range(6)]

    assert answers == [400] * 5 + [429]
    assert client.post(SECOND, {"code": phone.code()}).status_code == 429


def test_the_second_page_needs_the_password_first(client, staff):
    phone, _ = enrol(staff)

    assert client.post(SECOND, {"code": phone.code()}).url.startswith(LOGIN)
    assert not is_inside(client)


@pytest.mark.parametrize("change", ["late", "password", "closed"])
def test_what_the_password_began_does_not_wait_for_ever(client, staff, change):
    phone, _ = enrol(staff)
    sign_in(client)
    if change == "late":
        session = client.session
        session[PENDING] = session[PENDING] | {"at": time.time() - PENDING_SECONDS - 1}
        session.save()
    elif change == "password":
        staff.set_password("another password")
        staff.save()
    else:
        staff.is_active = False
        staff.save()

    assert client.post(SECOND, {"code": phone.code()}).url.startswith(LOGIN)
    assert not is_inside(client)


def test_a_session_of_before_asks_for_the_second_factor_once_there_is_one(client, staff, settings):
    client.force_login(staff)
    assert is_inside(client)
    settings.SECOND_FACTOR_STAFF = True

    page = client.get(INDEX, follow=True)

    assert page.redirect_chain[-1][0].startswith(SECURITY)
    assert not is_inside(client)


# Enrolment


def pages_without_arguments():
    """Every page of the console that needs no argument."""
    routes = []
    for pattern in admin.site.urls[0]:
        inner = getattr(pattern, "url_patterns", None)
        routes += [f"{pattern.pattern}{each.pattern}" for each in inner] if inner else [str(pattern.pattern)]
    return sorted({f"/admin/{route}" for route in routes if not set("<^(") & set(route)})


OPEN_WHILE_ENROLLING = {
    LOGIN, SECOND, SECURITY, APP, "/admin/security/passkey/", "/admin/oidc/", "/admin/oidc/callback/"
}  # fmt: skip


def test_who_has_to_enrol_is_led_to_enrolment_and_nowhere_else(client, staff, settings):
    settings.SECOND_FACTOR_STAFF = True
    StaffFactory(username="root")  # somebody else in the lists
    staff.is_superuser = True
    staff.save()
    asked = sign_in(client)
    assert asked.url.startswith(SECURITY)
    assert "_auth_user_id" not in client.session
    pages = pages_without_arguments()
    assert len(pages) > 60
    for page in pages:
        answer = client.get(page)
        if page in OPEN_WHILE_ENROLLING:
            assert answer.status_code in {200, 302, 404}, page
        else:
            assert answer.status_code in {302, 404, 405}, page
            assert answer.status_code != 302 or answer.url.startswith(LOGIN) or answer.url == INDEX, (page, answer.url)

    page = client.get(APP)
    assert "<svg" in text(page)
    assert "http" not in re.search(r"<svg.*?</svg>", text(page), re.DOTALL)[0].replace("http://www.w3.org/2000/svg", "")
    phone = secret_on(page)
    assert client.post(APP, {"code": phone.wrong_code()}).status_code == 400
    shown = client.post(APP, {"code": phone.code()})
    assert shown.status_code == 200
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", text(shown))
    assert len(codes) == 10
    assert is_inside(client)
    assert codes[0] not in text(client.get(SECURITY))


def test_the_enrolling_session_of_one_who_has_enrolled_elsewhere_adds_nothing(client, staff, settings):
    settings.SECOND_FACTOR_STAFF = True
    sign_in(client)
    phone = secret_on(client.get(APP))
    enrol(staff)  # in another browser

    assert client.post(APP, {"code": phone.code()}).url.startswith(LOGIN)
    assert not is_inside(client)


# Sessions by tokens


@pytest.mark.parametrize("becomes", ["staff", "superuser"])
def test_a_session_begun_by_a_token_never_opens_the_console(client, settings, becomes):
    settings.JWT_SECRET = SECRET
    user = UserFactory(username="grace", password=PASSWORD)
    token = outside_token(sub=user.subject)
    assert client.post("/api/v1/auth/session/", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 204
    user.is_staff, user.is_superuser = True, becomes == "superuser"
    user.save()

    for page in [INDEX, reverse("admin:accounts_user_changelist"), SECURITY, APP, "/admin/moderation/"]:
        assert client.get(page).url.startswith(LOGIN), page
    assert client.get(LOGIN).status_code == 200  # the form, not the way in
    assert client.post("/api/v1/auth/session/", HTTP_AUTHORIZATION=f"Bearer {token}").status_code == 403

    assert sign_in(client).status_code == 302
    assert is_inside(client)


def test_an_own_token_gives_staff_no_session_either(client, staff):
    access = issue(staff).access

    assert client.post("/api/v1/auth/session/", HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 403
    assert not is_inside(client)


# Idle


def idle_for(client, minutes):
    session = client.session
    session[ACTIVE_AT] = int(time.time()) - int(minutes * 60)
    session.save()


def test_an_idle_session_of_the_console_ends(client, staff, settings):
    settings.CONSOLE_IDLE_MINUTES = 30
    sign_in(client)
    idle_for(client, 29)
    assert is_inside(client)  # which is use of it
    assert time.time() - client.session[ACTIVE_AT] < 5

    idle_for(client, 31)
    page = client.get(reverse("admin:audit_entry_changelist"), follow=True)

    assert page.redirect_chain[-1][0].startswith(LOGIN)
    assert "signed out after 30 minutes" in text(page)
    assert not is_inside(client)


@pytest.mark.parametrize("page", [SECURITY, APP])
def test_an_idle_session_changes_nothing_of_its_owners_security(client, staff, page):
    sign_in(client)
    idle_for(client, 31)

    assert client.get(page).url.startswith(LOGIN)
    assert not is_inside(client)


def test_what_a_page_fetches_by_itself_keeps_no_session_open(client, staff, settings):
    sign_in(client)
    idle_for(client, 29)

    assert client.get(INDEX, headers={"Sec-Fetch-Dest": "empty"}).status_code == 200
    assert time.time() - client.session[ACTIVE_AT] > 28 * 60


def test_without_a_limit_no_session_ends_by_itself(client, staff, settings):
    settings.CONSOLE_IDLE_MINUTES = 0
    sign_in(client)
    idle_for(client, 700)

    assert is_inside(client)


# Staff without a user name


def test_every_page_opens_for_staff_without_a_user_name(client):
    nameless = StaffFactory(username=None, is_superuser=True)
    UserFactory()
    client.force_login(nameless)
    seen = {}
    for page in pages_without_arguments():
        if page not in {"/admin/logout/", OUT}:
            seen[page] = client.get(page).status_code

    assert {page: status for page, status in seen.items() if status >= 500} == {}
    assert sum(status == 200 for status in seen.values()) > 50
    assert ">None<" not in text(client.get(INDEX))
    assert str(nameless) in text(client.get(INDEX))
