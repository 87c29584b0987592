from django.urls import path

from orders.api.orders import ItemTransition, OrderDetail, OrderList, VendorOrderItems

urlpatterns = [
    path("orders/", OrderList.as_view(), name="orders"),
    path("orders/<uuid:pk>/", OrderDetail.as_view(), name="order"),
    path("vendor/order-items/", VendorOrderItems.as_view(), name="vendor-order-items"),
    path("vendor/order-items/<uuid:pk>/transition/", ItemTransition.as_view(), name="item-transition"),
]
