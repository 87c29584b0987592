"""Making the demo marketplace: once, in one transaction, into an empty database."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, models, transaction

from orders.models import Order, OrderItem, PaymentEvent, Product, VendorTerms
from reports.models import Appeal, Case, Decision, DecisionText, Proposal, Report
from reviews.models import (
    Quarantine,
    ReplyRevision,
    Restriction,
    Review,
    ReviewRevision,
    ReviewVote,
    ReviewVoteShard,
    Screening,
    VendorReply,
)
from trustengine.accounts.models import Membership, Profile, User
from trustengine.audit.models import Entry
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.devtools.demo.accounts import FAKED_PRODUCT, SHOP, join_groups, make_accounts
from trustengine.devtools.demo.answers import answer_reviews
from trustengine.devtools.demo.complaints import Complaints
from trustengine.devtools.demo.defences import keep_fingerprints, quarantine_burst
from trustengine.devtools.demo.derived import derive_everything
from trustengine.devtools.demo.feedback import plan_burst, plan_late_edits, plan_reviews
from trustengine.devtools.demo.history import History
from trustengine.devtools.demo.payments import lose_a_payment
from trustengine.devtools.demo.payouts import pay_vendors
from trustengine.devtools.demo.people import Person, make_customers, make_readers
from trustengine.devtools.demo.plans import meter_usage, sell_plans
from trustengine.devtools.demo.purchases import make_purchases, make_todays_purchases, place_order
from trustengine.devtools.demo.shops import Article, join, make_shops
from trustengine.devtools.demo.votes import make_votes
from trustengine.devtools.demo.world import DAYS, World

SEED = 20
MARK = ("devtools.demo", "marketplace")
TABLES: tuple[type[models.Model], ...] = (
    User,
    Profile,
    Membership,
    VendorTerms,
    Product,
    Order,
    OrderItem,
    Quarantine,
    Review,
    ReviewRevision,
    Screening,
    ReviewVote,
    ReviewVoteShard,
    Restriction,
    VendorReply,
    ReplyRevision,
    Case,
    Report,
    Decision,
    DecisionText,
    Proposal,
    Appeal,
    PaymentEvent,
    Entry,
)
# Where one of these has rows that are not the demo's, somebody works with this database.
OCCUPYING: tuple[type[models.Model], ...] = (User, Profile, Product, Order, Entry)


class Occupied(Exception):
    """The database holds something else than the demo."""


def is_seeded() -> bool:
    """Whether the demo is there: its making is in the audit."""
    return Entry.objects.filter(verb="demo.seeded", object_type=MARK[0], object_id=MARK[1]).exists()


@transaction.atomic
def seed(*, number: int = SEED, now: datetime | None = None) -> bool:
    """Make the marketplace of this number; False if the demo is there already. Raises Occupied.

    The same number gives the same rows all day long.
    """
    _take_turns()
    if is_seeded():
        return False
    for model in OCCUPYING:
        if model._default_manager.exists():
            raise Occupied(f"the database holds {model._meta.verbose_name_plural} already: the demo needs an empty one")
    world = World(seed=number, now=now or database_now())
    voted_on = invent(world)
    world.store(TABLES)
    join_groups()
    derive_everything(voted_on=voted_on)
    keep_fingerprints()
    pay_vendors()
    sell_plans()
    meter_usage()
    record("demo.seeded", MARK, after={"seed": number})
    return True


def invent(world: World) -> list[UUID]:
    """Think up everything, in memory."""
    accounts = make_accounts(world)
    articles = make_shops(world, owners={SHOP: accounts["vendor"].user})
    _employ_viewer(world, accounts["viewer"].user, articles)
    customers = make_customers(world)
    history = History(world, moderator=accounts["moderator"].user, senior=accounts["senior"].user)
    plan_reviews(world, history, make_purchases(world, customers, articles))
    faked = next(article for article in articles if article.offer.title == FAKED_PRODUCT)
    plan_burst(world, history, faked)
    plan_late_edits(world, history)
    for username in ("customer", "customer2"):
        _go_shopping(world, accounts[username], articles)
    history.replay()
    quarantine_burst(world, history, faked.product)
    readers = make_readers(world)
    voted_on = make_votes(world, history.stories, [*readers, *customers])
    make_todays_purchases(world, customers, articles)
    beside = world.beside("complaints")
    answer_reviews(beside, history, articles)
    Complaints(beside, history, readers).tell()
    lose_a_payment(beside)
    return voted_on


def _employ_viewer(world: World, user: User, articles: list[Article]) -> None:
    shop = next(article.product.vendor for article in articles if article.product.vendor.display_name == SHOP)
    join(world, shop, user, Membership.Role.VIEWER, world.ago(DAYS))


def _go_shopping(world: World, person: Person, articles: list[Article]) -> None:
    """Orders of an account that has not reviewed anything yet: old ones delivered, the latest on its way."""
    active = [article for article in articles if article.product.is_active]
    for days, size in ((34, 2), (19, 3), (11, 1), (2.2, 2), (0.1, 1)):
        basket = world.rng.sample(active, size)
        place_order(world, person, basket, world.ago(days) + timedelta(minutes=world.rng.uniform(1, 90)), smooth=True)


def _take_turns() -> None:
    """Hold a second process that seeds the same database until this one has committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('trustengine demo', 0))")
