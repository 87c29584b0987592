"""What the API document shows for orders."""

ORDER = "018f6d1e-0000-7000-8000-000000000010"
ITEM = "018f6d1e-0000-7000-8000-000000000011"
PRODUCT = "018f6d1e-0000-7000-8000-000000000020"

ORDER_ITEM = {
    "id": ITEM,
    "product": PRODUCT,
    "product_title": "Moka pot, 6 cups",
    "quantity": 1,
    "unit_price_cents": 3490,
    "fulfilment_status": "shipped",
    "tracking_number": "DE-4471-0092",
    "shipped_at": "2026-05-18T09:30:00Z",
    "delivered_at": None,
    "returned_at": None,
    "cancelled_at": None,
    "refunded_at": None,
}
ORDER_OUTPUT = {
    "id": ORDER,
    "status": "shipped",
    "currency": "EUR",
    "total_cents": 3490,
    "placed_at": "2026-05-17T12:00:00Z",
    "delivered_at": None,
    "items": [ORDER_ITEM],
}
VENDOR_ORDER_ITEM = {**ORDER_ITEM, "order": ORDER, "currency": "EUR", "placed_at": "2026-05-17T12:00:00Z"}
TRANSITION = {"to": "shipped", "tracking_number": "DE-4471-0092"}
TRANSITION_OUTPUT = {"changed": True, "item": VENDOR_ORDER_ITEM, "order_status": "shipped"}
EVENT = {
    "id": "evt_1Q8hKd2eZvKYlo2C",
    "type": "payment_intent.succeeded",
    "created": 1779019200,
    "data": {
        "object": {"id": "pi_3Q8hKd2eZvKYlo2C", "amount": 3490, "amount_received": 3490, "currency": "eur"},
    },
}
EVENT_OUTPUT = {"received": True}
