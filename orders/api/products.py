"""What vendors sell, for those who sell it. Buyers' side: ``reviews.api.products``, because ratings live there."""

from uuid import UUID

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from orders.api.serializers.products import ProductChanges, ProductInput, VendorProductOutput
from orders.filters import VendorProductFilter
from orders.models import Product
from orders.services import create_product, update_product
from trustengine.accounts.callers import caller
from trustengine.api.ordering import NamedOrdering
from trustengine.api.schema import raises
from trustengine.errors import AccountSuspended, NotFound, PermissionDenied


class VendorProducts(generics.ListAPIView[Product]):
    """Products of the vendors that the caller is a member of, on offer or not."""

    serializer_class = VendorProductOutput
    filter_backends = [DjangoFilterBackend, NamedOrdering]
    filterset_class = VendorProductFilter
    orderings = {
        "-created_at": ("-created_at", "-pk"),
        "created_at": ("created_at", "pk"),
        "title": ("title", "pk"),
        "price": ("price_cents", "pk"),
        "-price": ("-price_cents", "-pk"),
    }

    def get_queryset(self) -> QuerySet[Product]:
        if getattr(self, "swagger_fake_view", False):
            return Product.objects.none()
        return Product.objects.sold_by(caller(self.request))

    @raises(PermissionDenied, AccountSuspended, NotFound)
    @extend_schema(operation_id="vendor_products_create", request=ProductInput, responses={201: VendorProductOutput})
    def post(self, request: Request) -> Response:
        """Offer a new product."""
        given = ProductInput(data=request.data)
        given.is_valid(raise_exception=True)
        fields = dict(given.validated_data)
        product = create_product(actor=caller(request), vendor_id=fields.pop("vendor", None), **fields)
        return Response(VendorProductOutput(product).data, status=201)


class VendorProductDetail(APIView):
    """One product of a vendor's."""

    @raises(PermissionDenied, AccountSuspended)
    @extend_schema(operation_id="vendor_products_update", request=ProductChanges, responses=VendorProductOutput)
    def patch(self, request: Request, pk: UUID) -> Response:
        """Change what it is, costs, or how much of it there is."""
        given = ProductChanges(data=request.data)
        given.is_valid(raise_exception=True)
        product = update_product(pk, actor=caller(request), changes=given.validated_data)
        return Response(VendorProductOutput(product).data)
