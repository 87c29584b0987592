"""The engine of sessions: Django's own in the database, which also notes whose a session is."""

from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from trustengine.accounts.models import UserSession


class SessionStore(db.SessionStore):
    """Named as Django's, because that name salts the signature of a session's data."""

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        row = cast(UserSession, super().create_model_instance(data))
        row.user_id = data.get(SESSION_KEY)
        return row
