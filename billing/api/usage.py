"""Usage: told by services, read by the profiles' members."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing import examples as shown
from billing.api.access import MayRecordUsage, profile_seen_by
from billing.api.serializers.plans import ProfileQuery, UsageOutput
from billing.api.serializers.usage import EventsOutput, TimelineOutput, TimelineQuery, UsageEventInput, UsageEventsInput
from billing.errors import UsageEventConflict
from billing.services.usage import Event, record_events
from billing.subscribed import usage_of
from billing.timelines import By, Timeline
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.database_time import database_today
from trustengine.errors import DomainError, NotFound, TryAgain
from trustengine.row_security import seen_by

ONE = "events.0."
EVENTS = PolymorphicProxySerializer(
    component_name="UsageEvents", serializers=[UsageEventInput, UsageEventsInput], resource_type_field_name=None
)
SHOWN_DAYS = timedelta(days=30)


class UsageView(APIView):
    """How much of its plan a profile has used."""

    unmetered = ("GET",)

    @raises(NotFound)
    @extend_schema(operation_id="billing_usage", parameters=[ProfileQuery], responses=UsageOutput)
    def get(self, request: Request) -> Response:
        """See what a profile has used this month, and what is left of it."""
        asked = ProfileQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        user = caller(request)
        profile = profile_seen_by(user, asked.validated_data.get("profile"))
        with seen_by(user):
            return Response(UsageOutput(usage_of(profile)).data)


class UsageTimeline(APIView):
    """What a profile has used, over time."""

    unmetered = ("GET",)

    @raises(NotFound)
    @extend_schema(operation_id="billing_usage_timeline", parameters=[TimelineQuery], responses=TimelineOutput)
    def get(self, request: Request) -> Response:
        """See sums by hour (up to 31 days) or day (up to 366). An hour or a day without any is left out."""
        asked = TimelineQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        user, given = caller(request), asked.validated_data
        profile = profile_seen_by(user, given.get("profile"))
        last: date = given.get("to") or database_today()
        first: date = given.get("from") or max(last, date.min + SHOWN_DAYS) - SHOWN_DAYS
        timeline = Timeline(profile, given["meter"], first, last, By(given["by"]))
        with seen_by(user):
            points = timeline.points()
        told = {"profile": profile, "meter": timeline.meter, "by": timeline.by.value, "points": points}
        return Response(TimelineOutput(told).data)


class UsageEvents(APIView):
    """What services tell of usage."""

    permission_classes = [IsAuthenticated, MayRecordUsage]

    @raises(UsageEventConflict, TryAgain)
    @extend_schema(
        operation_id="billing_usage_events",
        request=EVENTS,
        examples=[
            OpenApiExample("One event", value=shown.EVENT, request_only=True),
            OpenApiExample("Several", value=shown.EVENTS_INPUT, request_only=True),
            OpenApiExample("Example", value=shown.EVENTS_OUTPUT, response_only=True, status_codes=["200", "201"]),
        ],
        responses={201: EventsOutput, 200: OpenApiResponse(EventsOutput, "All had been counted before")},
    )
    def post(self, request: Request) -> Response:
        """Count one event, or up to 1,000 in `events`: each once, and all of a request or none.

        An event is known by profile, source and event id. Told again with the same content it is a
        `duplicate` and counts once; with other content nothing of the request is counted, and
        `errors` names the events concerned. One that belongs to a month which is closed already is
        counted in the present month, and `adjusts` its own. A correction is an event of its own.
        """
        data = request.data
        is_batch = isinstance(data, Mapping) and "events" in data
        given = (UsageEventsInput if is_batch else UsageEventInput)(data=data)
        given.is_valid(raise_exception=True)
        events = given.validated_data["events"] if is_batch else [given.validated_data]
        try:
            outcomes = record_events([_event(event) for event in events])
        except DomainError as refusal:
            raise refusal if is_batch else _of_one(refusal) from refusal
        new = sum(outcome.is_new for outcome in outcomes)
        told = {
            "accepted": new,
            "duplicates": len(outcomes) - new,
            "events": [
                {
                    "event": outcome.event,
                    "duplicate": not outcome.is_new,
                    "month": outcome.month,
                    "adjusts": outcome.adjusts,
                }
                for outcome in outcomes
            ],
        }
        return Response(EventsOutput(told).data, status=201 if new else 200)


def _event(given: dict[str, Any]) -> Event:
    return Event(
        given["profile"],
        given["source"],
        given["event_id"],
        given["meter"],
        given["quantity"],
        given.get("occurred_at"),
    )


def _of_one(refusal: DomainError) -> DomainError:
    """The same refusal, with the fields called as in a request that is one event."""
    for error in refusal.extra.get("errors", ()):
        error["field"] = error["field"].removeprefix(ONE)
    return refusal
