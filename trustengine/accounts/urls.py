from django.urls import path

from trustengine.accounts.api import ExportView, MeView, MyProfilesView, TokenRefreshView, TokenView
from trustengine.accounts.pages import SessionView

urlpatterns = [
    path("auth/token/", TokenView.as_view(), name="auth-token"),
    path("auth/token/refresh/", TokenRefreshView.as_view(), name="auth-token-refresh"),
    path("auth/session/", SessionView.as_view(), name="auth-session"),
    path("me/", MeView.as_view(), name="me"),
    path("me/export/", ExportView.as_view(), name="my-export"),
    path("me/profiles/", MyProfilesView.as_view(), name="my-profiles"),
]
