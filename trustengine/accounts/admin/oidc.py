"""Sign-in of staff by OpenID Connect: to the identity provider, and back from it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache

from trustengine.accounts import oidc
from trustengine.accounts.sessions import begin_sign_in, onward
from trustengine.admin import register_page


@register_page("oidc/", "oidc_begin", is_open=True)
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    if not oidc.is_configured():
        raise Http404
    try:
        return HttpResponseRedirect(oidc.begin(request.session, callback=_callback(request), onward=onward(request)))
    except oidc.SignInRefused as refusal:
        return _refuse(request, refusal)


@register_page("oidc/callback/", "oidc_callback", is_open=True)
@never_cache
def callback(request: HttpRequest) -> HttpResponse:
    """Sign in who comes back. The provider's own second factor is not ours: ours is asked for as after a password."""
    if not oidc.is_configured():
        raise Http404
    try:
        user, page = oidc.finish(request.session, request.GET.dict(), callback=_callback(request))
    except oidc.SignInRefused as refusal:
        return _refuse(request, refusal)
    return begin_sign_in(request, user, onward=page)


def _callback(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("admin:oidc_callback"))


def _refuse(request: HttpRequest, refusal: oidc.SignInRefused) -> HttpResponse:
    oidc.note_refusal(refusal)
    messages.error(request, str(refusal))
    return redirect("admin:login")
