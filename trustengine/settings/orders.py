"""What the catalogue, checkout, payments and fulfilment are held to."""

from trustengine import environment as env

CHECKOUT_MINUTES = env.integer("CHECKOUT_MINUTES", 30, minimum=1, maximum=1_440)
CART_PRODUCTS = env.integer("CART_PRODUCTS", 50, minimum=1, maximum=200)
PLATFORM_FEE_BPS = env.integer("PLATFORM_FEE_BPS", 1_500, maximum=10_000)
CHECKOUTS_PER_DAY = env.integer("CHECKOUTS_PER_DAY", 200, minimum=1)
UNPAID_CHECKOUTS_PER_DAY = env.integer("UNPAID_CHECKOUTS_PER_DAY", 12, minimum=1)
UNPAID_CHECKOUTS_PER_ADDRESS = env.integer("UNPAID_CHECKOUTS_PER_ADDRESS", 60, minimum=1)
CHECKOUTS_PER_MINUTE = env.integer("CHECKOUTS_PER_MINUTE", 30, minimum=1)

STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_API_BASE = env.web_address("STRIPE_API_BASE", "https://api.stripe.com")
STRIPE_TIMEOUT_SECONDS = env.decimal("STRIPE_TIMEOUT_SECONDS", 8.0, minimum=0.1, maximum=20)
STRIPE_WEBHOOK_SECRETS = env.listing("STRIPE_WEBHOOK_SECRET")  # any of them may sign
WEBHOOK_TOLERANCE_SECONDS = env.integer("WEBHOOK_TOLERANCE_SECONDS", 300, minimum=1, maximum=86_400)
REFUND_SHARE_UNCOUNTED = env.integer("REFUND_SHARE_UNCOUNTED", 80, minimum=1, maximum=100)  # per cent
PAYMENT_EVENT_DAYS = env.integer("PAYMENT_EVENT_DAYS", 3, minimum=1, maximum=90)
NOTICE_DELAY_SECONDS = env.integer("NOTICE_DELAY_SECONDS", 60, maximum=86_400)
NOTICE_MAX_AGE_HOURS = env.integer("NOTICE_MAX_AGE_HOURS", 48, minimum=1, maximum=8_760)
STUCK_AFTER_MINUTES = env.integer("STUCK_AFTER_MINUTES", 15, minimum=1, maximum=43_200)
