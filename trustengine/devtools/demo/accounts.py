"""The accounts to sign in with, their rights, and what each is good for."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from trustengine.accounts.models import User
from trustengine.devtools.demo.people import Person, new_person
from trustengine.devtools.demo.world import World

SHOP = "Northlight Audio"  # the vendor of the accounts below
FAKED_PRODUCT = "Fjord Portable Speaker"


@dataclass(frozen=True)
class Account:
    """Somebody to sign in as. The password is demo- and the username."""

    username: str
    name: str
    try_first: str
    group: str = ""
    is_superuser: bool = False

    @property
    def password(self) -> str:
        return f"demo-{self.username}"


ACCOUNTS = (
    Account("admin", "Ada Admin", "everything in the admin site", is_superuser=True),
    Account(
        "moderator",
        "Mira Moderator",
        f"reviews and cases; find the burst on {FAKED_PRODUCT}, and the seven reports at once",
        "Moderators",
    ),
    Account(
        "senior",
        "Sam Senior",
        "an appeal to rule on, a proposal that waits for a second person, the audit log",
        "Senior moderators",
    ),
    Account(
        "finance",
        "Fay Finance",
        "payouts that wait for a second person, statements, and a payment that nobody here knows",
        "Finance",
    ),
    Account("operator", "Otto Operator", "jobs and the audit log", "Operators"),
    Account("vendor", "Vidar Solberg", f"owner of {SHOP}: /vendor/dashboard/ in a browser"),
    Account("viewer", "Vilma Solberg", f"viewer of {SHOP}: may look, a transition answers 403"),
    Account("customer", "Carla Customer", "write a review by the lines below"),
    Account("customer2", "Conrad Customer", "vote on reviews: PUT reviews/ID/vote/"),
)


def make_accounts(world: World) -> dict[str, Person]:
    """The accounts above, by username.

    Their passwords are set without validation, on purpose: a password that everybody can
    read is no secret, whatever its length. They exist where a demo was asked for only.
    """
    with ThreadPoolExecutor() as threads:  # hashing is slow by design, and leaves the interpreter to others
        hashes = list(threads.map(make_password, [account.password for account in ACCOUNTS]))
    people = {}
    for account, password in zip(ACCOUNTS, hashes, strict=True):
        joined = world.ago(world.rng.uniform(70, 900))
        person = new_person(world, account.name, joined, username=account.username, password=password)
        person.user.is_superuser = account.is_superuser
        person.user.is_staff = account.is_superuser or bool(account.group)
        people[account.username] = person
    return people


def join_groups() -> None:
    """Put the stored accounts into their groups."""
    groups = {group.name: group for group in Group.objects.all()}
    users = {user.username: user for user in User.objects.filter(username__isnull=False)}
    for account in ACCOUNTS:
        if account.group:
            users[account.username].groups.add(groups[account.group])
