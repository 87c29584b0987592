"""What the API document shows for accounts."""

USER = "018f6d1e-0000-7000-8000-00000000ada0"
PROFILE = "018f6d1e-0000-7000-8000-00000000ada1"

CREDENTIALS = {"username": "ada", "password": "correct horse battery staple", "otp": "492039"}
REFRESH = {"refresh": "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"}
ACCESS = {"access": "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2lnbmF0dXJl"}
TOKEN_PAIR = ACCESS | REFRESH
NOTICES = {"order_updates": True, "review_invitations": False}
ME = {
    "id": USER,
    "subject": "auth0|ada",
    "email": "ada@example.org",
    "display_name": "Ada L.",
    "profile": PROFILE,
    "is_suspended": False,
    "notices": NOTICES,
}
NOTICE_CHANGES = {"review_invitations": False}
ME_CHANGES = {"display_name": "Ada L.", "notices": NOTICE_CHANGES}
MY_PROFILE = {"id": PROFILE, "kind": "customer", "display_name": "Ada L.", "role": "owner"}
ERASURE = {"state": "requested", "requested_at": "2026-03-01T09:30:00Z"}
EXPORT = {
    "version": 1,
    "user": USER,
    "sections": {
        "accounts.profiles": [{"id": PROFILE, "kind": "customer", "display_name": "Ada L."}],
        "reviews.votes": [{"review_id": "018f6d1e-0000-7000-8000-00000000ada2", "helpful": True}],
    },
}
