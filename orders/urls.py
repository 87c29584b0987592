from django.urls import path

from orders.api.orders import ItemTransition, OrderCancel, OrderDetail, OrderList, VendorOrderItems
from orders.api.webhooks import StripeWebhook

urlpatterns = [
    path("orders/", OrderList.as_view(), name="orders"),
    path("orders/<uuid:pk>/", OrderDetail.as_view(), name="order"),
    path("orders/<uuid:pk>/cancel/", OrderCancel.as_view(), name="order-cancel"),
    path("vendor/order-items/", VendorOrderItems.as_view(), name="vendor-order-items"),
    path("vendor/order-items/<uuid:pk>/transition/", ItemTransition.as_view(), name="item-transition"),
    path("webhooks/stripe/", StripeWebhook.as_view(), name="webhooks-stripe"),
]
