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
    "refunded_cents": 0,
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

VENDOR = "018f6d1e-0000-7000-8000-000000000030"
PRODUCT_INPUT = {
    "title": "Moka pot, 6 cups",
    "description": "Aluminium, for gas and electric stoves.",
    "price_cents": 3490,
    "currency": "EUR",
    "stock": 40,
    "is_active": True,
    "vendor": VENDOR,
}
PRODUCT_CHANGES = {
    "title": "Moka pot, 6 cups",
    "description": "Aluminium, for gas and electric stoves.",
    "price_cents": 3290,
    "currency": "EUR",
    "stock_change": 10,
    "is_active": True,
}
MODERATION = {"state": "removed", "reason": "illegal", "ground": "illegal", "since": "2026-05-16T09:30:00Z"}
VENDOR_PRODUCT = {
    "id": PRODUCT,
    "vendor": VENDOR,
    "title": "Moka pot, 6 cups",
    "description": "Aluminium, for gas and electric stoves.",
    "price_cents": 3290,
    "currency": "EUR",
    "stock": 50,
    "reserved": 2,
    "available": 48,
    "is_active": True,
    "moderation": None,
    "created_at": "2026-05-10T08:00:00Z",
    "updated_at": "2026-05-17T12:00:00Z",
}
QUANTITY = {"quantity": 2}
CART_ITEM = {
    "product": PRODUCT,
    "title": "Moka pot, 6 cups",
    "vendor": VENDOR,
    "vendor_name": "Kitchen & Co.",
    "quantity": 2,
    "unit_price_cents": 3290,
    "total_cents": 6580,
    "currency": "EUR",
    "is_active": True,
    "in_stock": True,
    "added_at": "2026-05-17T11:58:00Z",
}
CART = {"items": [CART_ITEM], "totals": [{"amount_cents": 6580, "currency": "EUR"}]}
CHECKOUT = {
    "id": "018f6d1e-0000-7000-8000-000000000040",
    "payment_intent_id": "pi_3PJ0Qy2eZvKYlo2C1aBcDeFg",
    "client_secret": "pi_3PJ0Qy2eZvKYlo2C1aBcDeFg_secret_Xyz",
    "amount_cents": 6580,
    "currency": "EUR",
    "expires_at": "2026-05-17T12:30:00Z",
    "lines": [{"product": PRODUCT, "quantity": 2, "unit_price_cents": 3290}],
}
