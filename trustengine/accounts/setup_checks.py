"""Staff groups, proved on the running system by ``manage.py check --database default``."""

from collections.abc import Iterator

from django.contrib.auth.models import Group

from trustengine.accounts.groups import GROUPS
from trustengine.database.proving import proves


@proves("accounts.E010", hint="Run manage.py migrate: it gives the groups what they lack.")
def staff_groups() -> Iterator[str]:
    """Every staff group is there, with the permissions that it needs."""
    held = {
        group.name: {
            f"{app}.{code}" for app, code in group.permissions.values_list("content_type__app_label", "codename")
        }
        for group in Group.objects.filter(name__in=GROUPS)
    }
    for name, permissions in GROUPS.items():
        if name not in held:
            yield f"The group {name} is missing."
        elif missing := sorted(set(permissions) - held[name]):
            yield f"The group {name} lacks {', '.join(missing)}."
