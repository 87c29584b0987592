from django.urls import path

from orders.api.cart import CartItemView, CartView, CheckoutView
from orders.api.orders import ItemTransition, OrderCancel, OrderDetail, OrderList, VendorOrderItems
from orders.api.products import VendorProductDetail, VendorProducts
from orders.api.webhooks import StripeWebhook

urlpatterns = [
    path("cart/", CartView.as_view(), name="cart"),
    path("cart/items/<uuid:pk>/", CartItemView.as_view(), name="cart-item"),
    path("checkout/", CheckoutView.as_view(), name="checkout"),
    path("orders/", OrderList.as_view(), name="orders"),
    path("orders/<uuid:pk>/", OrderDetail.as_view(), name="order"),
    path("orders/<uuid:pk>/cancel/", OrderCancel.as_view(), name="order-cancel"),
    path("vendor/order-items/", VendorOrderItems.as_view(), name="vendor-order-items"),
    path("vendor/order-items/<uuid:pk>/transition/", ItemTransition.as_view(), name="item-transition"),
    path("vendor/products/", VendorProducts.as_view(), name="vendor-products"),
    path("vendor/products/<uuid:pk>/", VendorProductDetail.as_view(), name="vendor-product"),
    path("webhooks/stripe/", StripeWebhook.as_view(), name="webhooks-stripe"),
]
