"""What stands beside a review for clients: the vendor's reply, photos, and for its author a restriction."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from reviews import examples as shown
from reviews.models import ReplyRevision, Restriction, Review, ReviewPhoto, VendorReply
from reviews.report_counts import WithReportCount
from trustengine.accounts.models import User
from trustengine.api.fields import NormalisedText
from trustengine.api.schema import example, examples


@example(shown.REPLY)
class PublicReply(serializers.Serializer[Any]):
    """The vendor's reply as anyone may read it."""

    text = serializers.CharField()
    vendor_name = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    report_count = serializers.IntegerField(
        required=False, help_text="Reports of it that were not withdrawn. For moderators only."
    )


@example(shown.REPLY_INPUT)
class ReplyInput(serializers.Serializer[Any]):
    text = NormalisedText(max_length=5_000)


class ReplyRevisionOutput(serializers.ModelSerializer[ReplyRevision]):
    class Meta:
        model = ReplyRevision
        fields = ["number", "text", "state", "created_at", "decided_at"]


@examples(dict.fromkeys((200, 201), shown.OWN_REPLY))
class OwnReplyOutput(WithReportCount, serializers.ModelSerializer[VendorReply]):
    """A reply as the vendor's members and moderators see it: with every text that it has had."""

    vendor_name = serializers.CharField(source="vendor.display_name")
    revisions = ReplyRevisionOutput(many=True)

    class Meta:
        model = VendorReply
        fields = [
            "id",
            "review",
            "vendor_name",
            "text",
            "status",
            "is_hidden",
            "edit_count",
            "edited_at",
            "revisions",
            "report_count",
            "created_at",
            "updated_at",
        ]


@example(shown.PHOTO)
class PhotoOutput(serializers.Serializer[Any]):
    """A photo as anyone may see it."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    thumbnail_url = serializers.CharField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()


@examples(dict.fromkeys((200, 201), shown.OWN_PHOTO))
class OwnPhotoOutput(PhotoOutput):
    """A photo as its author sees it, approved or not."""

    state = serializers.ChoiceField(ReviewPhoto.State.choices)
    size = serializers.IntegerField()


@example(shown.PHOTO_INPUT, media_type="multipart/form-data")
class PhotoInput(serializers.Serializer[Any]):
    """A form with a picture; ``file``, as evidence has it, is taken for ``photo``."""

    photo = serializers.FileField()

    def to_internal_value(self, data: Any) -> Any:
        if "photo" not in data and "file" in data:
            data = {"photo": data["file"]}
        return super().to_internal_value(data)


@example(shown.RESTRICTION)
class RestrictionOutput(serializers.Serializer[Any]):
    """Why a review is shown to its author and to moderators only."""

    ground = serializers.ChoiceField(Restriction.Ground.values)
    sentence = serializers.CharField()
    since = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    appealable = serializers.BooleanField()


def public_reply(review: Review, *, moderator: User | None = None) -> dict[str, Any] | None:
    """The reply of a review ``with_shown``; None unless it is public."""
    reply: VendorReply | None = getattr(review, "reply", None)
    if reply is None or not reply.is_public:
        return None
    values = {
        "text": reply.text,
        "vendor_name": str(reply.vendor),
        "created_at": reply.created_at,
        "updated_at": reply.moderated_at or reply.created_at,
    }
    if moderator:
        values["report_count"] = reply.report_count
    return PublicReply(values).data


def photo(picture: ReviewPhoto) -> dict[str, Any]:
    """A photo with its addresses; the thumbnail's is the photo's own until there is one."""
    url = reverse("photo", args=[picture.pk])
    return {
        "id": picture.pk,
        "url": url,
        "thumbnail_url": reverse("photo-thumbnail", args=[picture.pk]) if picture.has_thumbnail else url,
        "width": picture.width,
        "height": picture.height,
        "state": picture.state,
        "size": picture.size,
    }


def public_photos(review: Review) -> list[dict[str, Any]]:
    """The approved photos of a review ``with_shown``."""
    approved = [each for each in review.photos.all() if each.state == ReviewPhoto.State.APPROVED]
    return [PhotoOutput(photo(each)).data for each in approved]


def own_photos(review: Review) -> list[dict[str, Any]]:
    """All photos of a review ``with_shown``, for its author and moderators."""
    return [OwnPhotoOutput(photo(each)).data for each in review.photos.all()]


def told_restriction(review: Review) -> dict[str, Any] | None:
    """The restriction that holds, if the author has been told of it."""
    if review.restricted_at is None:
        return None
    active = [each for each in review.restrictions.all() if each.lifted_at is None and each.is_notified]
    if not active:
        return None
    values = {
        "ground": active[0].ground,
        "sentence": active[0].sentence,
        "since": active[0].imposed_at,
        "expires_at": active[0].expires_at,
        "appealable": True,
    }
    return RestrictionOutput(values).data
