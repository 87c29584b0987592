"""Sign-in and security: where staff set up and remove their second factors, and sign out everywhere.

Each change asks for the password again, or for a code where there is no password. Whoever
has to set up a second factor and has none comes here after the password, and nowhere else.
"""

from typing import Any, cast
from uuid import UUID

import segno
from django.contrib import admin, messages
from django.contrib.auth import authenticate, update_session_auth_hash
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from trustengine.accounts import totp
from trustengine.accounts.encryption import decrypt, encrypt
from trustengine.accounts.models import Passkey, RecoveryCode, SecondFactor, User
from trustengine.accounts.passkeys import begin_adding, can_have_passkeys, finish_adding
from trustengine.accounts.second_factor import (
    add_totp,
    check_code,
    make_recovery_codes,
    remove_passkey,
    remove_totp,
    sign_out_everywhere,
)
from trustengine.accounts.sessions import (
    BY_SECOND_FACTOR,
    complete_sign_in,
    keep_time,
    onward,
    pending_user,
    with_next,
)
from trustengine.admin import register_page
from trustengine.errors import DomainError, InvalidInput

DRAFT = "totp_draft"
WRONG_PASSWORD = "That is not your password. Nothing was changed."


def acting_user(request: HttpRequest) -> User | None:
    """Who changes their security: staff in the console, or somebody on the way in who has to set up a factor first."""
    keep_time(request)
    if admin.site.has_permission(request):
        return cast(User, request.user)
    user = pending_user(request)
    return user if user and not user.has_second_factor else None


@register_page("security/", "security", is_open=True)
@never_cache
def security(request: HttpRequest) -> HttpResponse:
    user = acting_user(request)
    if user is None:
        return redirect(with_next("admin:login", request.path))
    return _page(request, user)


@register_page("security/app/", "security_app", is_open=True)
@sensitive_post_parameters("password", "proof", "code")
@never_cache
def authenticator_app(request: HttpRequest) -> HttpResponse:
    """Show a new secret as a QR code and as text, and take it once its first code is right."""
    user = acting_user(request)
    if user is None:
        return redirect(with_next("admin:login", request.path))
    secret = decrypt(request.session.get(DRAFT, "")) if request.method == "POST" else None
    problem = ""
    if secret:
        try:
            _require_proof(request, user)
            codes = add_totp(user, secret, request.POST.get("code", ""))
        except DomainError as refusal:
            problem = _words(refusal)
        else:
            del request.session[DRAFT]
            return _done(request, user, codes, "The authenticator app is set up.")
    else:
        secret = totp.new_secret()
        request.session[DRAFT] = encrypt(secret)
    address = totp.provisioning_uri(secret, account=str(user), issuer="TrustEngine")
    picture = segno.make_qr(address).svg_inline(scale=5, border=2, dark="#000", light="#fff")
    picture = mark_safe(picture)  # nosec B308 B703 - made of black and white squares by segno
    context = {"picture": picture, "secret": totp.spelled(secret), "problem": problem}
    return _render(request, user, "console/accounts/security_app.html", context, "Authenticator app", problem)


@register_page("security/passkey/", "security_passkey", is_open=True)
@sensitive_post_parameters("password", "proof")
@never_cache
def passkey(request: HttpRequest) -> HttpResponse:
    """Add a passkey: the first post proves who asks and is answered with options, the second brings the key."""
    user = acting_user(request)
    if user is None:
        return redirect(with_next("admin:login", request.path))
    problem = ""
    if request.method == "POST":
        try:
            if answer := request.POST.get("passkey"):
                codes = finish_adding(request, user, answer, name=request.POST.get("name", ""))
                return _done(request, user, codes, "The passkey is set up.")
            _require_proof(request, user)
            return JsonResponse({"options": begin_adding(request, user)})
        except DomainError as refusal:
            problem = _words(refusal)
            if not request.POST.get("passkey"):
                return JsonResponse({"problem": problem}, status=400)
    context = {"problem": problem, "can_have_passkeys": can_have_passkeys(request)}
    return _render(request, user, "console/accounts/security_passkey.html", context, "Passkey", problem)


@register_page("security/remove/", "security_remove")
@sensitive_post_parameters("password", "proof")
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Remove a factor."""
    user = cast(User, request.user)
    try:
        _require_proof(request, user)
        if passkey_id := request.POST.get("passkey_id"):
            remove_passkey(user, _uuid(passkey_id))
        else:
            remove_totp(user)
    except DomainError as refusal:
        return _page(request, user, _words(refusal))
    messages.success(request, "Removed.")
    return redirect("admin:security")


@register_page("security/recovery-codes/", "security_recovery_codes")
@sensitive_post_parameters("password", "proof")
@require_POST
@never_cache
def recovery_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes, and show them this once."""
    user = cast(User, request.user)
    try:
        _require_proof(request, user)
        codes = make_recovery_codes(user)
    except DomainError as refusal:
        return _page(request, user, _words(refusal))
    return _show_codes(request, user, codes, "New recovery codes. The earlier ones are void.")


@register_page("security/sign-out-everywhere/", "security_sign_out")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    sign_out_everywhere(user, actor=user)
    request.session.flush()
    messages.success(request, "You are signed out everywhere. Sign in again to go on.")
    return redirect("admin:login")


def _page(request: HttpRequest, user: User, problem: str = "") -> HttpResponse:
    context = {
        "problem": problem,
        "factor": SecondFactor.objects.filter(pk=user.pk).first(),
        "passkeys": Passkey.objects.filter(user=user).order_by("added_at", "pk"),
        "codes_left": RecoveryCode.objects.filter(user=user, used_at=None).count(),
        "is_enforced": user.is_second_factor_enforced,
    }
    return _render(request, user, "console/accounts/security.html", context, "Sign-in and security", problem)


def _render(
    request: HttpRequest, user: User, template: str, context: dict[str, Any], title: str, problem: str = ""
) -> HttpResponse:
    inside = admin.site.has_permission(request)
    page = {
        **admin.site.each_context(request),
        "title": title,
        "layout": "admin/base_site.html" if inside else "unfold/layouts/unauthenticated.html",
        "is_inside": inside,
        "person": user,
        "proof_by_password": signs_in_by_password(user),
        # Whoever is on the way in has proved their password minutes ago; a first factor without a password has no code.
        "asks_for_proof": inside and (signs_in_by_password(user) or user.has_second_factor),
        "next": onward(request),
        **context,
    }
    return render(request, template, page, status=400 if problem else 200)


def _done(request: HttpRequest, user: User, codes: list[str], done: str) -> HttpResponse:
    """Keep the session, which has now proved a second factor, and show recovery codes if they were made."""
    user.refresh_from_db()
    if admin.site.has_permission(request) or request.user == user:
        request.session[BY_SECOND_FACTOR] = True
        update_session_auth_hash(request, user)
        request.user = user
    else:
        complete_sign_in(request, user, by_second_factor=True)
    if codes:
        return _show_codes(request, user, codes, done)
    messages.success(request, done)
    return redirect("admin:security")


def _show_codes(request: HttpRequest, user: User, codes: list[str], done: str) -> HttpResponse:
    return _render(
        request, user, "console/accounts/recovery_codes.html", {"codes": codes, "done": done}, "Recovery codes"
    )


def _require_proof(request: HttpRequest, user: User) -> None:
    """Ask again who it is: a session left open must not change how its owner signs in. Raises DomainError."""
    if not admin.site.has_permission(request):
        return  # has given the password minutes ago, on the way in
    given = request.POST.get("proof", "")
    if signs_in_by_password(user):
        if authenticate(request, username=user.username, password=given) != user:
            raise InvalidInput(WRONG_PASSWORD)
    elif user.has_second_factor:
        check_code(user, given[:60])


def signs_in_by_password(user: User) -> bool:
    """Whether there is a password to ask for: without a name it opens nothing."""
    return bool(user.username) and user.has_usable_password()


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInput("There is no such passkey.") from None


def _words(refusal: DomainError) -> str:
    return " ".join(error["message"] for error in refusal.extra.get("errors", ())) or refusal.detail
