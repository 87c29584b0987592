"""Orders for customers, fulfilment for vendors."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers.orders import OrderOutput, TransitionInput, TransitionOutput, VendorOrderItemOutput
from orders.filters import OrderFilter, OrderItemFilter
from orders.models import Order, OrderItem
from orders.services import cancel_order, transition_item
from trustengine.accounts.callers import caller
from trustengine.api.schema import raises
from trustengine.errors import AccountSuspended, InvalidTransition, PermissionDenied


class OwnOrders(generics.GenericAPIView[Order]):
    serializer_class = OrderOutput

    def get_queryset(self) -> QuerySet[Order]:
        if getattr(self, "swagger_fake_view", False):
            return Order.objects.none()
        own = Order.objects.visible_to(caller(self.request))
        return own.prefetch_related("items__product").order_by("-placed_at", "-pk")


class OrderList(OwnOrders, generics.ListAPIView[Order]):
    """The caller's orders, newest first."""

    filterset_class = OrderFilter


class OrderDetail(OwnOrders, generics.RetrieveAPIView[Order]):
    """One order of the caller's."""


class OrderCancel(APIView):
    """Taking an order back before anything of it has left."""

    @raises(PermissionDenied, AccountSuspended, InvalidTransition)
    @extend_schema(operation_id="orders_cancel", request=None, responses=OrderOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Cancel an order while every item is pending or processing; its money goes back."""
        order = cancel_order(pk, actor=caller(request))
        return Response(OrderOutput(Order.objects.prefetch_related("items__product").get(pk=order.pk)).data)


class VendorOrderItems(generics.ListAPIView[OrderItem]):
    """Items that the caller's vendors have to fulfil, newest first."""

    serializer_class = VendorOrderItemOutput
    filterset_class = OrderItemFilter

    def get_queryset(self) -> QuerySet[OrderItem]:
        if getattr(self, "swagger_fake_view", False):
            return OrderItem.objects.none()
        items = OrderItem.objects.visible_to(caller(self.request))
        return items.select_related("order", "product").order_by("-pk")


class ItemTransition(APIView):
    """One step in the fulfilment of an item."""

    @raises(PermissionDenied, AccountSuspended, InvalidTransition)
    @extend_schema(operation_id="vendor_order_items_transition", request=TransitionInput, responses=TransitionOutput)
    def post(self, request: Request, pk: UUID) -> Response:
        """Move an item to its next state; its order's status follows at once.

        Repeating the present state changes nothing but the tracking number, where another one is given.
        """
        given = TransitionInput(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(TransitionOutput(transition_item(pk, actor=caller(request), **given.validated_data)).data)
