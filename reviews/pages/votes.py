"""The helpful buttons of the page: a plain form, or the same without leaving the page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views import View

from reviews.services import cast_vote, withdraw_vote
from reviews.services.voting import VoteOutcome
from trustengine.accounts.models import User
from trustengine.api.refusals import refused
from trustengine.errors import DomainError
from trustengine.origins import Origin, origin_of

NONE = "none"


class VoteButton(View):
    """``POST /reviews/{id}/vote/`` with ``vote_type`` helpful, unhelpful or none, guarded by the CSRF token."""

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        back = _back(request)
        if not isinstance(request.user, User):
            sign_in = f"{reverse('sign-in')}?{urlencode({'next': back})}"
            return JsonResponse({"sign_in": sign_in}, status=401) if _by_script(request) else redirect(sign_in)
        try:
            outcome = _vote(pk, request.user, request.POST.get("vote_type", ""), origin_of(request))
        except DomainError as error:
            refused(error.code, user=str(request.user.pk))
            if _by_script(request):
                return JsonResponse({"code": error.code, "detail": error.detail}, status=error.status)
            messages.error(request, error.detail)
            return redirect(f"{back}#review-{pk}")
        if _by_script(request):
            return JsonResponse(
                {
                    "vote_type": outcome.vote_type,
                    "helpful_votes": outcome.helpful_votes,
                    "unhelpful_votes": outcome.unhelpful_votes,
                }
            )
        return redirect(f"{back}#review-{pk}")


def _vote(review_id: UUID, voter: User, vote_type: str, origin: Origin) -> VoteOutcome:
    if vote_type == NONE:
        return withdraw_vote(review_id, voter=voter)
    return cast_vote(review_id, voter=voter, vote_type=vote_type, origin=origin)


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


def _back(request: HttpRequest) -> str:
    """Where the form stood: an address of this host, whatever the request says."""
    target = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(target, allowed_hosts=None, require_https=request.is_secure())
    return target if safe and target.startswith("/") else "/"
