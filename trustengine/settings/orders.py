"""What the catalogue, checkout, payments and fulfilment are held to."""

from trustengine import environment as env

NOTICE_DELAY_SECONDS = env.integer("NOTICE_DELAY_SECONDS", 60, maximum=86_400)
NOTICE_MAX_AGE_HOURS = env.integer("NOTICE_MAX_AGE_HOURS", 48, minimum=1, maximum=8_760)
STUCK_AFTER_MINUTES = env.integer("STUCK_AFTER_MINUTES", 15, minimum=1, maximum=43_200)
