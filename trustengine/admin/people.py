"""Pages about people: apps register theirs, and the pages below them link there without knowing them."""

from collections.abc import Callable
from typing import Any, TypeVar

Address = TypeVar("Address", bound=Callable[[Any], str])

_pages: dict[str, tuple[str, Callable[[Any], str]]] = {}


def register_person_page(title: str, *, permission: str) -> Callable[[Address], Address]:
    """Have a page about a person linked from wherever the console shows that person at length."""

    def register(address: Address) -> Address:
        _pages[title] = (permission, address)
        return address

    return register


def pages_about(person: Any, viewer: Any) -> list[tuple[str, str]]:
    """The titles and addresses of the pages about a person that this viewer may open; none about nobody."""
    if person is None:
        return []
    pages = sorted(_pages.items())
    return [(title, address(person)) for title, (permission, address) in pages if viewer.has_perm(permission)]
