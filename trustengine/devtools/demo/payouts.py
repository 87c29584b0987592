"""Vendors are paid: a batch that came through, but for one refusal, and a draft that waits for Finance."""

from billing.errors import NothingDue
from billing.models import DestinationChange, Payout, PayoutDestination
from billing.services.drafting import draft_payouts
from billing.services.payouts import approve_payouts, export_payouts, mark_batch_paid, mark_failed
from trustengine.accounts.models import Profile, User
from trustengine.row_security import Reason, every_row

CURRENCY = "EUR"


def pay_vendors() -> None:
    """Set destinations for all vendors but the last, and pay what is due. The draft's second person is Finance.

    A third person has set the destinations: whoever did could not approve a batch that pays to them.
    """
    admin, finance = (User.objects.get(username=name) for name in ("admin", "finance"))
    operator = User.objects.get(username="operator")
    vendors = list(Profile.objects.vendors().order_by("pk"))
    for number, vendor in enumerate(vendors[:-1]):
        _set_destination(vendor, f"acct_demo_{number:03}", operator)
    try:
        batch = draft_payouts(CURRENCY, actor=finance)
    except NothingDue:
        return
    approve_payouts(batch.pk, actor=admin)
    export_payouts(batch.pk, actor=finance)
    with every_row(Reason.DEMO):
        refused = Payout.objects.filter(batch=batch).order_by("-amount_cents", "pk")[0]
    mark_failed(refused.pk, actor=admin, failure="account_closed")
    mark_batch_paid(batch.pk, actor=finance)
    draft_payouts(CURRENCY, actor=admin)


def _set_destination(vendor: Profile, reference: str, setter: User) -> None:
    """Write a first destination down, without the mail to its owners."""
    with every_row(Reason.DEMO):
        PayoutDestination.objects.get_or_create(profile=vendor, defaults={"reference": reference, "set_by": setter})
        DestinationChange.objects.create(profile=vendor, reference=reference, state="approved", proposed_by=setter)
