"""Money for vendors, and people who pay it out."""

from itertools import count

from billing.models import LedgerAccount, LedgerTransaction, PayoutDestination
from billing.services.drafting import draft_payouts
from billing.services.ledger import Line, book
from billing.services.payouts import approve_payouts, export_payouts
from orders.tests.factories import VendorFactory
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.row_security import Reason, every_row

Kind, Booked = LedgerAccount.Kind, LedgerTransaction.Kind
numbers = count(1)


def finance(**fields):
    """Somebody of the group Finance."""
    return StaffFactory(groups=["Finance"], **fields)


def payable_vendor(cents=0, *, currency="EUR", **fields):
    """A vendor with a destination, and this much released to it."""
    vendor = VendorFactory(**fields)
    with every_row(Reason.TEST):
        PayoutDestination.objects.create(profile=vendor, reference=f"acct_{vendor.pk.hex[-8:]}", set_by=finance())
    if cents:
        release(vendor, cents, currency=currency)
    return vendor


def release(vendor, cents, *, currency="EUR", order=None, item=None):
    """Earnings that may be paid out from now on: sold for so much, without a fee, and released."""
    number = next(numbers)
    order_id, item_id = (order and order.pk), (item and item.pk)
    sold = [Line(Kind.PROCESSOR_CLEARING, -cents), Line(Kind.VENDOR_PENDING, cents, vendor.pk, item_id)]
    book(Booked.ORDER_PAID, f"paid:{number}", sold, currency=currency, order_id=order_id)
    released = [
        Line(Kind.VENDOR_PENDING, -cents, vendor.pk, item_id),
        Line(Kind.VENDOR_AVAILABLE, cents, vendor.pk, item_id),
    ]
    book(Booked.ITEM_RELEASED, f"released:{number}", released, currency=currency, order_id=order_id)


def take_back(vendor, cents, *, currency="EUR", kind=Kind.VENDOR_AVAILABLE):
    """A refund after the release, out of what is available, or as a debt."""
    lines = [Line(kind, -cents, vendor.pk), Line(Kind.PROCESSOR_CLEARING, cents)]
    book(Booked.REFUND, f"refund:{next(numbers)}", lines, currency=currency)


def balances(vendor, currency="EUR"):
    """By kind of account, without the empty ones."""
    with every_row(Reason.TEST):
        rows = LedgerAccount.objects.filter(profile=vendor, currency=currency).exclude(balance_cents=0)
        return {row.kind.removeprefix("vendor_"): row.balance_cents for row in rows}


def drafted(*vendors, currency="EUR"):
    """A draft of everything that is due in a currency."""
    return draft_payouts(currency, actor=finance())


def approved(currency="EUR"):
    return approve_payouts(drafted(currency=currency).pk, actor=finance())


def exported(currency="EUR"):
    """A batch whose file has left."""
    batch = approved(currency)
    export_payouts(batch.pk, actor=finance())
    return batch


def payouts_of(batch):
    with every_row(Reason.TEST):
        return list(batch.payouts.order_by("pk"))
