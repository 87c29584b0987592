"""What the API document shows for billing."""

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
