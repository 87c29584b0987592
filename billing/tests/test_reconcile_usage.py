"""``reconcile usage`` finds months that do not agree with their events and reservations, and puts them right."""

import io
import json
from contextlib import suppress

import pytest
from django.core.management import call_command

from billing.models import UsagePeriod, UsageReservation
from billing.services.quotas import reserve
from billing.services.usage import record_events
from billing.tests.billing_worlds import event, limited, reserved_of, used
from trustengine.accounts.tests.factories import VendorFactory
from trustengine.audit.models import Entry
from trustengine.row_security import Reason, every_row

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile(*arguments):
    output = io.StringIO()
    with suppress(SystemExit):  # drift that remains
        call_command("reconcile", "usage", "--json", *arguments, stdout=output)
    (found,) = json.loads(output.getvalue())["targets"].values()
    return found["checked"], found["drifted"], found["fixed"]


@pytest.fixture
def vendor():
    vendor = VendorFactory()
    limited(vendor, uploaded_bytes=1_000)
    record_events([event(vendor, str(n), 10, meter) for n, meter in enumerate(["api_calls", "uploaded_bytes"])])
    reserve(vendor.pk, {"uploaded_bytes": 50})
    return vendor


def test_what_agrees_is_left_alone(vendor):
    assert reconcile("--fix") == (1, 0, 0)


@pytest.mark.parametrize(
    "drift",
    [
        lambda: UsagePeriod.objects.filter(meter="api_calls").update(used=11),
        lambda: UsagePeriod.objects.filter(meter="uploaded_bytes").update(reserved=0),
        lambda: UsageReservation.objects.all().delete(),
        lambda: UsagePeriod.objects.filter(meter="api_calls").delete(),
    ],
)
def test_drift_is_found_and_fixed_to_what_the_facts_say(vendor, drift):
    with every_row(Reason.TEST):
        drift()
        held = sum(UsageReservation.objects.values_list("quantity", flat=True))

    assert reconcile() == (1, 1, 0)
    assert reconcile("--fix") == (1, 1, 1)
    assert reconcile() == (1, 0, 0)

    assert (used(vendor), used(vendor, "uploaded_bytes"), reserved_of(vendor)) == (10, 10, held)
    assert Entry.objects.filter(verb="reconcile.usage_fixed", object_id=vendor.pk).count() == 1


def test_with_a_moment_only_what_has_changed_since_is_compared(vendor):
    VendorFactory()

    assert reconcile("--since", "2020-01-01") == (1, 0, 0)
    assert reconcile("--since", "2090-01-01") == (0, 0, 0)
