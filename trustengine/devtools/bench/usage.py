"""Usage events: a thousand in one request against a thousand requests, over the API, each committed.

The statements of one request are counted, too: they are the same few for one event and for a thousand.
"""

from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.models import UsagePeriod
from trustengine.accounts.models import Profile, User
from trustengine.devtools.bench.rounds import Figures, Size, ratio, stopwatch
from trustengine.row_security import Reason, every_row
from trustengine.testing import api_client_for

ADDRESS = "/api/v1/billing/usage-events/"


def measure(size: Size) -> Figures:
    """Events a second in one request and one by one, how many times faster the former is, and its statements."""
    vendor = Profile.objects.create(kind=Profile.Kind.VENDOR)
    service = User.objects.create(subject="bench-usage")
    service.user_permissions.add(Permission.objects.get(codename="record_usage"))
    client = api_client_for(service)
    client.defaults["SERVER_NAME"] = "localhost"
    count = size.usage_events
    events = [_event(vendor, f"together-{n}") for n in range(count)]
    with stopwatch() as together, CaptureQueriesContext(connection) as queries:
        answer = client.post(ADDRESS, {"events": events}, format="json")
    assert answer.status_code == 201, answer.content
    statements = len(queries)  # the next request forgets them
    with stopwatch() as singly:
        for n in range(count):
            client.post(ADDRESS, _event(vendor, f"singly-{n}"), format="json")
    with every_row(Reason.DEMO):
        assert UsagePeriod.objects.get(profile=vendor).used == 2 * count
    return {
        "together_per_second": together.per_second(count),
        "singly_per_second": singly.per_second(count),
        "together_against_singly": ratio(singly.seconds, together.seconds),
        "statements_of_a_request": statements,
    }


def _event(vendor: Profile, name: str) -> dict[str, object]:
    return {"profile": str(vendor.pk), "source": "bench", "event_id": name, "meter": "api_calls", "quantity": 1}
