"""Vendors are paid: a batch that came through, but for one refusal, and a draft that waits for Finance."""

from billing.errors import NothingDue
from billing.models import Payout
from billing.services.destinations import set_destination
from billing.services.drafting import draft_payouts
from billing.services.payouts import approve_payouts, export_payouts, mark_batch_paid, mark_failed
from trustengine.accounts.models import Profile, User
from trustengine.row_security import Reason, every_row

CURRENCY = "EUR"


def pay_vendors() -> None:
    """Set destinations for all vendors but the last, and pay what is due. The draft's second person is Finance."""
    admin, finance = (User.objects.get(username=name) for name in ("admin", "finance"))
    vendors = list(Profile.objects.vendors().order_by("pk"))
    for number, vendor in enumerate(vendors[:-1]):
        set_destination(vendor.pk, f"acct_demo_{number:03}", actor=admin)
    try:
        batch = draft_payouts(CURRENCY, actor=finance)
    except NothingDue:
        return
    approve_payouts(batch.pk, actor=admin)
    export_payouts(batch.pk, actor=finance)
    with every_row(Reason.DEMO):
        refused = Payout.objects.filter(batch=batch).order_by("-amount_cents", "pk")[0]
    mark_failed(refused.pk, actor=finance, failure="account_closed")
    mark_batch_paid(batch.pk, actor=finance)
    draft_payouts(CURRENCY, actor=admin)
