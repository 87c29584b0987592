from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from billing.api.metering import metered
from orders.notices.pages import unsubscribe_page
from trustengine.accounts.pages import SignIn
from trustengine.api.endpoints import idempotent
from trustengine.api.parameters import strict
from trustengine.api.schema_view import SchemaView

api = [
    path("", include("trustengine.accounts.urls")),
    path("", include("orders.urls")),
    path("", include("billing.urls")),
    path("", include("reviews.urls")),
    path("", include("reports.urls")),
    path("", include("metrics.urls")),
]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("", include("reviews.pages.urls")),
    path("", include("metrics.pages.urls")),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(next_page="sign-in"), name="sign-out"),
    path("admin/", admin.site.urls),
    path("api/v1/", include(metered(idempotent(strict(api))))),
    path("notices/unsubscribe/", unsubscribe_page, name="unsubscribe"),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]

handler400 = "trustengine.api.problems.bad_request"
handler404 = "trustengine.api.problems.not_found"
handler500 = "trustengine.api.problems.server_error"
