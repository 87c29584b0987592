"""The second factor at the API's door, and its services."""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from trustengine.accounts import totp
from trustengine.accounts.errors import NotEnrolled, WrongCode
from trustengine.accounts.models import RecoveryCode, SecondFactor
from trustengine.accounts.second_factor import (
    FREE_FAILURES,
    add_totp,
    check_code,
    make_recovery_codes,
    remove_totp,
    reset_second_factor,
)
from trustengine.accounts.tests.factories import StaffFactory, UserFactory
from trustengine.accounts.tests.factors import Phone, enrol
from trustengine.accounts.tokens import issue
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, PermissionDenied, RateLimitExceeded
from trustengine.testing import api_client_for, at_once

pytestmark = pytest.mark.django_db

TOKEN, REFRESH, ME = "/api/v1/auth/token/", "/api/v1/auth/token/refresh/", "/api/v1/me/"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def staff():
    return StaffFactory(username="grace", password=PASSWORD)


def sign_in(username="grace", **given):
    return api_client_for().post(TOKEN, {"username": username, "password": PASSWORD, **given})


def status_and_code(answer):
    return answer.status_code, answer.json().get("code")


def verbs(user):
    return list(Entry.objects.filter(object_id=str(user.pk)).order_by("at", "pk").values_list("verb", flat=True))


# RFC 6238, appendix B, of which six digits are the last ones


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ],
)
def test_codes_are_those_of_the_standard(at, code):
    secret = b"12345678901234567890"

    assert totp.code_at(secret, at) == code
    assert totp.matching_step(secret, code, at=at, after=0) == at // 30
    assert totp.matching_step(secret, code, at=at + 30, after=0) == at // 30
    assert totp.matching_step(secret, code, at=at + 60, after=0) is None
    assert totp.matching_step(secret, code, at=at, after=at // 30) is None


@pytest.mark.parametrize("code", ["", "28708", "2870822", "abcdef", "２８７０８２", "-87082", "287 82", "\0" * 6])
def test_what_is_no_code_is_wrong(code):
    assert totp.matching_step(b"12345678901234567890", code, at=59, after=0) is None


# Tokens


def test_without_a_second_factor_the_password_is_enough(staff):
    assert sign_in().status_code == 200
    assert sign_in(otp="").status_code == 200
    assert sign_in(otp="000000").status_code == 200


def test_where_a_second_factor_is_set_up_the_password_is_not_enough(staff):
    phone, _ = enrol(staff)

    for given in [{}, {"otp": ""}, {"otp": phone.wrong_code()}, {"otp": "nonsense"}, {"otp": "\u0660" * 6}]:
        answer = sign_in(**given)
        assert status_and_code(answer) == (401, "SECOND_FACTOR_REQUIRED"), given
        assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
        assert "access" not in answer.json()
    answer = sign_in(otp=phone.code())
    assert answer.status_code == 200
    assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}").status_code == 200


def test_a_wrong_password_tells_nothing_about_the_second_factor(staff):
    phone, _ = enrol(staff)

    answer = sign_in(password="wrong", otp=phone.code())

    assert status_and_code(answer) == (401, "AUTH_REQUIRED")
    assert sign_in(otp=phone.code()).status_code == 200  # the code was not looked at


@pytest.mark.parametrize("how", ["staff", "group", "superuser"])
def test_where_it_is_enforced_nobody_gets_a_token_without_enrolling(settings, how):
    rights = {"is_staff": how != "superuser", "is_superuser": how == "superuser"}
    user = StaffFactory(username="grace", password=PASSWORD, groups=["Finance"], **rights)
    before = issue(user)
    assert sign_in().status_code == 200
    settings.SECOND_FACTOR_STAFF = how != "group"
    settings.SECOND_FACTOR_GROUPS = ["Finance"] if how == "group" else []

    answer = sign_in()

    assert status_and_code(answer) == (401, "SECOND_FACTOR_REQUIRED")
    assert "console" in answer.json()["detail"]
    used = api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {before.access}")
    assert status_and_code(used) == (401, "TOKEN_INVALID"), "one that was given out before it was enforced"
    assert status_and_code(api_client_for().post(REFRESH, {"refresh": before.refresh})) == (
        401,
        "SECOND_FACTOR_REQUIRED",
    )


def test_a_group_that_is_not_named_and_customers_are_not_asked(settings):
    settings.SECOND_FACTOR_STAFF, settings.SECOND_FACTOR_GROUPS = True, ["Finance"]
    UserFactory(username="grace", password=PASSWORD)
    access = sign_in().json()["access"]
    assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200

    settings.SECOND_FACTOR_STAFF = False
    StaffFactory(username="ada", password=PASSWORD, groups=["Moderators"])
    assert sign_in(username="ada").status_code == 200


def test_setting_up_the_first_factor_ends_tokens_of_the_password_alone(staff):
    before = issue(staff)
    enrol(staff)

    assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {before.access}").status_code == 401
    assert status_and_code(api_client_for().post(REFRESH, {"refresh": before.refresh})) == (401, "TOKEN_INVALID")


def test_tokens_of_a_second_factor_are_renewed_without_another_code(staff):
    phone, _ = enrol(staff)
    pair = sign_in(otp=phone.code()).json()

    for _ in range(2):
        answer = api_client_for().post(REFRESH, {"refresh": pair["refresh"]})
        assert answer.status_code == 200
        pair = answer.json()


@pytest.mark.parametrize("otp", [None, ["1"], {}, "x" * 41, "a\0"])
def test_a_code_that_cannot_be_any_is_invalid_input(staff, otp):
    answer = sign_in(otp=otp)

    assert status_and_code(answer) == (400, "INVALID_INPUT")


def test_api_requests_pay_nothing_for_it(staff, django_assert_num_queries):
    enrol(staff)
    access = issue(staff, by_second_factor=True).access
    api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {access}")

    with django_assert_num_queries(1):
        assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200


# Each code once


def test_a_code_is_good_once(staff):
    phone, _ = enrol(staff)
    code = phone.code()

    assert sign_in(otp=code).status_code == 200
    assert status_and_code(sign_in(otp=code)) == (401, "SECOND_FACTOR_REQUIRED")
    assert sign_in(otp=phone.code(steps=1)).status_code == 200
    assert status_and_code(sign_in(otp=code)) == (401, "SECOND_FACTOR_REQUIRED")  # nor an earlier one after a later


def test_the_code_that_set_up_the_app_signs_nobody_in(staff):
    phone = Phone()
    code = phone.code()
    add_totp(staff, phone.secret, code)

    assert status_and_code(sign_in(otp=code)) == (401, "SECOND_FACTOR_REQUIRED")


def test_a_recovery_code_is_good_once_however_it_is_typed(staff):
    _, codes = enrol(staff)
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in codes)

    for typed in [codes[0], codes[1].upper(), f" {codes[2].replace('-', ' ')} ", codes[3].replace("-", "")]:
        assert sign_in(otp=typed).status_code == 200
        assert status_and_code(sign_in(otp=typed)) == (401, "SECOND_FACTOR_REQUIRED")
    assert RecoveryCode.objects.filter(user=staff, used_at=None).count() == 6
    entries = Entry.objects.filter(verb="second_factor.recovery_code_used")
    assert sorted(entry.after["left"] for entry in entries) == [6, 7, 8, 9]


def test_neither_secret_nor_recovery_codes_are_kept_in_clear(staff):
    phone, codes = enrol(staff)
    factor = SecondFactor.objects.get()
    kept = " ".join([factor.totp_secret, *RecoveryCode.objects.values_list("digest", flat=True)]).lower()

    for secret in [phone.secret.hex(), totp.spelled(phone.secret).replace(" ", "").lower(), *codes]:
        assert secret not in kept
        assert secret.replace("-", "") not in kept


def test_new_recovery_codes_void_the_earlier_ones(staff):
    _, codes = enrol(staff)
    fresh = make_recovery_codes(staff)

    with pytest.raises(WrongCode):
        check_code(staff, codes[0])
    check_code(staff, fresh[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_one_code_at_the_same_moment_lets_one_in(kind):
    staff = StaffFactory(username="grace", password=PASSWORD)
    phone, codes = enrol(staff)
    code = phone.code() if kind == "app" else codes[0]

    outcomes = at_once(*[partial(check_code, staff, code)] * 4)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["WrongCode"] * 3


# Guessing


def test_guessing_is_slowed_down_whoever_guesses(staff):
    phone, codes = enrol(staff)
    for _ in range(FREE_FAILURES):
        with pytest.raises(WrongCode):
            check_code(staff, phone.wrong_code())

    for code in [phone.wrong_code(), phone.code(), codes[0]]:
        answer = sign_in(otp=code)
        assert status_and_code(answer) == (429, "RATE_LIMIT_EXCEEDED")
        assert 0 < int(answer["Retry-After"]) <= 15
    SecondFactor.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    with pytest.raises(WrongCode):
        check_code(staff, phone.wrong_code())
    with pytest.raises(RateLimitExceeded) as refusal:
        check_code(staff, phone.code())
    assert 15 < int(refusal.value.headers["Retry-After"]) <= 30


def test_the_pause_has_an_end_and_success_forgets_the_failures(staff):
    phone, _ = enrol(staff)
    SecondFactor.objects.update(failures=10_000)
    with pytest.raises(WrongCode):
        check_code(staff, phone.wrong_code())
    pause = SecondFactor.objects.get().not_before - timezone.now()
    assert timedelta(minutes=14) < pause <= timedelta(minutes=15)

    SecondFactor.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    check_code(staff, phone.code())
    factor = SecondFactor.objects.get()
    assert (factor.failures, factor.not_before) == (0, None)


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_all_counted():
    staff = StaffFactory(password=PASSWORD)
    phone, _ = enrol(staff)

    at_once(*[partial(check_code, staff, phone.wrong_code())] * 8)

    assert SecondFactor.objects.get().failures == FREE_FAILURES  # those after them were not looked at


# Changing


def test_a_wrong_code_sets_up_nothing(staff):
    phone = Phone()

    with pytest.raises(InvalidInput):
        add_totp(staff, phone.secret, phone.wrong_code())

    staff.refresh_from_db()
    assert (staff.has_second_factor, staff.sign_in_generation, SecondFactor.objects.count()) == (False, 0, 0)


def test_the_last_factor_stays_where_one_is_enforced(staff, settings):
    enrol(staff)
    settings.SECOND_FACTOR_STAFF = True

    with pytest.raises(PermissionDenied):
        remove_totp(staff)
    assert SecondFactor.objects.get().totp_secret

    del staff.is_second_factor_enforced
    settings.SECOND_FACTOR_STAFF = False
    remove_totp(staff)
    staff.refresh_from_db()
    assert not staff.has_second_factor
    assert not RecoveryCode.objects.exists()
    remove_totp(staff)


def test_without_a_factor_there_are_no_codes(staff):
    with pytest.raises(NotEnrolled):
        check_code(staff, "000000")
    with pytest.raises(NotEnrolled):
        make_recovery_codes(staff)


def test_a_change_of_the_secret_key_reads_no_secret_and_breaks_nothing(staff, settings):
    phone, codes = enrol(staff)
    settings.SECRET_KEY, former = "another key", settings.SECRET_KEY

    with pytest.raises(WrongCode):
        check_code(staff, phone.code())
    check_code(staff, codes[0])
    settings.SECRET_KEY_FALLBACKS = [former]
    check_code(staff, phone.code())


# A lost one


def test_a_superuser_resets_the_factor_of_somebody_else(staff):
    root = StaffFactory(is_superuser=True)
    enrol(staff)
    pair = issue(staff, by_second_factor=True)

    reset_second_factor(staff, actor=root, reason="staff_action")

    assert sign_in().status_code == 200
    assert api_client_for().get(ME, HTTP_AUTHORIZATION=f"Bearer {pair.access}").status_code == 401
    entry = Entry.objects.get(verb="second_factor.reset")
    assert (entry.actor_id, entry.object_id, entry.reason) == (root.pk, str(staff.pk), "staff_action")
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_nobody_else_resets_one(staff):
    enrol(staff)
    root = StaffFactory(is_superuser=True)
    by_outside_token = StaffFactory(is_superuser=True)
    by_outside_token.has_staff_rights = False
    enrol(root)

    for actor, user in [(StaffFactory(groups=["Operators"]), staff), (by_outside_token, staff), (root, root)]:
        with pytest.raises(PermissionDenied):
            reset_second_factor(user, actor=actor, reason="staff_action")
    assert SecondFactor.objects.count() == 2


def test_the_command_resets_the_only_superusers(staff):
    enrol(staff)
    with pytest.raises(CommandError, match="--yes"):
        call_command("reset_second_factor", "grace")

    call_command("reset_second_factor", "grace", "--yes")

    assert not SecondFactor.objects.exists()
    assert Entry.objects.get(verb="second_factor.reset").actor_id is None
    with pytest.raises(CommandError, match="no second factor"):
        call_command("reset_second_factor", "grace", "--yes")


def test_every_change_leaves_an_entry(staff):
    _, codes = enrol(staff)
    check_code(staff, codes[0])
    make_recovery_codes(staff)
    remove_totp(staff)

    assert [verb for verb in verbs(staff) if verb.startswith("second_factor.")] == [
        "second_factor.app_added",
        "second_factor.recovery_codes_made",
        "second_factor.recovery_code_used",
        "second_factor.recovery_codes_made",
        "second_factor.app_removed",
    ]
