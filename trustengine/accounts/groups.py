"""Staff groups and their permissions: made after every migration, so they are always complete.

Permissions exist only after ``post_migrate`` has run for the app that declares them,
and apps come one after the other: whatever is still missing is added when its app has
its turn. Permissions that an operator added by hand stay.
"""

from typing import Any

from django.apps import AppConfig

GROUPS: dict[str, list[str]] = {
    "Moderators": [
        "reviews.view_review",
        "reviews.moderate_review",
        "reviews.view_reviewrevision",
        "reviews.view_vendorreply",
        "reviews.view_screening",
        "reviews.view_screeningpolicy",
        "reviews.view_denyterm",
        "reviews.view_quarantine",
        "reviews.view_reputation",
        "reviews.view_strike",
        "reports.moderate_case",
        "reports.rule_appeal",
        "reports.view_report",
        "reports.view_case",
        "reports.view_decision",
        "reports.view_appeal",
        "reports.view_proposal",
        "reports.view_lookback",
        "reports.view_statementofreasons",
        "orders.view_product",
        "orders.view_order",
        "audit.view_entry",
    ],
    "Senior moderators": [
        "reviews.view_review",
        "reviews.moderate_review",
        "reviews.edit_screening",
        "reviews.view_reviewrevision",
        "reviews.view_vendorreply",
        "reviews.view_screening",
        "reviews.view_screeningpolicy",
        "reviews.view_denyterm",
        "reviews.view_quarantine",
        "reviews.view_reputation",
        "reviews.view_strike",
        "reports.moderate_case",
        "reports.rule_appeal",
        "reports.approve_proposal",
        "reports.view_report",
        "reports.view_case",
        "reports.view_decision",
        "reports.view_appeal",
        "reports.view_proposal",
        "reports.view_lookback",
        "reports.view_statementofreasons",
        "reports.view_reasoncode",
        "reports.change_reasoncode",
        "orders.view_product",
        "orders.view_order",
        "audit.view_entry",
        "audit.view_seal",
        "audit.view_verification",
        "accounts.view_user",
        "accounts.view_profile",
        "accounts.see_identities",
        "accounts.suspend_user",
        "metrics.view_platformdaily",
        "metrics.see_trust",
    ],
    "Finance": [
        "orders.view_order",
        "orders.view_checkout",
        "orders.view_paymentevent",
        "orders.retry_paymentevent",
        "orders.view_notice",
        "orders.view_dispute",
        "orders.view_refund",
        "orders.send_refund",
        "orders.view_product",
        "billing.view_ledgeraccount",
        "billing.view_ledgertransaction",
        "billing.view_payoutbatch",
        "billing.view_payout",
        "billing.view_payoutdestination",
        "billing.prepare_payout",
        "billing.approve_payout",
        "billing.set_destination",
        "billing.approve_destination",
        "billing.view_destinationchange",
        "billing.view_plan",
        "billing.view_planversion",
        "billing.edit_plan",
        "billing.view_subscription",
        "billing.edit_subscription",
        "billing.view_usageperiod",
        "orders.view_vendorterms",
        "orders.set_fee",
        "accounts.view_profile",
        "audit.view_entry",
        "metrics.view_platformdaily",
    ],
    "Operators": [
        "jobs.view_job",
        "jobs.operate_job",
        "jobs.view_cronslot",
        "operations.view_run",
        "audit.view_entry",
        "audit.view_seal",
        "audit.view_verification",
        "accounts.view_user",
        "accounts.view_profile",
        "accounts.view_membership",
        "accounts.view_erasure",
        "accounts.erase_user",
        "orders.view_order",
        "orders.view_checkout",
        "orders.view_paymentevent",
        "orders.retry_paymentevent",
        "orders.view_notice",
        "orders.view_dispute",
        "orders.view_refund",
        "orders.view_product",
        "billing.view_providerendpoint",
        "billing.add_providerendpoint",
        "billing.change_providerendpoint",
        "billing.view_capacitylease",
        "billing.view_plan",
        "billing.view_planversion",
        "billing.view_subscription",
        "billing.view_usageperiod",
        "metrics.view_platformdaily",
        "metrics.see_trust",
    ],
    "Services": ["accounts.record_usage"],
}


def make_groups(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Create the groups and give them the permissions that exist by now. Runs again without harm."""
    from django.contrib.auth.models import Group, Permission
    from django.db import connections

    if Permission._meta.db_table not in connections[using].introspection.table_names():
        return
    wanted = {name for names in GROUPS.values() for name in names if name.startswith(f"{sender.label}.")}
    if not wanted:
        return
    permissions = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.using(using)
        .filter(content_type__app_label=sender.label)
        .select_related("content_type")
    }
    for group_name, names in GROUPS.items():
        group, _ = Group.objects.using(using).get_or_create(name=group_name)
        group.permissions.add(*(permissions[name] for name in names if name in permissions))
