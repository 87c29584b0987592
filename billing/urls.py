from django.urls import path

from billing.api.payouts import VendorLedger, VendorPayout, VendorPayouts, VendorStatement
from billing.api.plans import PlanList, SubscriptionView
from billing.api.usage import UsageEvents, UsageTimeline, UsageView

urlpatterns = [
    path("plans/", PlanList.as_view(), name="plans"),
    path("billing/subscription/", SubscriptionView.as_view(), name="billing-subscription"),
    path("billing/usage/", UsageView.as_view(), name="billing-usage"),
    path("billing/usage/timeline/", UsageTimeline.as_view(), name="billing-usage-timeline"),
    path("billing/usage-events/", UsageEvents.as_view(), name="billing-usage-events"),
    path("vendor/ledger/", VendorLedger.as_view(), name="vendor-ledger"),
    path("vendor/payouts/", VendorPayouts.as_view(), name="vendor-payouts"),
    path("vendor/payouts/<uuid:pk>/", VendorPayout.as_view(), name="vendor-payout"),
    path("vendor/statement/", VendorStatement.as_view(), name="vendor-statement"),
]
