"""What columns may hold: each is tried in SQL, past everything that the application checks."""

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.checks import run_checks
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import DataError, IntegrityError, connection, models, transaction

from reviews.models import Review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory
from trustengine.database import bounds
from trustengine.database.bounds import add_missing, bounds_of, drop_outdated, held, own_models

pytestmark = pytest.mark.django_db

# Numbers that may be below zero, each with its reason.
SIGNED = {
    "audit.Entry.position": "a sequence's",
    "audit.Unsealed.position": "a sequence's",
    "audit.Seal.first_position": "a sequence's",
    "audit.Seal.last_position": "a sequence's",
    "billing.LedgerAccount.balance_cents": "what is owed is negative",
    "billing.LedgerEntry.amount_cents": "debits and credits",
    "billing.PayoutLine.amount_cents": "refunds are taken off",
    "billing.PayoutSkip.amount_cents": "a negative balance is a reason to skip",
    "billing.UsageEvent.quantity": "a correction takes off",
    "billing.UsagePeriod.used": "corrections may come first",
    "metrics.VendorDaily.delivery_seconds": "an import's dates may be in an odd order",
    "metrics.VendorSlice.delivery_seconds": "an import's dates may be in an odd order",
    "metrics.PlatformTick.delivery_seconds": "an import's dates may be in an odd order",
    "metrics.PlatformSlice.delivery_seconds": "an import's dates may be in an odd order",
    "metrics.PlatformDaily.delivery_seconds": "an import's dates may be in an odd order",
    "reviews.ReviewFingerprintBand.band": "a hash",
}
# Text without a length of its own, each with its reason.
ENDLESS = {
    "accounts.UserSession.session_data": "Django's own column, written by the server",
    "api.StoredAnswer.path": "an address, which the web server bounds",
    "api.StoredAnswer.body": "our own answer",
    "billing.PayoutBatch.export": "our own file",
    "reports.ReasonCode.policy": "written by staff",
    "reports.StatementOfReasons.text": "made of parts that are bounded",
}
NUMBERS = (models.IntegerField, models.DecimalField)  # measurements, which are floats, are no counts
COLUMNS = [
    (model, field)
    for model in own_models()
    for field in model._meta.local_concrete_fields
    if not field.generated and not field.is_relation and not isinstance(field, models.AutoField)
]


def named(columns):
    return pytest.mark.parametrize(
        ("model", "field"), columns, ids=[f"{model._meta.label}.{field.name}" for model, field in columns]
    )


def label(model, field):
    return f"{model._meta.label}.{field.name}"


def is_refused(model, field, value):
    """Whether the database refuses the value in that column, whatever the others hold.

    A copy of the table has its CHECKs and types; its other columns may stay empty.
    """
    table, copy = connection.ops.quote_name(model._meta.db_table), f"tried_{model._meta.db_table}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {copy} (LIKE {table} INCLUDING CONSTRAINTS)")
        for column in model._meta.local_concrete_fields:
            cursor.execute(f"ALTER TABLE {copy} ALTER COLUMN {connection.ops.quote_name(column.column)} DROP NOT NULL")
        try:
            with transaction.atomic():
                name = connection.ops.quote_name(field.column)
                cursor.execute(f"INSERT INTO {copy} ({name}) VALUES (%s)", [value])
        except (DataError, IntegrityError):
            return True
        finally:
            transaction.set_rollback(True)
    return False


CLOSED = [
    (model, field) for model, field in COLUMNS if field.choices and field.name not in getattr(model, "open_choices", ())
]


@named(CLOSED)
def test_a_closed_set_takes_its_members_and_nothing_else(model, field):
    values = [value for value, _ in field.flatchoices]

    assert is_refused(model, field, "zz" if isinstance(values[0], str) else 99)
    assert is_refused(model, field, "") or field.blank
    # Constraints of several columns may ask for more with a value; of the closed set's own bound they are all members.
    bound = next(each for each in bounds_of(model) if each.column == field.column and " IN (" in each.condition)
    assert all(f"'{value}'" in bound.condition or str(value) in bound.condition for value in values)


def test_states_that_trials_broke_are_closed():
    closed = {label(model, field) for model, field in CLOSED}
    assert closed >= {
        "reviews.Review.status",
        "reviews.Review.verification",
        "orders.Order.status",
        "orders.OrderItem.fulfilment_status",
        "accounts.Membership.role",
        "jobs.Job.state",
    }


def test_open_registries_have_no_bound():
    bounded = {(bound.table, bound.column) for bound in bounds.wanted()}
    for open_column in [
        ("jobs_job", "kind"),
        ("billing_usageevent", "meter"),
        ("billing_planmeter", "meter"),
        ("reviews_policyrule", "signal"),
        ("audit_entry", "verb"),
        ("reviews_strike", "reason"),
    ]:
        assert open_column not in bounded


BOUNDED_TEXT = [
    (model, field)
    for model, field in COLUMNS
    if isinstance(field, models.CharField | models.TextField | models.BinaryField) and field.max_length
]


@named(BOUNDED_TEXT)
def test_a_bounded_text_is_no_longer_than_it_may_be(model, field):
    longer = field.max_length + 1

    assert is_refused(model, field, b"x" * longer if isinstance(field, models.BinaryField) else "x" * longer)


def test_every_text_is_bounded_or_says_why_not():
    texts = [(model, field) for model, field in COLUMNS if isinstance(field, models.CharField | models.TextField)]
    endless = {label(model, field) for model, field in texts if not field.max_length}
    assert endless == set(ENDLESS)


@named([(model, field) for model, field in COLUMNS if isinstance(field, NUMBERS)])
def test_a_number_is_not_negative_unless_it_has_a_reason(model, field):
    assert is_refused(model, field, -1) != (label(model, field) in SIGNED)


LIMITED = [
    (model, field)
    for model, field in COLUMNS
    if any(type(each) in {MinValueValidator, MaxValueValidator} for each in field._validators)
]


@named(LIMITED)
def test_a_number_keeps_to_the_limits_of_its_field(model, field):
    for each in field._validators:
        beyond = each.limit_value + (1 if isinstance(each, MaxValueValidator) else -1)
        assert is_refused(model, field, beyond)
        assert not is_refused(model, field, each.limit_value)


def test_members_of_arrays_are_closed_too():
    field = ArrayField(models.CharField(max_length=5, choices=[("a", "A"), ("b", "B")]))
    field.set_attributes_from_name("letters")

    (condition,) = bounds._conditions(field, is_open=False)

    assert condition == "\"letters\" <@ ARRAY['a', 'b']::varchar(5)[]"


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_stop_nothing_and_are_named():
    """The bound holds for what is written from now on, and is proved once the old rows are right."""
    member = MembershipFactory()
    bound = next(each for each in bounds_of(Membership) if each.column == "role")
    app = apps.get_app_config("accounts")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE accounts_membership DROP CONSTRAINT {bound.name}")
    Membership.objects.filter(pk=member.pk).update(role="banana")
    try:
        add_missing(app)

        assert held(["accounts_membership"])[bound.key] is False
        messages = [message.msg for message in run_checks(databases=["default"], tags=["database"])]
        assert [each for each in messages if "accounts_membership.role has rows from before that break" in each]
        with pytest.raises(IntegrityError, match=bound.name):
            Membership.objects.filter(pk=member.pk).update(role="cherry")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE accounts_membership SET role = 'owner'")
        add_missing(app)
    assert held(["accounts_membership"])[bound.key] is True


@pytest.mark.django_db(transaction=True)
def test_a_bound_that_no_field_asks_for_is_taken_away_before_migrations_run():
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE reviews_review ADD CONSTRAINT bound_status_00000000 CHECK (status <> 'new')")

    drop_outdated(apps.get_app_config("reviews"))

    assert set(held(["reviews_review"])) == {bound.key for bound in bounds_of(Review)}


def test_a_bound_is_named_by_what_it_says():
    one, other = (bounds.Bound("t", "state", text) for text in ("a", "b"))
    assert one.name != other.name
    assert all(len(bound.name) < 64 for bound in bounds.wanted())


def test_running_again_changes_nothing():
    before = held(model._meta.db_table for model in own_models())

    for app in apps.get_app_configs():
        drop_outdated(app)
        add_missing(app)

    assert held(model._meta.db_table for model in own_models()) == before
    assert all(before.values())
