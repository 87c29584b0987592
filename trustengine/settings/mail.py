"""How notices leave: by whose mail server, in whose name, and where their links lead."""

from trustengine import environment as env

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1, maximum=65_535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
_security = env.choice("EMAIL_SECURITY", ("starttls", "tls", "none"))
EMAIL_USE_TLS, EMAIL_USE_SSL = _security == "starttls", _security == "tls"
EMAIL_TIMEOUT = 10  # seconds; a job tries again
EMAIL_BACKEND = "billing.mail.CapacityBackend" if EMAIL_HOST else "trustengine.mail.outbox.OutboxBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.mailbox("DEFAULT_FROM_EMAIL", "TrustEngine <no-reply@localhost>")

MARKETPLACE_NAME = env.line("MARKETPLACE_NAME", "TrustEngine")
MARKETPLACE_URL = env.web_address("MARKETPLACE_URL")
PUBLIC_URL = env.web_address("PUBLIC_URL", "http://127.0.0.1:8000")
