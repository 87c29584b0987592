"""What a person is called on the console's pages."""

from typing import Any

SEE_IDENTITIES = "accounts.see_identities"


def name_of(person: Any, viewer: Any) -> str:
    """A user's name as this viewer may know it; "the system" for None.

    Customers and vendors stay pseudonymous to those who may not see identities, so that
    a text is judged without knowing whose it is. Colleagues are called by their names.
    """
    if person is None:
        return "the system"
    if person.is_staff or person.pk == viewer.pk or viewer.has_perm(SEE_IDENTITIES):
        return str(person)
    return pseudonym(person.pk)


def pseudonym(user_id: object) -> str:
    """The same for one person everywhere, and telling nothing about them."""
    return f"user {str(user_id)[-8:]}"
