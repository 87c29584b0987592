"""What vendors' addresses have in common: whose they are about, and for which days."""

import re
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from orders.currencies import CODES
from trustengine.accounts.callers import caller
from trustengine.accounts.models import Profile
from trustengine.admin.days import start_of
from trustengine.errors import InvalidInput, NotFound

DAY = re.compile(r"(20[0-9]{2})-([0-9]{2})-([0-9]{2})", re.ASCII)
MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])", re.ASCII)
DAY_SCHEMA = {"type": "string", "format": "date", "pattern": r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}$"}
MONTH_SCHEMA = {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"}

PROFILE = OpenApiParameter(
    "profile", {"type": "string", "format": "uuid"}, description="Which vendor; for members of several."
)
CURRENCY = OpenApiParameter("currency", {"type": "string", "pattern": "^[A-Z]{3}$"}, description="ISO 4217.")
FROM = OpenApiParameter("from", DAY_SCHEMA, description="The first day, in the marketplace's calendar.")
TO = OpenApiParameter("to", DAY_SCHEMA, description="The last day, included.")


def vendor_of(request: Request) -> Profile:
    """The vendor that a caller asks about, or the only one there is.

    Raises NotFound for one that the caller has no part in, InvalidInput where it is not clear which.
    """
    own = Profile.objects.vendors().of(caller(request))
    given = given_text(request, "profile")
    if given:
        try:
            vendor = own.filter(pk=UUID(given)).first()
        except ValueError as error:
            raise InvalidInput(fields={"profile": "Not an id."}) from error
        if vendor is None:
            raise NotFound
        return vendor
    found = list(own.order_by("pk")[:2])
    if not found:
        raise NotFound
    if len(found) > 1:
        raise InvalidInput(fields={"profile": "You are a member of several vendors: say which."})
    return found[0]


def currency(request: Request) -> str:
    """The currency asked for, or ""."""
    given = given_text(request, "currency")
    if given and given not in CODES:
        raise InvalidInput(fields={"currency": "Not a currency."})
    return given


def moments(request: Request) -> tuple[datetime | None, datetime | None]:
    """From when, and until before when: the days ``from`` and ``to``, both included."""
    first, last = _day(request, "from"), _day(request, "to")
    if first and last and first > last:
        raise InvalidInput(fields={"to": "Not before the first day."})
    return start_of(first) if first else None, start_of(last + timedelta(days=1)) if last else None


def month(request: Request) -> date | None:
    """The first day of the month asked for."""
    given = given_text(request, "month")
    if not given:
        return None
    matched = MONTH.fullmatch(given)
    if matched is None:
        raise InvalidInput(fields={"month": "A month, such as 2026-05."})
    return date(int(matched[1]), int(matched[2]), 1)


def given_text(request: Request, name: str) -> str:
    given: Any = request.query_params.get(name)
    return given or ""


def _day(request: Request, name: str) -> date | None:
    given = given_text(request, name)
    if not given:
        return None
    matched = DAY.fullmatch(given)
    try:
        return date(*(int(part) for part in matched.groups())) if matched else _refuse(name)
    except ValueError:
        return _refuse(name)


def _refuse(name: str) -> date:
    raise InvalidInput(fields={name: "A day, such as 2026-05-17."})
