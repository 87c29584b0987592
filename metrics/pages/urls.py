from django.urls import path

from metrics.pages.vendor import VendorPage, VendorPageExport

urlpatterns = [
    path("vendor/dashboard/", VendorPage.as_view(), name="vendor-page"),
    path("vendor/dashboard/export/", VendorPageExport.as_view(), name="vendor-page-export"),
]
