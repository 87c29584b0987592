"""The admin's look."""

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _session_script(request: HttpRequest) -> str:
    """The address of the script that keeps what was typed; its fragment says whose page it is."""
    user = getattr(request, "user", None)
    return f"{static('trustengine/session.js')}#{user.pk if user is not None and user.pk else ''}"


UNFOLD = {
    "SITE_TITLE": "TrustEngine",
    "SITE_HEADER": "TrustEngine",
    "SITE_SUBHEADER": "Moderation console",
    "SITE_SYMBOL": "verified_user",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "trustengine.admin.home_context",
    "STYLES": [lambda request: static("trustengine/console.css")],
    "SCRIPTS": [_session_script],
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("trustengine/icon.svg")},
    ],
    "BORDER_RADIUS": "8px",
    # A calm petrol of our own, evenly spaced in lightness, with white text readable from 600 on.
    "COLORS": {
        "primary": {
            "50": "oklch(97.8% .012 205)",
            "100": "oklch(95% .026 205)",
            "200": "oklch(90% .047 205)",
            "300": "oklch(83% .072 206)",
            "400": "oklch(73% .096 208)",
            "500": "oklch(61% .1 211)",
            "600": "oklch(50.5% .088 214)",
            "700": "oklch(43.5% .074 217)",
            "800": "oklch(37% .06 220)",
            "900": "oklch(31% .048 224)",
            "950": "oklch(23% .036 228)",
        },
    },
    "ACCOUNT": {
        "navigation": [
            {"title": "Sign-in and security", "link": reverse_lazy("admin:security")},
            {"title": "Change password", "link": reverse_lazy("admin:password_change")},
        ],
    },
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "trustengine.admin.navigation",
    },
}
