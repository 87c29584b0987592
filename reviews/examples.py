"""What the API document shows for products, reviews and votes."""

from orders.examples import ORDER, PRODUCT

REVIEW = "018f6d1e-0000-7000-8000-000000000030"
VENDOR = "018f6d1e-0000-7000-8000-000000000040"
TEXT = {"rating": 5, "title": "Makes coffee", "comment": "Tight seal, no leaks after two months."}

REVIEW_INPUT = {"product": PRODUCT, "order": ORDER, **TEXT}
REVIEW_EDIT = {"rating": 4, "comment": "Still tight, but the handle gets hot."}
SUBMISSIONS = {
    201: {"id": REVIEW, "status": "pending", "is_update": False},
    200: {"id": REVIEW, "status": "approved", "is_update": True},
}
REPLY_INPUT = {"text": "Thank you! A silicone grip for the handle is on its way to you."}
REPLY = {
    **REPLY_INPUT,
    "vendor_name": "Kitchen & Co",
    "created_at": "2026-05-21T09:00:00Z",
    "updated_at": "2026-05-21T09:00:00Z",
}
OWN_REPLY = {
    "id": "018f6d1e-0000-7000-8000-000000000050",
    "review": REVIEW,
    "vendor_name": "Kitchen & Co",
    **REPLY_INPUT,
    "status": "pending",
    "is_hidden": False,
    "edit_count": 0,
    "edited_at": None,
    "revisions": [
        {"number": 1, **REPLY_INPUT, "state": "pending", "created_at": "2026-05-21T09:00:00Z", "decided_at": None}
    ],
    "created_at": "2026-05-21T09:00:00Z",
    "updated_at": "2026-05-21T09:00:00Z",
}
PHOTO = {
    "id": "018f6d1e-0000-7000-8000-000000000060",
    "url": "/api/v1/photos/018f6d1e-0000-7000-8000-000000000060/",
    "thumbnail_url": "/api/v1/photos/018f6d1e-0000-7000-8000-000000000060/thumbnail/",
    "width": 1536,
    "height": 2048,
}
OWN_PHOTO = {**PHOTO, "state": "pending", "size": 412_345}
PHOTO_INPUT = {"photo": "…the bytes of a JPEG, PNG, WebP, HEIC or AVIF picture…"}
RESTRICTION = {
    "ground": "manipulated_rating",
    "sentence": "It looks like part of an attempt to move the rating of a product.",
    "since": "2026-06-03T10:00:00Z",
    "expires_at": "2026-06-17T10:00:00Z",
    "appealable": True,
}
REVIEW_OUTPUT = {
    "id": REVIEW,
    "product": PRODUCT,
    "author_name": "Ada L.",
    **TEXT,
    "status": "approved",
    "verification": "delivered",
    "is_hidden": False,
    "purchase_refunded": False,
    "is_edited": False,
    "edit_count": 0,
    "edited_at": None,
    "helpful_votes": 12,
    "unhelpful_votes": 1,
    "helpful_votes_approximate": False,
    "reply": REPLY,
    "photos": [PHOTO],
    "created_at": "2026-05-20T08:15:00Z",
    "updated_at": "2026-05-20T08:15:00Z",
}
REVISION = {
    "number": 2,
    **TEXT,
    **REVIEW_EDIT,
    "state": "pending",
    "created_at": "2026-06-02T19:00:00Z",
    "decided_at": None,
}
HISTORY = {
    "review": REVIEW,
    **REVISION,
    "state": "approved",
    "decided_at": "2026-06-02T19:30:00Z",
    "decided_by": "moderator",
    "moderator": None,
}
OWN_REVIEW = {
    **REVIEW_OUTPUT,
    "photos": [OWN_PHOTO],
    "order": ORDER,
    "pending_revision": REVISION,
    "restriction": None,
}
ELIGIBILITY = {"eligible": True, "code": None, "order": ORDER, "existing_review": None}
VOTE_INPUT = {"vote_type": "helpful"}
VOTE_OUTPUT = {
    "vote_type": "helpful",
    "changed": True,
    "previous_vote": None,
    "helpful_votes": 13,
    "unhelpful_votes": 1,
}
RATING_SUMMARY = {"average": 4.36, "display_score": 4.21, "count": 42}
RATING = {
    **RATING_SUMMARY,
    "sort_score": 3.94,
    "stddev": 0.98,
    "distribution": {"1": 1, "2": 2, "3": 4, "4": 9, "5": 26},
    "last_review_at": "2026-05-20T08:15:00Z",
    "explanation": {
        "counted": 42,
        "not_counted": [{"reason": "pending", "reviews": None, "meaning": "Waiting for a decision."}],
        "values": {"n": 42.0, "total": 183.0, "squares": 839.0, "m": 3.5, "C": 7.0, "z": 1.96},
        "formulas": [{"name": "average", "formula": "total / n", "value": 4.357142857142857}],
    },
}
PRODUCT_OUTPUT = {
    "id": PRODUCT,
    "vendor": VENDOR,
    "vendor_name": "Kitchen & Co",
    "title": "Moka pot, 6 cups",
    "description": "Aluminium, for gas and electric hobs.",
    "price_cents": 3490,
    "currency": "EUR",
    "in_stock": True,
    "is_active": True,
    "rating": RATING_SUMMARY,
    "created_at": "2026-01-10T10:00:00Z",
}
