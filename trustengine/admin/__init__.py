"""The moderation console: the admin site, its home page, its sidebar, and bases for pages that show evidence.

Apps add to it from their own ``admin.py``: panels of the home page with
``register_panel``, entries of the sidebar with ``register_links``, pages of models as
``EvidenceAdmin`` and others with ``register_page``. This package knows none of them.
"""

from trustengine.admin.evidence import BoundedPaginator, ConsoleChangeList, EvidenceAdmin
from trustengine.admin.home import Area, Card, Chart, Panel, Series, home_context, register_panel
from trustengine.admin.identities import name_of
from trustengine.admin.sidebar import Link, navigation, register_links
from trustengine.admin.site import ConsoleSite, register_door, register_page

__all__ = [
    "Area",
    "BoundedPaginator",
    "Card",
    "Chart",
    "ConsoleChangeList",
    "ConsoleSite",
    "EvidenceAdmin",
    "Link",
    "Panel",
    "Series",
    "home_context",
    "name_of",
    "navigation",
    "register_door",
    "register_links",
    "register_page",
    "register_panel",
]
