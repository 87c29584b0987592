from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def stars(value: float | None) -> SafeString | str:
    """Five stars filled up to a value, with the same in words for whoever does not see them."""
    if value is None:
        return ""
    words = f"{value:.1f}".removesuffix(".0")
    return format_html(
        '<span class="stars" role="img" aria-label="{} out of 5 stars"><i style="width:{}%"></i></span>',
        words,
        f"{20 * value:.1f}",
    )
