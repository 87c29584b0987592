"""Catalogue, orders, fulfilment, and the order status derived from them."""
