"""The caller's cart, and buying what is in it."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers.cart import CartItemOutput, CartOutput, CheckoutOutput, QuantityInput
from orders.errors import OutOfStock, ProductInactive, ProviderRefused
from orders.services import put_in_cart, start_checkout, take_from_cart
from orders.services.customers import cart_of
from trustengine.accounts.callers import caller
from trustengine.api.limits import DAY, Limit, WithoutRedis
from trustengine.api.schema import raises
from trustengine.api.throttles import WritesPerUser
from trustengine.errors import AccountSuspended, PermissionDenied
from trustengine.origins import origin_of


class CartView(APIView):
    """What the caller means to buy."""

    @extend_schema(responses=CartOutput)
    def get(self, request: Request) -> Response:
        return Response(CartOutput(cart_of(caller(request))).data)


class CartItemView(APIView):
    """One product in the caller's cart."""

    @raises(ProductInactive, AccountSuspended, PermissionDenied)
    @extend_schema(operation_id="cart_items_put", request=QuantityInput, responses=CartItemOutput)
    def put(self, request: Request, pk: UUID) -> Response:
        """Have so many pieces of it in the cart, whatever was in it before."""
        given = QuantityInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(CartItemOutput(put_in_cart(pk, actor=caller(request), **given.validated_data)).data)

    @raises(AccountSuspended, PermissionDenied)
    @extend_schema(operation_id="cart_items_delete", responses={204: None})
    def delete(self, request: Request, pk: UUID) -> Response:
        """Take it out of the cart, if it is in it."""
        take_from_cart(pk, actor=caller(request))
        return Response(status=204)


class Checkouts(WritesPerUser):
    """Each asks the payment provider, and holds stock that others cannot buy meanwhile."""

    limit = Limit("checkouts", "CHECKOUTS_PER_MINUTE", WithoutRedis.DATABASE)


class CheckoutsPerDay(WritesPerUser):
    """Renewals hold no more stock, but each asks the payment provider."""

    limit = Limit("checkouts-day", "CHECKOUTS_PER_DAY", WithoutRedis.DATABASE, DAY)


class CheckoutView(APIView):
    """Buying what is in the cart."""

    throttle_classes = [Checkouts, CheckoutsPerDay]

    @raises(ProviderRefused, OutOfStock, ProductInactive, AccountSuspended, PermissionDenied)
    @extend_schema(operation_id="checkout", request=None, responses={201: CheckoutOutput})
    def post(self, request: Request) -> Response:
        """Hold it for a while, and ask for its payment at the prices of now.

        It takes the place of an earlier checkout that has not been paid, and ends with it. The order exists
        once the payment has arrived, and what was paid for leaves the cart with it.
        """
        key = request.headers.get("Idempotency-Key", "")
        started = start_checkout(actor=caller(request), idempotency_key=key, origin=origin_of(request._request))
        return Response(CheckoutOutput(started).data, status=201)
