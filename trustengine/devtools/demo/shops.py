"""The vendors, their terms and their products."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from orders.models import Product, VendorTerms
from trustengine.accounts.models import Membership, Profile, User
from trustengine.devtools.demo.catalogue import VENDORS, Offer
from trustengine.devtools.demo.people import new_person
from trustengine.devtools.demo.world import World


@dataclass
class Article:
    """A product on the shelf: how good it is (0 to 1), how it sells, and who answers for it."""

    product: Product
    offer: Offer
    trade: str
    owner: User
    quality: float
    demand: float


def make_shops(world: World, *, owners: dict[str, User]) -> list[Article]:
    """Every vendor with its products. ``owners`` names, by vendor, accounts that own one."""
    articles = []
    for vendor in VENDORS:
        opened = world.ago(world.rng.uniform(200, 800))
        profile = Profile(id=world.uuid(opened), kind=Profile.Kind.VENDOR, display_name=vendor.name, created_at=opened)
        owner = owners.get(vendor.name) or new_person(world, vendor.owner, opened).user
        world.add(profile)
        world.add(VendorTerms(profile=profile, fee_bps=vendor.fee_bps))
        join(world, profile, owner, Membership.Role.OWNER, opened)
        world.record(opened, "profile.created", profile, after={"kind": profile.kind, "owner_id": owner.pk})
        for offer in vendor.offers:
            product = _product(world, profile, offer, world.ago(world.rng.uniform(61, 190)))
            quality, demand = world.rng.betavariate(5, 1.4), world.rng.paretovariate(1.8)
            articles.append(Article(product, offer, vendor.trade, owner, quality, min(demand, 6)))
    for article, stock in zip(world.rng.sample(articles, 3), (0, 0, 2), strict=True):
        article.product.stock = stock
    withdrawn = world.rng.choice(articles)
    withdrawn.product.is_active = False  # sold before, and still to be reviewed by who bought it
    return articles


def join(world: World, profile: Profile, user: User, role: str, moment: datetime) -> None:
    """Let a user act for a vendor."""
    world.add(Membership(user=user, profile=profile, role=role, created_at=moment))
    world.record(moment, "membership.added", profile, after={"user_id": user.pk, "role": role})


def _product(world: World, vendor: Profile, offer: Offer, listed: datetime) -> Product:
    product = Product(
        id=world.uuid(listed),
        vendor=vendor,
        title=offer.title,
        description=offer.description,
        price_cents=offer.price_cents,
        currency=settings.MARKETPLACE_CURRENCY,
        stock=world.rng.choice([None, world.rng.randint(5, 240)]),
        created_at=listed,
    )
    world.touch(product, listed)
    return world.add(product)
