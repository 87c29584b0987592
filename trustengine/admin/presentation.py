"""Small pieces of HTML that several pages share. All that comes from people is escaped."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from trustengine.database_time import database_now

TONES = {
    "pending": "warning",
    "ready": "info",
    "requested": "info",
    "running": "primary",
    "done": "success",
    "dead": "danger",
    "failed": "danger",
    "interrupted": "warning",
    "reverted": "",
    "approved": "success",
    "rejected": "danger",
    "hidden": "danger",
    "superseded": "",
    "confirmed": "info",
    "processing": "info",
    "shipped": "primary",
    "delivered": "success",
    "cancelled": "",
    "returned": "warning",
    "refunded": "warning",
}
# Digits of the minor unit by ISO 4217, where they are not two.
DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"), 0),
    **dict.fromkeys(("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def stars(rating: int | None) -> SafeString:
    """A rating as five stars, read aloud as a number."""
    full = rating or 0
    return format_html(
        '<span class="te-stars" role="img" aria-label="{} of 5 stars"><b>{}</b>{}</span>',
        full,
        "★" * full,
        "★" * (5 - full),
    )


def pill(text: str, tone: str | None = None) -> SafeString:
    """A short state as a coloured label; the colour follows from the word unless given."""
    return format_html('<span class="te-pill te-{}">{}</span>', TONES.get(text, "") if tone is None else tone, text)


def duration(length: timedelta) -> str:
    """A length of time in its largest fitting unit: "just now", "5 min", "3 h", "2 days"."""
    seconds = int(length.total_seconds())
    if seconds < 60:
        return "just now"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    if seconds < 2 * 86_400:
        return f"{seconds // 3_600} h"
    return f"{seconds // 86_400} days"


def age(moment: datetime | None) -> SafeString | str:
    """How long ago, with the exact time on hovering."""
    if moment is None:
        return "–"
    exact = timezone.localtime(moment)
    text = duration(database_now() - moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', exact.isoformat(), exact.strftime("%d %b %Y, %H:%M:%S"), text
    )


def ago(moment: datetime | None) -> SafeString | str:
    """The same as part of a sentence: "5 min ago", "just now"."""
    if moment is None or database_now() - moment < timedelta(minutes=1):
        return age(moment)
    return format_html("{} ago", age(moment))


def money(cents: int | None, currency: str) -> str:
    """An amount in minor units, with its currency."""
    if cents is None:
        return "–"
    digits = digits_of(currency)
    return f"{Decimal(cents).scaleb(-digits):,.{digits}f} {currency}"


def digits_of(currency: str) -> int:
    """How many decimal digits an amount in this currency has."""
    return DIGITS.get(currency, 2)


def page_of(row: Model | tuple[type[Model], Any], viewer: Any) -> str:
    """The address of a row's page, or "" where there is none or the viewer may not open it."""
    model, pk = (type(row), row.pk) if isinstance(row, Model) else row
    meta = model._meta
    if not admin.site.is_registered(model) or not viewer.has_perm(f"{meta.app_label}.view_{meta.model_name}"):
        return ""
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[quote(pk)])
    except NoReverseMatch:
        return ""


def link_to(row: Model | None, viewer: Any, text: str = "") -> SafeString | str:
    """A row's name, linked to its page where the viewer may open it."""
    if row is None:
        return "–"
    address = page_of(row, viewer)
    name = text or str(row)
    return format_html('<a class="te-link" href="{}">{}</a>', address, name) if address else name
