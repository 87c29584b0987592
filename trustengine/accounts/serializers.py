from typing import Any

from rest_framework import serializers

from trustengine.accounts import examples as shown
from trustengine.accounts.models import Erasure, Membership, Profile, User
from trustengine.accounts.names import MAX_LENGTH, is_unseen
from trustengine.api.schema import example, examples


@example(shown.CREDENTIALS)
class Credentials(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=4_096, trim_whitespace=False, style={"input_type": "password"})
    otp = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="Where a second factor is set up: a code of the authenticator app, or a recovery code.",
    )


@example(shown.TOKEN_PAIR)
class TokenPairOutput(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


@example(shown.REFRESH)
class RefreshInput(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=8_192)


@example(shown.NOTICES)
class NoticeChoices(serializers.Serializer[Any]):
    """Which e-mails the caller gets."""

    order_updates = serializers.BooleanField(source="wants_order_updates")
    review_invitations = serializers.BooleanField(source="wants_review_invitations")


@example(shown.NOTICE_CHANGES)
class NoticeChanges(serializers.Serializer[Any]):
    """What is absent keeps its value."""

    order_updates = serializers.BooleanField(required=False)
    review_invitations = serializers.BooleanField(required=False)


@example(shown.ME)
class Me(serializers.ModelSerializer[User]):
    """The caller: the person, and the name they go by."""

    email = serializers.CharField(help_text="Empty where none is known.")
    display_name = serializers.CharField(source="customer_profile.display_name")
    profile = serializers.UUIDField(source="customer_profile.pk")
    notices = NoticeChoices(source="*")

    class Meta:
        model = User
        fields = ["id", "subject", "email", "display_name", "profile", "is_suspended", "notices"]
        read_only_fields = fields


@example(shown.ME_CHANGES)
class MeChanges(serializers.Serializer[Any]):
    display_name = serializers.CharField(max_length=MAX_LENGTH, allow_blank=True, required=False)
    notices = NoticeChanges(required=False)

    def validate_display_name(self, value: str) -> str:
        if any(is_unseen(character) or character in "\r\n\t" for character in value):
            raise serializers.ValidationError("A name is one line of visible characters.")
        return value


@example(shown.MY_PROFILE)
class MyProfile(serializers.ModelSerializer[Membership]):
    """A profile that the caller may act for, and as what."""

    id = serializers.UUIDField(source="profile.pk")
    kind = serializers.ChoiceField(source="profile.kind", choices=Profile.Kind.choices)
    display_name = serializers.CharField(source="profile.display_name")

    class Meta:
        model = Membership
        fields = ["id", "kind", "display_name", "role"]


@examples({202: shown.ERASURE})
class ErasureOutput(serializers.ModelSerializer[Erasure]):
    """An erasure as asked for. Nobody is left to ask how far it has come."""

    class Meta:
        model = Erasure
        fields = ["state", "requested_at"]
        read_only_fields = fields


@example(shown.EXPORT)
class ExportOutput(serializers.Serializer[Any]):
    """Rows by kind. More kinds and members may come; ``version`` changes when one goes."""

    version = serializers.IntegerField()
    user = serializers.UUIDField()
    sections = serializers.DictField(child=serializers.ListField(child=serializers.DictField()))
