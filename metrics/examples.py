"""What the API document shows for dashboards."""

from orders.examples import PRODUCT, VENDOR

FIGURES = {
    "orders": 18,
    "units": 23,
    "gmv_cents": 80_270,
    "refunds_cents": 3_490,
    "platform_fees_cents": 11_517,
    "pending_payout_cents": 65_263,
    "reviews": 5,
    "average_rating": 4.6,
    "distribution": {"1": 0, "2": 0, "3": 1, "4": 0, "5": 4},
    "average_order_value_cents": 4_459,
    "placed_items": 24,
    "cancelled_items": 1,
    "refunded_items": 1,
    "delivered_items": 20,
    "cancellation_rate": 0.0417,
    "refund_rate": 0.0435,
    "average_delivery_seconds": 216_000,
}
NOTHING = {
    **dict.fromkeys(FIGURES, 0),
    "distribution": {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0},
    **dict.fromkeys(
        [
            "average_rating",
            "average_order_value_cents",
            "cancellation_rate",
            "refund_rate",
            "average_delivery_seconds",
        ]
    ),
}
TOP_PRODUCT = {"id": PRODUCT, "title": "Moka pot, 6 cups", "orders": 12, "units": 14, "gmv_cents": 48_860}
TOP_VENDOR = {"id": VENDOR, "title": "Kitchen & Co.", "orders": 18, "units": 23, "gmv_cents": 80_270}
VENDOR_DASHBOARD = {
    "profile": VENDOR,
    "currency": "EUR",
    "currencies": ["EUR"],
    "from": "2026-05-16",
    "to": "2026-05-17",
    "is_partial": True,
    "fresh_at": "2026-05-17T12:00:01Z",
    "totals": FIGURES,
    "previous": NOTHING,
    "series": [{"day": "2026-05-16", **NOTHING}, {"day": "2026-05-17", **FIGURES}],
    "top_products": [TOP_PRODUCT],
}
STAFF_DASHBOARD = {
    **{name: value for name, value in VENDOR_DASHBOARD.items() if name != "profile"},
    "top_vendors": [TOP_VENDOR],
}
CSV = "vendor,day,currency,orders,units,gmv_cents\r\nKitchen & Co.,2026-05-17,EUR,18,23,80270\r\n"
PAGE_VIEWS = {"day": "2026-05-17", "views": 41_200}
TRUST = {
    "from": "2026-05-16",
    "to": "2026-05-17",
    "reviews": [{"state": "counted", "count": 4_210}, {"state": "pending", "count": 12}],
    "screenings": [{"day": "2026-05-17", "verdict": "approve", "count": 61}],
    "signals": [{"signal": "contact", "count": 9}],
    "queues": [
        {
            "queue": "reports",
            "open": 7,
            "overdue": 1,
            "oldest_at": "2026-05-16T20:11:00Z",
        }
    ],
    "decisions": [{"action": "reject", "reason": "spam", "automated": False, "count": 14}],
    "decision_seconds": {"count": 38, "median": 1_260, "p90": 9_840},
    "appeals": {"received": 4, "pending": 1, "upheld": 2, "overturned": 1, "overturned_rate": 0.3333},
    "reports": {"received": 21, "views": 82_400, "per_1000_views": 0.2549},
}
