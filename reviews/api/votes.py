from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.errors import ProductInactive
from reviews import errors
from reviews.serializers import VoteInput, VoteOutput
from reviews.services import cast_vote, withdraw_vote
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.errors import AccountSuspended, RateLimitExceeded
from trustengine.origins import origin_of


@raises(errors.ReviewNotFound, AccountSuspended, RateLimitExceeded)
class ReviewVoteView(APIView):
    """The caller's helpful/unhelpful vote on one review."""

    @raises(
        errors.InvalidVoteType,
        errors.ReviewDeleted,
        errors.ReviewNotApproved,
        ProductInactive,
        errors.SelfVoteProhibited,
        errors.ConflictOfInterest,
    )
    @extend_schema(request=VoteInput, responses=VoteOutput)
    def put(self, request: Request, pk: UUID) -> Response:
        """Vote, or change one's vote. The totals in the answer hold it already."""
        given = VoteInput(data=request.data)
        given.is_valid(raise_exception=True)
        outcome = cast_vote(pk, voter=caller(request), origin=origin_of(request._request), **given.validated_data)
        return Response(VoteOutput(outcome).data)

    @extend_schema(responses={200: VoteOutput})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Take one's vote back."""
        return Response(VoteOutput(withdraw_vote(pk, voter=caller(request))).data)
