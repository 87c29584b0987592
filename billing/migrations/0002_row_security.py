"""The second wall. Every table of what profiles use, earn and are paid stands behind it: see ``trustengine.row_security``."""

from typing import ClassVar

from django.db import migrations

from trustengine.row_security import wall


class Migration(migrations.Migration):
    dependencies: ClassVar = [("billing", "0001_initial"), ("accounts", "0001_initial")]

    operations: ClassVar = [
        wall("billing_holding", profile="profile_id"),
        wall("billing_ledgeraccount", profile="profile_id"),
        wall("billing_ledgerentry", profile="profile_id"),
        wall(
            "billing_ledgertransaction",
            through="EXISTS (SELECT FROM billing_ledgerentry e WHERE e.transaction_id = billing_ledgertransaction.id)",
        ),
        wall("billing_payout", profile="profile_id"),
        wall("billing_payoutbatch"),
        wall("billing_payoutdestination", profile="profile_id"),
        wall("billing_payoutline", profile="profile_id"),
        wall("billing_payoutskip", profile="profile_id"),
        wall("billing_subscription", profile="profile_id"),
        wall("billing_usagealert", profile="profile_id"),
        wall("billing_usageevent", profile="profile_id"),
        wall("billing_usageperiod", profile="profile_id"),
        wall("billing_usagereservation", profile="profile_id"),
    ]
