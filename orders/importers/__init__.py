"""What the orders app imports. The order of these lines is the order of loading: each refers to those before."""

from orders.importers.vendors import Vendors  # isort: skip
from orders.importers.products import Products  # isort: skip
from orders.importers.orders import Orders  # isort: skip
from orders.importers.items import OrderItems  # isort: skip

__all__ = ["OrderItems", "Orders", "Products", "Vendors"]
