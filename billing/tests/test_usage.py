"""Usage is counted once, in the right month, whoever tells it how often and in which order."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing import periods
from billing.errors import UsageEventConflict
from billing.models import UsageEvent, UsagePeriod
from billing.services.months import close_months, delete_usage_of
from billing.services.usage import Event, record_events, record_usage
from billing.tests.billing_worlds import event, told, used
from billing.timelines import By, Timeline
from trustengine.accounts.tests.factories import VendorFactory
from trustengine.errors import InvalidInput, TryAgain
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once

MAY = datetime(2026, 5, 20, 12, tzinfo=UTC)


@pytest.mark.django_db
def test_the_first_use_of_a_month_is_counted():
    vendor = VendorFactory()

    assert record_usage(profile_id=vendor.pk, meter="api_calls", source="test", event_id="1", quantity=7)

    assert used(vendor) == 7


@pytest.mark.django_db
def test_an_event_told_again_counts_once():
    vendor = VendorFactory()
    record_events([event(vendor, quantity=7)])

    (again,) = record_events([event(vendor, quantity=7)])

    assert (again.is_new, used(vendor)) == (False, 7)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [{"quantity": 8}, {"meter": "uploaded_pages"}, {"occurred_at": datetime(2026, 1, 1, tzinfo=UTC)}],
)
def test_the_same_key_with_other_content_is_refused_with_all_that_came_along(other):
    vendor = VendorFactory()
    record_events([event(vendor, quantity=7)])

    with pytest.raises(UsageEventConflict) as refusal:
        record_events([event(vendor, "2"), event(vendor, **{"quantity": 7, **other})])

    assert [error["field"] for error in refusal.value.extra["errors"]] == ["events.1"]
    assert (told(vendor), used(vendor)) == (1, 7)


@pytest.mark.django_db
def test_within_one_call_a_repetition_counts_once_and_a_contradiction_is_refused():
    vendor = VendorFactory()

    assert [outcome.is_new for outcome in record_events([event(vendor), event(vendor)])] == [True, False]
    with pytest.raises(UsageEventConflict):
        record_events([event(vendor, "2"), event(vendor, "2", 5)])

    assert used(vendor) == 1


@pytest.mark.django_db
def test_the_same_id_of_another_source_or_profile_is_another_event():
    vendor, other = VendorFactory(), VendorFactory()

    record_events([event(vendor), event(vendor, source="else"), event(other)])

    assert (used(vendor), used(other)) == (2, 1)


@pytest.mark.django_db
def test_a_correction_is_an_event_with_a_sign():
    vendor = VendorFactory()

    record_events([event(vendor, "1", 10), event(vendor, "1-corrected", -4)])

    assert used(vendor) == 6


@pytest.mark.django_db
def test_an_event_counts_in_the_month_it_happened_in_until_that_is_closed():
    vendor = VendorFactory()
    grace = periods.closes_at(date(2026, 4, 1))
    april = datetime(2026, 4, 30, 23, tzinfo=UTC)

    in_time = record_events([event(vendor, "1", occurred_at=april)], now=grace - timedelta(seconds=1))
    late = record_events([event(vendor, "2", occurred_at=april)], now=grace)

    assert [(outcome.month, outcome.adjusts) for outcome in in_time + late] == [
        (date(2026, 4, 1), None),
        (date(2026, 5, 1), date(2026, 4, 1)),
    ]
    with every_row(Reason.TEST):
        assert UsageEvent.objects.get(event_id="2").occurred_at == april


@pytest.mark.django_db
def test_a_month_begins_where_the_marketplace_is(settings):
    settings.TIME_ZONE = "Pacific/Auckland"

    assert periods.month_of(datetime(2026, 4, 30, 13, tzinfo=UTC)) == date(2026, 5, 1)
    assert periods.end_of(date(2026, 4, 1)) == datetime(2026, 4, 30, 12, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("offset", "field"), [(timedelta(minutes=6), "occurred_at"), (-timedelta(days=500), "occurred_at")]
)
def test_times_far_in_the_future_or_long_ago_are_refused(offset, field):
    vendor = VendorFactory()
    record_events([event(vendor, "soon", occurred_at=timezone.now() + timedelta(minutes=4))])

    with pytest.raises(InvalidInput) as refusal:
        record_events([event(vendor, occurred_at=timezone.now() + offset)])

    assert refusal.value.extra["errors"][0]["field"] == f"events.0.{field}"
    assert used(vendor) == 1


@pytest.mark.django_db
def test_nothing_is_counted_in_a_closed_month():
    vendor = VendorFactory()
    record_events([event(vendor, "1", occurred_at=MAY)], now=MAY)
    with every_row(Reason.TEST):
        UsagePeriod.objects.update(state="closed")

    with pytest.raises(TryAgain):
        record_events([event(vendor, "2", occurred_at=MAY)], now=MAY)

    assert (told(vendor), used(vendor)) == (1, 1)


@pytest.mark.django_db
def test_months_close_when_their_grace_has_passed():
    vendor = VendorFactory()
    for moment in (MAY, MAY - timedelta(days=30), MAY - timedelta(days=60)):
        record_events([event(vendor, str(moment), occurred_at=moment)], now=moment)

    assert close_months(MAY) == 2
    assert close_months(periods.closes_at(date(2026, 5, 1))) == 0  # somebody may be at it still
    assert close_months(periods.closes_at(date(2026, 5, 1)) + timedelta(minutes=5)) == 1


@pytest.mark.django_db
def test_a_thousand_events_are_one_insert_and_one_count():
    vendor = VendorFactory()
    record_events([event(vendor, "before")])

    with CaptureQueriesContext(
        connection,
    ) as few:
        record_events([event(vendor, f"few-{n}") for n in range(2)])
    with CaptureQueriesContext(connection) as many:
        record_events([event(vendor, f"many-{n}", meter="uploaded_pages") for n in range(1_000)])

    writes = [query["sql"].split()[0:3] for query in many if query["sql"].split()[0] == "INSERT"]
    assert writes == [["INSERT", "INTO", "billing_usageevent"], ["INSERT", "INTO", "billing_usageperiod"]]
    assert len(many) == len(few)
    assert used(vendor, "uploaded_pages") == 1_000


@pytest.mark.django_db(transaction=True)
def test_the_same_event_told_by_eight_at_once_counts_once():
    vendor = VendorFactory()

    outcomes = at_once(*[partial(record_events, [event(vendor, quantity=3)])] * 8)

    assert sorted(outcome[0].is_new for outcome in outcomes) == [False] * 7 + [True]
    assert used(vendor) == 3


@pytest.mark.django_db(transaction=True)
def test_batches_that_overlap_in_other_orders_take_turns():
    vendors = [VendorFactory() for _ in range(3)]
    events = [event(vendors[n % 3], str(n), meter=("api_calls", "uploaded_pages")[n % 2]) for n in range(300)]
    batches = [events[:200], events[100:][::-1], events[50:250], events[::-1]]

    outcomes = at_once(*[partial(record_events, batch) for batch in batches])

    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert sum(each.is_new for outcome in outcomes for each in outcome) == 300
    assert sum(used(vendor) + used(vendor, "uploaded_pages") for vendor in vendors) == 300


@pytest.mark.django_db(transaction=True)
def test_of_two_contradictions_at_once_one_is_counted():
    vendor = VendorFactory()

    outcomes = at_once(*[partial(record_events, [event(vendor, quantity=n)]) for n in range(1, 7)])

    assert sum(isinstance(outcome, UsageEventConflict) for outcome in outcomes) == 5
    assert used(vendor) in range(1, 7)


@pytest.mark.django_db
def test_what_was_told_is_not_changed():
    vendor = VendorFactory()
    record_events([event(vendor)])

    with pytest.raises(Exception, match="Cannot update"), every_row(Reason.TEST):
        UsageEvent.objects.update(quantity=5)


class Orders(TestCase):
    """Any order of the same events, in any batches, gives the same months."""

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 8), st.sampled_from(["api_calls", "uploaded_pages"]), st.integers(-50, 50)),
            min_size=1,
            max_size=20,
        ),
        st.randoms(use_true_random=False),
    )
    def test_any_order_and_any_batches_give_the_same_months(self, drawn, rng):
        one, other = VendorFactory(), VendorFactory()
        moments = [MAY - timedelta(days=8 * n) for n in range(9)]
        events = [(str(n), meter, quantity, moments[when]) for n, (when, meter, quantity) in enumerate(drawn)]
        again = events + rng.sample(events, len(events) // 2)
        rng.shuffle(again)
        cuts = sorted({0, len(again), *(rng.randint(0, len(again)) for _ in range(3))})

        record_events([Event(one.pk, "test", *each) for each in events], now=MAY)
        for first, last in pairwise(cuts):
            record_events([Event(other.pk, "test", *each) for each in again[first:last]], now=MAY)

        assert _months(one) == _months(other)
        assert sum(quantity for _, _, quantity in _months(one)) == sum(quantity for _, _, quantity, _ in events)


def _months(vendor):
    with every_row(Reason.TEST):
        rows = UsagePeriod.objects.filter(profile=vendor).order_by("meter", "month")
        return list(rows.values_list("meter", "month", "used"))


@pytest.mark.django_db
def test_erasing_leaves_months_that_agree_with_their_events_after_every_batch():
    vendor = VendorFactory()
    record_events([event(vendor, f"{n:03}", n) for n in range(10)])

    assert delete_usage_of(vendor.pk, 4) == 4
    assert used(vendor) == sum(range(4, 10))
    assert [delete_usage_of(vendor.pk, 4) for _ in range(2)] == [4, 2]

    assert (told(vendor), _months(vendor)) == (0, [])


@pytest.mark.django_db
def test_a_timeline_sums_by_day_and_by_hour():
    vendor = VendorFactory()
    moments = [MAY, MAY + timedelta(minutes=30), MAY + timedelta(hours=2), MAY + timedelta(days=1)]
    record_events(
        [event(vendor, str(n), n + 1, occurred_at=at) for n, at in enumerate(moments)], now=MAY + timedelta(2)
    )

    def points(by):
        with every_row(Reason.TEST):
            timeline = Timeline(vendor.pk, "api_calls", date(2026, 5, 20), date(2026, 5, 21), by)
            return [(point["at"].day, point["at"].hour, point["quantity"]) for point in timeline.points()]

    assert points(By.DAY) == [(20, 0, 6), (21, 0, 4)]
    assert points(By.HOUR) == [(20, 12, 3), (20, 14, 3), (21, 12, 4)]
