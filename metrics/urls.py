from django.urls import path

from metrics.api.dashboards import StaffDashboardExport, StaffDashboardView, VendorDashboardExport, VendorDashboardView

urlpatterns = [
    path("vendor/dashboard/", VendorDashboardView.as_view(), name="vendor-dashboard"),
    path("vendor/dashboard/export/", VendorDashboardExport.as_view(), name="vendor-dashboard-export"),
    path("staff/dashboard/", StaffDashboardView.as_view(), name="staff-dashboard"),
    path("staff/dashboard/export/", StaffDashboardExport.as_view(), name="staff-dashboard-export"),
]
