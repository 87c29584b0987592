"""The vendor's reply to a review."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.errors import ContentRemoved
from reviews import errors
from reviews.api.reviews import ReviewWrites, ReviewWritesPerDay
from reviews.report_counts import moderator_of
from reviews.services.replies import find_reply, withdraw_reply, write_reply
from reviews.shown_beside import OwnReplyOutput, ReplyInput
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.errors import AccountSuspended, PermissionDenied


@raises(errors.ReviewNotFound, ContentRemoved)
class ReviewReply(APIView):
    """The one reply to a review, for managers of the product's vendor."""

    throttle_classes = [ReviewWrites, ReviewWritesPerDay]

    @extend_schema(responses=OwnReplyOutput)
    def get(self, request: Request, pk: UUID) -> Response:
        """Read the reply with all its texts, as a member of the vendor or a moderator."""
        return Response(_shown(pk, request))

    @raises(errors.ReviewDeleted, PermissionDenied, AccountSuspended)
    @extend_schema(
        request=ReplyInput,
        responses={201: OwnReplyOutput, 200: OpenApiResponse(OwnReplyOutput, "The reply there was is changed")},
    )
    def put(self, request: Request, pk: UUID) -> Response:
        """Reply to a review, or change the reply. It is public once approved."""
        given = ReplyInput(data=request.data)
        given.is_valid(raise_exception=True)
        written = write_reply(pk, member=caller(request), text=given.validated_data["text"])
        return Response(_shown(pk, request), status=201 if written.is_new else 200)

    @raises(errors.ReviewDeleted, PermissionDenied, AccountSuspended)
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Withdraw the reply."""
        withdraw_reply(pk, member=caller(request))
        return Response(status=204)


def _shown(review_id: UUID, request: Request) -> dict[str, Any]:
    reply = find_reply(review_id, viewer=caller(request))
    return OwnReplyOutput(reply, context={"moderator": moderator_of(request)}).data
