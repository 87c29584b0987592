from django.urls import path

from trustengine.accounts.api import (
    ExportView,
    MeView,
    MyProfilesView,
    SignOutEverywhereView,
    TokenRefreshView,
    TokenRevokeView,
    TokenView,
)
from trustengine.accounts.pages import SessionView

urlpatterns = [
    path("auth/token/", TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", TokenRefreshView.as_view(), name="auth-token-refresh"),
    path("auth/token/revoke/", TokenRevokeView.as_view(), name="auth-token-revoke"),
    path("auth/sign-out-everywhere/", SignOutEverywhereView.as_view(), name="auth-sign-out-everywhere"),
    path("auth/session/", SessionView.as_view(), name="auth-session"),
    path("me/", MeView.as_view(), name="me"),
    path("me/export/", ExportView.as_view(), name="my-export"),
    path("me/profiles/", MyProfilesView.as_view(), name="my-profiles"),
]
