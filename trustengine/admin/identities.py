"""What a person is called on the console's pages."""

from typing import Any

SEE_IDENTITIES = "accounts.see_identities"


class InConfidence:
    """Stands for somebody who acted in confidence, such as a reporter, before those who may not know who."""

    def __str__(self) -> str:
        return "somebody in confidence"


IN_CONFIDENCE = InConfidence()


def name_of(person: Any, viewer: Any) -> str:
    """A user's name as this viewer may know it; "the system" for None.

    Customers and vendors stay pseudonymous to those who may not see identities, so that
    a text is judged without knowing whose it is. Colleagues are called by their names.
    """
    if person is None:
        return "the system"
    if isinstance(person, InConfidence):
        return str(person)
    return str(person) if is_known(person, viewer) else pseudonym(person.pk)


def is_known(person: Any, viewer: Any) -> bool:
    """Whether a viewer may know who a user is, by name or by id: a colleague, themself, or anybody they may unmask."""
    return bool(person.is_staff or person.pk == viewer.pk or viewer.has_perm(SEE_IDENTITIES))


def in_confidence(person: Any, viewer: Any) -> Any:
    """Somebody who acts in confidence, as this viewer may know them: not even by a pseudonym, colleagues neither.

    ``person`` may be a user or a user's id.
    """
    own = person is not None and getattr(person, "pk", person) == viewer.pk
    return person if person is None or own or viewer.has_perm(SEE_IDENTITIES) else IN_CONFIDENCE


def pseudonym(user_id: object) -> str:
    """The same for one person everywhere, and telling nothing about them."""
    return f"user {str(user_id)[-8:]}"
