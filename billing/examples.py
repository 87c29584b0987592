"""What the API document shows for billing."""

# The ledger, payouts and statements

VENDOR = "018f6d1e-0000-7000-8000-000000000030"
ENTRY = "018f6d1e-0000-7000-8000-000000000301"
ORDER = "018f6d1e-0000-7000-8000-000000000010"
ITEM = "018f6d1e-0000-7000-8000-000000000011"
LEDGER_ENTRY = {
    "id": ENTRY,
    "transaction": "018f6d1e-0000-7000-8000-000000000300",
    "kind": "item_released",
    "account": "vendor_available",
    "order": ORDER,
    "item": ITEM,
    "amount_cents": 2967,
    "currency": "EUR",
    "balance_after_cents": 14835,
    "occurred_at": "2026-05-25T00:00:00Z",
    "booked_at": "2026-05-25T00:05:12Z",
}
BALANCE = {"account": "vendor_available", "currency": "EUR", "balance_cents": 14835}
PAYOUT = {
    "id": "018f6d1e-0000-7000-8000-000000000310",
    "profile": VENDOR,
    "state": "paid",
    "amount_cents": 14835,
    "currency": "EUR",
    "destination": "acct_1Q8hKd2eZvKY",
    "reference": "SEPA-2026-05-0117",
    "failure": "",
    "booked_at": "2026-05-26T09:00:00Z",
    "settled_at": "2026-05-27T06:30:00Z",
}
PAYOUT_LINE = {
    "entry": ENTRY,
    "kind": "item_released",
    "order": ORDER,
    "item": ITEM,
    "amount_cents": 2967,
    "booked_at": "2026-05-25T00:05:12Z",
}
PAYOUT_WITH_LINES = {**PAYOUT, "lines": {"next": None, "previous": None, "results": [PAYOUT_LINE]}}
STATEMENT = {
    "profile": VENDOR,
    "vendor": "Kitchen & Co.",
    "currency": "EUR",
    "month": "2026-05",
    "is_final": True,
    "opening_cents": 12000,
    "totals": {
        "gross_sales_cents": 34900,
        "fees_cents": -5235,
        "refunds_cents": -3490,
        "chargebacks_cents": 0,
        "fees_returned_cents": 524,
        "payouts_cents": -14835,
        "payouts_returned_cents": 0,
        "corrections_cents": 0,
    },
    "closing_cents": 23864,
    "released_cents": 14835,
    "accounts": [
        {
            "account": "vendor_available",
            "opening_cents": 0,
            "movements": [
                {"kind": "item_released", "amount_cents": 14835},
                {"kind": "payout", "amount_cents": -14835},
            ],
            "closing_cents": 0,
        }
    ],
}
STATEMENT_CSV = (
    "account,line,amount,currency\r\n"
    "all,opening balance,120.00,EUR\r\n"
    "all,gross sales,349.00,EUR\r\n"
    "all,closing balance,238.64,EUR\r\n"
)
# Plans and usage

PROFILE = "018f6d1e-0000-7000-8000-000000000030"
PLAN = {
    "code": "shop",
    "name": "Shop",
    "version": 2,
    "description": "For shops with up to 500 new reviews a month.",
    "price_cents": 2900,
    "currency": "EUR",
    "interval": "month",
    "meters": [
        {"meter": "api_calls", "unit": "calls", "included": 100000, "limit": 150000, "kind": "hard"},
        {"meter": "reviews_collected", "unit": "reviews", "included": 500, "limit": None, "kind": "soft"},
    ],
}
SUBSCRIPTION = {
    "profile": PROFILE,
    "plan": PLAN,
    "since": "2026-03-01T00:00:00Z",
    "change": {"at": "2026-06-01T00:00:00Z", "plan": PLAN},
}
USAGE = {
    "profile": PROFILE,
    "period": {"start": "2026-05-01T00:00:00Z", "end": "2026-06-01T00:00:00Z"},
    "meters": [
        {
            "meter": "reviews_collected",
            "unit": "reviews",
            "used": 412,
            "included": 500,
            "limit": None,
            "kind": "soft",
            "percent": 82,
            "resets_at": "2026-06-01T00:00:00Z",
        }
    ],
}
EVENT = {
    "profile": PROFILE,
    "source": "widget",
    "event_id": "2026-05-17/eu-1/000412",
    "meter": "api_calls",
    "quantity": 250,
    "occurred_at": "2026-05-17T12:00:00Z",
}
EVENTS_INPUT = {"events": [EVENT]}
EVENTS_OUTPUT = {
    "accepted": 1,
    "duplicates": 0,
    "events": [
        {
            "profile": PROFILE,
            "source": "widget",
            "event_id": "2026-05-17/eu-1/000412",
            "duplicate": False,
            "month": "2026-05-01",
            "adjusts": None,
        }
    ],
}
TIMELINE = {
    "profile": PROFILE,
    "meter": "api_calls",
    "by": "day",
    "points": [{"at": "2026-05-17T00:00:00Z", "quantity": 250}],
}
