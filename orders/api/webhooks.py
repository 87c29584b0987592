"""Where the payment provider tells what has happened. Signed, not signed in; answered before the work is done."""

import io
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers.payments import EventInput, EventOutput
from orders.errors import InvalidSignature
from orders.payments import signatures
from orders.payments.events import read_event
from orders.services import take_event
from orders.services.webhook_secrets import valid_secrets
from trustengine.api.parsers import JSONParser, read_body
from trustengine.api.refusals import refused
from trustengine.api.schema import raises

SIGNATURE = OpenApiParameter(
    "Stripe-Signature",
    str,
    OpenApiParameter.HEADER,
    description="`t=` seconds since 1970, `v1=` HMAC-SHA256 of time, a dot and the raw body. By Stripe's scheme.",
)


class RawJSONParser(BaseParser):
    """The body as it came: its signature is over bytes, and is checked before anything reads them."""

    media_type = "application/json"
    renderer_class = JSONRenderer

    def parse(  # type: ignore[override]
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return read_body(stream)


class StripeWebhook(APIView):
    """Events of the payment provider."""

    authentication_classes = []
    permission_classes = [AllowAny]
    parser_classes = [RawJSONParser]

    @raises(InvalidSignature)
    @extend_schema(operation_id="webhooks_stripe", parameters=[SIGNATURE], request=EventInput, responses=EventOutput)
    def post(self, request: Request) -> Response:
        """Take an event of the payment provider.

        Each id is taken once: sent again, it is answered alike and changes nothing. A job
        does what follows, after the answer.
        """
        body = request.data if isinstance(request.data, bytes) else b""
        try:
            signatures.verify(
                body,
                request.headers.get("Stripe-Signature", ""),
                secrets=valid_secrets(),
                tolerance=settings.WEBHOOK_TOLERANCE_SECONDS,
            )
        except InvalidSignature:
            refused(InvalidSignature.code)
            raise
        take_event(read_event(JSONParser().parse(io.BytesIO(body))))
        return Response(EventOutput({"received": True}).data)
