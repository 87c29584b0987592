"""The console's door: the sign-in page, and the page that asks for the second factor."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from trustengine.accounts import oidc, sessions
from trustengine.accounts.models import User
from trustengine.accounts.passkeys import begin_asking, can_have_passkeys, check_passkey
from trustengine.accounts.second_factor import check_code
from trustengine.accounts.sessions import begin_sign_in, complete_sign_in, onward, pending_user, with_next
from trustengine.admin import ConsoleSite, register_door, register_page
from trustengine.admin.site import ARRIVING
from trustengine.errors import DomainError


class ConsoleLogin(LoginView):
    """By name and password; whoever has a second factor, or needs one, is asked for it next."""

    template_name = "admin/login.html"

    def form_valid(self, form: Any) -> HttpResponse:
        return begin_sign_in(self.request, form.get_user(), onward=self.get_success_url())


class ConsoleDoor:
    """Sessions that open the console."""

    admits = staticmethod(sessions.admits)
    keep_time = staticmethod(sessions.keep_time)

    def login(self, request: HttpRequest, site: ConsoleSite, context: dict[str, Any]) -> HttpResponseBase:
        if request.method == "GET":
            if site.has_permission(request):
                return redirect("admin:index")
            if lacks_second_factor(request):
                return begin_sign_in(request, cast(User, request.user), onward=onward(request))
        page = {
            **site.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "next": onward(request),
            "by_provider": oidc.is_configured() and with_next("admin:oidc_begin", onward(request)),
            **context,
        }
        answer: HttpResponseBase = ConsoleLogin.as_view(authentication_form=site.login_form, extra_context=page)(
            request
        )
        return answer


register_door(ConsoleDoor())


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether a member of staff has signed in by password, and a second factor is all that is missing."""
    user = request.user
    if not isinstance(user, User) or not user.is_active or not user.is_staff or request.session.get(sessions.BY_TOKEN):
        return False
    return user.needs_second_factor and not request.session.get(sessions.BY_SECOND_FACTOR)


@register_page("second-factor/", "second_factor", is_open=True)
@sensitive_post_parameters("code")
@never_cache
def second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for a code or a passkey between the password and the console."""
    user = pending_user(request)
    if user is None or not user.has_second_factor:
        return redirect(with_next("admin:login", onward(request)))
    problem = ""
    status = 200
    if request.method == "POST":
        try:
            if answer := request.POST.get("passkey"):
                check_passkey(request, user, answer)
            else:
                check_code(user, request.POST.get("code", "")[:60])
        except DomainError as refusal:
            problem, status = refusal.detail, 429 if refusal.status == 429 else 400
        else:
            complete_sign_in(request, user, by_second_factor=True)
            request.session[ARRIVING] = onward(request)
            return redirect(onward(request))
    context = {
        **admin.site.each_context(request),
        "title": "Second factor",
        "problem": problem,
        "next": onward(request),
        "passkey_options": begin_asking(request, user) if can_have_passkeys(request) else "",
    }
    return render(request, "console/accounts/second_factor.html", context, status=status)
