"""The console's pieces of HTML, for its templates."""

from datetime import datetime
from typing import Any

from django import template
from django.db.models import Model
from django.utils.safestring import SafeString

from trustengine.admin import identities, people, presentation

register = template.Library()

register.filter("stars", presentation.stars)
register.filter("pill", presentation.pill)
register.filter("age", presentation.age)
register.filter("ago", presentation.ago)
register.filter("money", presentation.money)


@register.filter
def parsed(text: str | None) -> datetime | None:
    """A time out of a JSON member."""
    return datetime.fromisoformat(text) if text else None


@register.simple_tag(takes_context=True)
def person(context: dict[str, Any], user: Any) -> str:
    """A user's name as the viewer may know it."""
    return identities.name_of(user, context["request"].user)


@register.simple_tag(takes_context=True)
def row_link(context: dict[str, Any], row: Model | None, text: str = "") -> SafeString | str:
    """A row's name, linked to its page where the viewer may open it."""
    return presentation.link_to(row, context["request"].user, text)


@register.simple_tag(takes_context=True)
def person_link(context: dict[str, Any], user: Any) -> SafeString | str:
    """The same, linked to the person's page where the viewer may open it."""
    viewer = context["request"].user
    if user is None or isinstance(user, identities.InConfidence):
        return identities.name_of(user, viewer)
    return presentation.link_to(user, viewer, identities.name_of(user, viewer))


@register.simple_tag(takes_context=True)
def confidential_name(context: dict[str, Any], user: Any) -> str:
    """The name of somebody who acted in confidence, as the viewer may know it."""
    viewer = context["request"].user
    return identities.name_of(identities.in_confidence(user, viewer), viewer)


@register.simple_tag(takes_context=True)
def confidential_link(context: dict[str, Any], user: Any) -> SafeString | str:
    """The same for somebody who acted in confidence, such as a reporter."""
    return person_link(context, identities.in_confidence(user, context["request"].user))


@register.simple_tag(takes_context=True)
def person_pages(context: dict[str, Any], user: Any) -> list[tuple[str, str]]:
    """Further pages about a person that the viewer may open, as (title, address)."""
    return people.pages_about(user, context["request"].user)
