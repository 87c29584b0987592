"""The engine of sessions: Django's own in the database, which also notes whose a session is.

A session expires by the database's clock, as all else does.
"""

from datetime import datetime
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db

from trustengine.accounts.models import UserSession
from trustengine.database_time import database_now


class SessionStore(db.SessionStore):
    """Named as Django's, because that name salts the signature of a session's data."""

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        row = cast(UserSession, super().create_model_instance(data))
        row.user_id = data.get(SESSION_KEY)
        return row

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        return super().get_expiry_date(**{"modification": database_now()} | kwargs)

    def get_expiry_age(self, **kwargs: Any) -> int:
        return super().get_expiry_age(**{"modification": database_now()} | kwargs)

    def _get_session_from_db(self) -> UserSession | None:
        row = UserSession.objects.filter(session_key=self.session_key, expire_date__gt=database_now()).first()
        if row is None:
            self._session_key = None
        return row
