from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    """TrustEngine's admin site."""

    index_title = "Home"
    enable_nav_sidebar = True
    empty_value_display = "–"
