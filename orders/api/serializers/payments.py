"""What a payment provider sends, as far as it is described here, and what it is answered."""

from typing import Any

from rest_framework import serializers

from orders import examples as shown
from trustengine.api.schema import example


@example(shown.EVENT)
class EventInput(serializers.Serializer[Any]):
    """An event in Stripe's shape. Types that nothing follows from are taken, and ignored; so are thin events."""

    id = serializers.CharField(max_length=255)
    type = serializers.CharField(max_length=100)
    created = serializers.IntegerField(required=False, help_text="Seconds since 1970.")
    data = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="Its member `object` is what the event is about. Thin events have none."
    )


@example(shown.EVENT_OUTPUT)
class EventOutput(serializers.Serializer[Any]):
    received = serializers.BooleanField()
