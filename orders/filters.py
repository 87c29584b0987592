import django_filters

from orders.models import OrderItem


class OrderItemFilter(django_filters.FilterSet):
    fulfilment_status = django_filters.ChoiceFilter(choices=OrderItem.Fulfilment.choices)
    order = django_filters.UUIDFilter(field_name="order_id", label="Only items of this order.")
    profile = django_filters.UUIDFilter(field_name="vendor_id", label="Only items of this one of the caller's vendors.")

    class Meta:
        model = OrderItem
        fields = ["fulfilment_status"]
