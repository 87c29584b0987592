import django_filters

from orders.models import OrderItem


class OrderItemFilter(django_filters.FilterSet):
    fulfilment_status = django_filters.ChoiceFilter(choices=OrderItem.Fulfilment.choices)

    class Meta:
        model = OrderItem
        fields = ["fulfilment_status"]
