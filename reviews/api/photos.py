"""Photos of reviews: sent by their authors, and served to whoever may see them."""

from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema
from rest_framework.parsers import DataAndFiles, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.errors import QuotaExceeded
from reviews import errors, files
from reviews.api.reviews import ReviewWrites, ReviewWritesPerDay
from reviews.models import ReviewPhoto
from reviews.models.photo import thumbnail_name
from reviews.services.finding import is_visible
from reviews.services.photos import add_photo, delete_photo
from reviews.shown_beside import OwnPhotoOutput, PhotoInput, photo
from trustengine.accounts.callers import caller, viewer
from trustengine.accounts.models import User
from trustengine.api.limits import DAY, Limit, WithoutRedis
from trustengine.api.schema import raises
from trustengine.api.throttles import AnonymousReads, WritesPerUser
from trustengine.errors import AccountSuspended, AgeRestricted, InvalidTransition, NotFound, PermissionDenied

ENVELOPE = 65_536  # bytes of a form around its file
PUBLIC = "public, max-age=300"  # a photo that is taken down is gone from caches within minutes
PRIVATE = "private, no-store"

_SHOWN = OpenApiExample("Example", value="…the bytes of a JPEG picture…", media_type="image/jpeg")
PICTURE = {(200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, "The picture", examples=[_SHOWN])}


class PhotoParser(MultiPartParser):
    """Forms with a file, refused by their announced length before anything of them is read."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> DataAndFiles:
        request: Request = (parser_context or {})["request"]
        length = str(request.META.get("CONTENT_LENGTH") or "0")
        if length.isdecimal() and int(length) > settings.PHOTO_MAX_BYTES + ENVELOPE:
            raise errors.FileTooLarge
        return super().parse(stream, media_type, dict(parser_context or {}))


class PhotosPerDay(WritesPerUser):
    """Each is encoded again, stored and looked at by a moderator, also where it is deleted soon after."""

    limit = Limit("photos-day", "PHOTOS_PER_DAY", WithoutRedis.DATABASE, DAY)


class ReviewPhotos(APIView):
    """The photos of one's own review."""

    throttle_classes = [ReviewWrites, ReviewWritesPerDay, PhotosPerDay]
    parser_classes = [PhotoParser]

    @raises(
        errors.ReviewNotFound,
        errors.ReviewDeleted,
        errors.FileTooLarge,
        errors.FileTypeNotAllowed,
        InvalidTransition,
        QuotaExceeded,
        PermissionDenied,
        AccountSuspended,
        AgeRestricted,
    )
    @extend_schema(
        request=PhotoInput,
        responses={201: OwnPhotoOutput, 200: OpenApiResponse(OwnPhotoOutput, "The review has this photo already")},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Add a photo to one's own review. It is public once approved."""
        given = PhotoInput(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["photo"]
        picture, is_new = add_photo(pk, author=caller(request), file=file, size=file.size)
        return Response(OwnPhotoOutput(photo(picture)).data, status=201 if is_new else 200)


class ReviewPhotoDetail(APIView):
    """One photo of one's own review."""

    throttle_classes = [ReviewWrites]

    @raises(errors.ReviewNotFound, errors.ReviewDeleted, PermissionDenied)
    @extend_schema(responses={204: None})
    def delete(self, request: Request, pk: UUID, photo_id: UUID) -> Response:
        """Delete a photo."""
        delete_photo(pk, photo_id, author=caller(request))
        return Response(status=204)


class PhotoFile(APIView):
    """The picture itself. A bucket is redirected to, by an address that works for minutes."""

    permission_classes = [AllowAny]
    throttle_classes = [AnonymousReads]

    @extend_schema(responses=PICTURE)
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """See a photo."""
        picture = _visible(pk, viewer(request))
        return served(picture.name, is_public=_is_public(picture))


class PhotoThumbnail(APIView):
    """A small version of the picture."""

    permission_classes = [AllowAny]
    throttle_classes = [AnonymousReads]

    @extend_schema(responses=PICTURE)
    def get(self, request: Request, pk: UUID) -> HttpResponseBase:
        """See a photo in small."""
        picture = _visible(pk, viewer(request))
        name = thumbnail_name(picture.name) if picture.has_thumbnail else picture.name
        return served(name, is_public=_is_public(picture))


def served(name: str, *, is_public: bool) -> HttpResponseBase:
    """A stored picture as an answer. Raises NotFound if the file is gone, TryAgain."""
    if settings.S3_BUCKET:
        answer: HttpResponseBase = HttpResponseRedirect(files.signed_url(name))
        answer["Cache-Control"] = PRIVATE
        return answer
    data = files.read(name)
    if data is None:
        raise NotFound
    answer = HttpResponse(data, content_type="image/jpeg")
    answer["Cache-Control"] = PUBLIC if is_public else PRIVATE
    answer["Vary"] = "Authorization"
    answer["Content-Disposition"] = "inline"
    return answer


def _visible(photo_id: UUID, reader: User | None) -> ReviewPhoto:
    picture = ReviewPhoto.objects.select_related("review__product").filter(pk=photo_id).first()
    if picture is None or picture.review.deleted_at is not None:
        raise NotFound
    seen = is_visible(picture.review, reader)
    if picture.state != ReviewPhoto.State.APPROVED:
        seen = reader is not None and (
            picture.review.author_id == reader.pk or reader.has_perm("reviews.moderate_review")
        )
    if not seen:
        raise NotFound
    return picture


def _is_public(picture: ReviewPhoto) -> bool:
    review = picture.review
    return picture.state == ReviewPhoto.State.APPROVED and review.is_public and not review.product.is_moderated
