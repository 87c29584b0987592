"""Addresses that exist for tests alone: one view per way to fail, and lists to page through."""

import threading

from django.db import connection, transaction
from django.http import Http404
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.generics import ListAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, IsAdminUser
from rest_framework.response import Response
from rest_framework.views import APIView

from trustengine.accounts.models import Profile
from trustengine.api.endpoints import idempotent
from trustengine.api.ordering import NamedOrdering
from trustengine.errors import InvalidTransition
from trustengine.urls import handler400, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler404", "handler500"]


class Open(APIView):
    permission_classes = [AllowAny]


class Item(serializers.Serializer):
    name = serializers.CharField()


class Basket(serializers.Serializer):
    name = serializers.CharField()
    items = Item(many=True)
    tags = serializers.ListField(child=serializers.IntegerField(), required=False)


class Echo(Open):
    def post(self, request):
        given = Basket(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(given.validated_data)


class StaffOnly(APIView):
    permission_classes = [IsAdminUser]

    def get(self, request):
        return Response()


class Waits(Open):
    """Waits for a row that the test has locked."""

    def post(self, request):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            Profile.objects.select_for_update().get()
        return Response()


class LocksTwo(APIView):
    """Locks two rows in the order given, when two requests hold one each."""

    both_hold_one = threading.Barrier(2)

    def post(self, request):
        first, second = request.data["rows"]
        with transaction.atomic():
            Profile.objects.select_for_update().get(pk=first)
            self.both_hold_one.wait(10)
            Profile.objects.select_for_update().get(pk=second)
        return Response({})


class Slow(Open):
    def get(self, request):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '50ms'")
            cursor.execute("SELECT pg_sleep(5)")
        return Response()


class Raises(Open):
    errors = {
        "bug": lambda: RuntimeError("the reason, which no client may read"),
        "missing": Http404,
        "throttled": lambda: exceptions.Throttled(wait=7.2),
        "domain": lambda: InvalidTransition("No.", headers={"X-Extra": "1"}, current="shipped"),
        "code": lambda: exceptions.ValidationError({"when": ["Too late."]}),
        "plain": lambda: exceptions.ValidationError("All wrong."),
        "teapot": exceptions.APIException,
    }

    def get(self, request, name):
        raise self.errors[name]()


class Shops(APIView):
    """Makes a vendor, then answers as it is told."""

    inside, go_on = threading.Event(), threading.Event()

    def post(self, request):
        shop = Profile.objects.create(kind=Profile.Kind.VENDOR, display_name=request.data["name"])
        if request.data.get("waits"):
            self.inside.set()
            self.go_on.wait(10)
        if reason := request.data.get("raises"):
            raise Raises.errors[reason]()
        body = {"id": shop.pk, "made": shop.created_at, "share": 0.1, "name": shop.display_name}
        status = request.data.get("status", 201)
        return Response(body, status=status, headers={"Location": f"/shops/{shop.pk}/", "X-Other": "1"})

    def delete(self, request):
        return Response(status=204)


class Files(APIView):
    parser_classes = [MultiPartParser]

    def post(self, request):
        return Response({"size": len(request.data["file"].read())})


class ProfileOutput(serializers.ModelSerializer):
    class Meta:
        model = Profile
        fields = ["id", "display_name", "created_at"]


class Profiles(ListAPIView):
    permission_classes = [AllowAny]
    serializer_class = ProfileOutput
    queryset = Profile.objects.all()
    filter_backends = [NamedOrdering]
    orderings = {
        "name": ("display_name", "pk"),
        "-name": ("-display_name", "-pk"),
        "mixed": ("display_name", "-created_at"),
        "newest": ("-created_at",),
    }


urlpatterns = [
    *urlpatterns,
    path("api/test/echo/", Echo.as_view()),
    path("api/test/staff/", StaffOnly.as_view()),
    path("api/test/waits/", Waits.as_view()),
    path("api/test/slow/", Slow.as_view()),
    path("api/test/raises/<str:name>/", Raises.as_view()),
    path("api/test/profiles/", Profiles.as_view()),
    *idempotent(
        [
            path("api/test/shops/", Shops.as_view()),
            path("api/test/shops/second/", Shops.as_view()),
            path("api/test/locks/", LocksTwo.as_view()),
            path("api/test/files/", Files.as_view()),
        ]
    ),
]
