from django.urls import path

from billing.api.payouts import VendorLedger, VendorPayout, VendorPayouts, VendorStatement

urlpatterns = [
    path("vendor/ledger/", VendorLedger.as_view(), name="vendor-ledger"),
    path("vendor/payouts/", VendorPayouts.as_view(), name="vendor-payouts"),
    path("vendor/payouts/<uuid:pk>/", VendorPayout.as_view(), name="vendor-payout"),
    path("vendor/statement/", VendorStatement.as_view(), name="vendor-statement"),
]
