from django.urls import path

from trustengine.accounts.api import ExportView, MeView, MyProfilesView, TokenRefreshView, TokenView

urlpatterns = [
    path("auth/token/", TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", TokenRefreshView.as_view(), name="auth-token-refresh"),
    path("me/", MeView.as_view(), name="me"),
    path("me/export/", ExportView.as_view(), name="my-export"),
    path("me/profiles/", MyProfilesView.as_view(), name="my-profiles"),
]
