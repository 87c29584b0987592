"""What the API document shows for reports, cases, decisions and appeals."""

from typing import Any

from orders.examples import PRODUCT
from reviews.examples import REVIEW, TEXT

CASE_ID = "018f6d1e-0000-7000-8000-000000000070"
REPORT = "018f6d1e-0000-7000-8000-000000000071"
DECISION_ID = "018f6d1e-0000-7000-8000-000000000072"
EVIDENCE_ID = "018f6d1e-0000-7000-8000-000000000073"
APPEAL_ID = "018f6d1e-0000-7000-8000-000000000074"
AUTHOR = "018f6d1e-0000-7000-8000-000000000075"
MODERATOR = {"id": "018f6d1e-0000-7000-8000-000000000076", "name": "mira"}
MOMENT = "2026-06-03T10:00:00Z"
LATER = "2026-06-04T10:00:00Z"

REPORT_INPUT = {
    "content_type": "review",
    "content_id": REVIEW,
    "reason": "fake",
    "description": "The same words stand under three other products.",
}
RECEIPT = {
    "id": REPORT,
    "content_type": "review",
    "content_id": REVIEW,
    "reason": "fake",
    "status": "pending",
    "created_at": MOMENT,
}
EVIDENCE_INPUT = {"file": "…the bytes of a PDF, or of a JPEG, PNG, WebP, HEIC or AVIF picture…"}
EVIDENCE = {
    "id": EVIDENCE_ID,
    "kind": "pdf",
    "content_type": "application/pdf",
    "byte_count": 48_213,
    "page_count": 2,
    "created_at": MOMENT,
}
OWN_REPORT = {
    **RECEIPT,
    "description": REPORT_INPUT["description"],
    "status": "actioned",
    "outcome": "We have looked at it and have taken action.",
    "decision": DECISION_ID,
    "reviewed_at": LATER,
    "evidence": [EVIDENCE],
}
APPEAL_INPUT = {"text": "I have bought it and wrote about my own. Please compare the order."}
OWN_APPEAL = {
    "id": APPEAL_ID,
    "decision": DECISION_ID,
    "state": "pending",
    **APPEAL_INPUT,
    "ruling_text": "",
    "ruled_at": None,
    "created_at": LATER,
}
TEXT_TOLD = {
    "product": PRODUCT,
    "product_title": "Moka pot, 6 cups",
    "title": "Good coffee",
    "quotation": "It does what it should, every morning.",
    "written_at": "2026-05-20T09:00:00Z",
}
OWN_DECISION = {
    "id": DECISION_ID,
    "role": "author",
    "action": "hide",
    "content_type": "review",
    "content_id": REVIEW,
    "reason_code": "fake",
    "reason": "Not a genuine experience",
    "ground": "terms",
    "text": "We have taken your review out of public view. …",
    "content": TEXT_TOLD,
    "automated": False,
    "stands": True,
    "appealable_until": "2026-12-04T10:00:00Z",
    "appeal_url": f"https://trust.example/api/v1/decisions/{DECISION_ID}/appeal/",
    "appeal": OWN_APPEAL,
    "decided_at": LATER,
    "told_at": "2026-06-04T10:02:00Z",
}
DECISION_INPUT = {
    "action": "hide",
    "reason_code": "fake",
    "note": "See the two orders of the day before.",
    "facts": "The text stands word for word under three other products.",
    "version": 3,
}
DECISION: dict[str, Any] = {
    "id": DECISION_ID,
    "case": CASE_ID,
    "content_type": "review",
    "content_id": REVIEW,
    "action": "hide",
    "reason_code": "fake",
    "automated": False,
    "moderator": MODERATOR,
    "supersedes": None,
    "superseded_by": None,
    "note": DECISION_INPUT["note"],
    "facts": DECISION_INPUT["facts"],
    "created_at": LATER,
    "undo_until": "2026-06-04T10:02:00Z",
}
PROPOSAL = {
    "id": "018f6d1e-0000-7000-8000-000000000077",
    "case": CASE_ID,
    "action": "suspend",
    "reason_code": "fake",
    "note": DECISION_INPUT["note"],
    "facts": DECISION_INPUT["facts"],
    "undoes": None,
    "appeal": None,
    "proposed_by": MODERATOR,
    "state": "open",
    "settled_at": None,
    "decision": None,
    "created_at": LATER,
}
RULING_INPUT = {"ruling": "overturn", "text": "The orders show that it is genuine."}
APPEAL = {
    "id": APPEAL_ID,
    "case": CASE_ID,
    "decision": DECISION,
    "appellant": {"id": None, "name": "user 00000075"},
    "role": "author",
    **APPEAL_INPUT,
    "state": "pending",
    "ruling_text": "",
    "ruled_at": None,
    "created_at": LATER,
}
LOOK_BACK_INPUT = {"reason": "fake"}
LOOK_BACK = {
    "id": "018f6d1e-0000-7000-8000-000000000078",
    "author": None,
    "reason": "fake",
    "state": "running",
    "cases_opened": 0,
    "created_at": LATER,
    "finished_at": None,
}
NEXT_INPUT = {"queue": "reports", "skip": [CASE_ID]}
CONTENT = {
    "product": PRODUCT,
    "product_title": "Moka pot, 6 cups",
    "rating": TEXT["rating"],
    "title": TEXT["title"],
    "text": TEXT["comment"],
    "status": "approved",
    "is_public": True,
    "is_hidden": False,
    "is_restricted": False,
    "is_removed": False,
    "report_count": 1,
    "waiting": {
        "number": 2,
        "rating": 4,
        "title": TEXT["title"],
        "text": "Still tight, but the handle gets hot.",
        "created_at": MOMENT,
    },
    "author": {
        "id": None,
        "name": "user 00000075",
        "score": 56,
        "approved": 3,
        "rejected": 0,
        "warnings": 0,
        "is_suspended": False,
    },
    "created_at": "2026-05-20T08:15:00Z",
}
CASE: dict[str, Any] = {
    "id": CASE_ID,
    "version": 3,
    "queue": "reports",
    "state": "open",
    "priority": 2.83,
    "parts": [
        {"name": "severity", "factor": 2.0, "words": "reported as “not a genuine experience”"},
        {"name": "age", "factor": 1.414, "words": "waiting for 12 hours"},
    ],
    "content_type": "review",
    "content_id": REVIEW,
    "content": CONTENT,
    "claimed_by": MODERATOR,
    "claim_expires_at": "2026-06-03T22:10:00Z",
    "opened_at": MOMENT,
    "due_at": LATER,
    "reports": [
        {
            "id": REPORT,
            "reason": "fake",
            "description": REPORT_INPUT["description"],
            "status": "pending",
            "reliability": 0.5,
            "reporter": None,
            "snapshot": {**TEXT, "status": "approved", "edit_count": 0, "revision": 1, "product": PRODUCT},
            "evidence": [
                {
                    "id": EVIDENCE_ID,
                    "kind": "pdf",
                    "byte_count": 48_213,
                    "page_count": 2,
                    "url": f"/api/v1/moderation/evidence/{EVIDENCE_ID}/",
                }
            ],
            "created_at": MOMENT,
        }
    ],
    "signals": [{"name": "link", "weight": 0.6, "sentence": "Names a web address."}],
}
CASE_DETAIL = {**CASE, "decisions": [DECISION], "proposal": PROPOSAL, "appeals": [APPEAL]}
TRANSPARENCY = {
    "from": "2025-07",
    "to": "2026-06",
    "decisions": [
        {
            "month": "2026-06",
            "content_type": "review",
            "action": "hide",
            "reason": "fake",
            "automated": False,
            "count": 17,
        }
    ],
    "reports": [{"month": "2026-06", "content_type": "review", "reason": "fake", "count": 23}],
    "appeals": [{"month": "2026-06", "role": "author", "state": "overturned", "count": 2}],
    "left_out": 0,
    "totals": {"decisions": 17, "reports": 23, "appeals": 2},
    "median_seconds_to_decision": 15_300,
}
