from django.urls import path

from metrics.api.dashboards import StaffDashboardExport, StaffDashboardView, VendorDashboardExport, VendorDashboardView
from metrics.api.trust import PageViewsView, TrustView

urlpatterns = [
    path("vendor/dashboard/", VendorDashboardView.as_view(), name="vendor-dashboard"),
    path("vendor/dashboard/export/", VendorDashboardExport.as_view(), name="vendor-dashboard-export"),
    path("staff/dashboard/", StaffDashboardView.as_view(), name="staff-dashboard"),
    path("staff/dashboard/export/", StaffDashboardExport.as_view(), name="staff-dashboard-export"),
    path("staff/trust/", TrustView.as_view(), name="staff-trust"),
    path("staff/views/", PageViewsView.as_view(), name="staff-views"),
]
