"""Who takes part: customers, readers who only vote, and the vendors' owners."""

from dataclasses import dataclass
from datetime import datetime

from trustengine.accounts.models import Membership, Profile, User
from trustengine.devtools.demo.names import FIRST, LAST
from trustengine.devtools.demo.world import World

CUSTOMERS, REGULARS, READERS = 150, 16, 430


@dataclass
class Person:
    """A user with their customer profile, and how they buy and write."""

    user: User
    profile: Profile
    activity: float = 1.0
    writes: float = 0.4
    foreign: bool = False


def new_person(
    world: World, name: str, joined: datetime, *, username: str | None = None, password: str | None = None
) -> Person:
    """A user, their customer profile and their membership of it. ``password`` is a hash already."""
    # "!" begins a password that nobody can sign in with; Django would fill up with bits that are not ours.
    unusable = f"!{world.rng.getrandbits(160):040x}"
    user = User(
        id=world.uuid(joined),
        username=username,
        password=password or unusable,
        email=_address(name, username),
        date_joined=joined,
    )
    profile = Profile(
        id=world.uuid(joined), kind=Profile.Kind.CUSTOMER, display_name=name, user=user, created_at=joined
    )
    world.add(user)
    world.add(profile)
    world.add(Membership(user=user, profile=profile, role=Membership.Role.OWNER, created_at=joined))
    return Person(user, profile)


def make_customers(world: World) -> list[Person]:
    """Customers of very unequal zeal: a few regulars, and many who come once or twice."""
    people = []
    for number in range(CUSTOMERS):
        regular = number < REGULARS
        person = new_person(world, new_name(world), world.ago(world.rng.uniform(62, 700)))
        person.activity = world.rng.uniform(6, 9) if regular else world.rng.paretovariate(1.6)
        person.writes = 0.72 if regular else world.rng.betavariate(1.6, 2.2)
        person.foreign = not regular and world.chance(0.2)
        people.append(person)
    return people


def make_readers(world: World) -> list[Person]:
    """People who have bought nothing here, and vote on what they read."""
    return [new_person(world, new_name(world), world.ago(world.rng.uniform(45, 400))) for _ in range(READERS)]


def new_name(world: World) -> str:
    """A first name, and mostly the family name or its initial, as people sign."""
    first, last = world.rng.choice(FIRST), world.rng.choice(LAST)
    style = world.rng.random()
    if style < 0.15:
        return first
    return f"{first} {last[0].upper()}." if style < 0.6 else f"{first} {last}"


def _address(name: str, username: str | None) -> str:
    """An address under a domain that never receives mail (RFC 2606)."""
    local = username or "".join(letter for letter in name.casefold() if letter.isascii() and letter.isalpha())
    return f"{local or 'customer'}@example.com"
