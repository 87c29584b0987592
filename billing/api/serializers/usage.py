"""Usage events as they are told, and timelines."""

from typing import Any

from rest_framework import serializers

from billing import examples as shown
from billing.meters import CHOICES, MOST
from trustengine.api.schema import example

MOST_EVENTS = 1_000
NAME = r"^[!-~]+$"  # visible ASCII: a name that machines give


@example(shown.EVENT)
class UsageEventInput(serializers.Serializer[Any]):
    profile = serializers.UUIDField()
    source = serializers.RegexField(  # type: ignore[assignment]
        NAME, max_length=40, help_text="What tells it, such as a service's name."
    )
    event_id = serializers.RegexField(NAME, max_length=100, help_text="Its name there, by which it counts once.")
    meter = serializers.ChoiceField(choices=CHOICES)
    quantity = serializers.IntegerField(min_value=-MOST, max_value=MOST, help_text="Below zero: a correction.")
    occurred_at = serializers.DateTimeField(required=False, help_text="Absent: now.")


@example(shown.EVENTS_INPUT)
class UsageEventsInput(serializers.Serializer[Any]):
    events = UsageEventInput(many=True, min_length=1, max_length=MOST_EVENTS)  # type: ignore[call-arg]


class EventOutcome(serializers.Serializer[Any]):
    profile = serializers.UUIDField(source="event.profile_id")
    source = serializers.CharField(source="event.source")  # type: ignore[assignment]
    event_id = serializers.CharField(source="event.event_id")
    duplicate = serializers.BooleanField(help_text="Whether it had been counted before.")
    month = serializers.DateField(help_text="The first day of the month it is counted in.")
    adjusts = serializers.DateField(allow_null=True, help_text="Its own month, where that was closed already.")


@example(shown.EVENTS_OUTPUT)
class EventsOutput(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    events = EventOutcome(many=True)


class TimelineQuery(serializers.Serializer[Any]):
    profile = serializers.UUIDField(
        required=False, help_text="Absent: the one vendor of the caller, else their own as a customer."
    )
    meter = serializers.ChoiceField(choices=CHOICES)
    to = serializers.DateField(required=False, help_text="The last day; absent: today.")
    by = serializers.ChoiceField(choices=["hour", "day"], default="day")

    def get_fields(self) -> dict[str, Any]:
        first = serializers.DateField(required=False, help_text="The first day; absent: 30 days before the last.")
        return {**super().get_fields(), "from": first}  # a word of the language's own


class PointOutput(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="Where the hour or the day begins.")
    quantity = serializers.IntegerField()


@example(shown.TIMELINE)
class TimelineOutput(serializers.Serializer[Any]):
    profile = serializers.UUIDField()
    meter = serializers.ChoiceField(choices=CHOICES)
    by = serializers.ChoiceField(choices=["hour", "day"])
    points = PointOutput(many=True)
