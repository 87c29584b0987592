"""What reviews, votes, ratings and screening are held to."""

from trustengine import environment as env

REVIEW_PERIOD_DAYS = env.integer("REVIEW_PERIOD_DAYS", 90, minimum=1, maximum=36_500)
VOTES_PER_MINUTE = env.integer("VOTES_PER_MINUTE", 10, minimum=1)
REVIEW_WRITES_PER_MINUTE = env.integer("REVIEW_WRITES_PER_MINUTE", 60, minimum=1)
AUTO_APPROVE_MIN_REPUTATION = env.integer("AUTO_APPROVE_MIN_REPUTATION", 80, maximum=100)
AUTO_APPROVE_MIN_CONSECUTIVE = env.integer("AUTO_APPROVE_MIN_CONSECUTIVE", 5)
RATING_PRIOR_MEAN = env.decimal("RATING_PRIOR_MEAN", 3.5, minimum=1, maximum=5)
RATING_PRIOR_WEIGHT = env.decimal("RATING_PRIOR_WEIGHT", 7.0, minimum=0)
PHOTOS_PER_REVIEW = env.integer("PHOTOS_PER_REVIEW", 6, minimum=0, maximum=100)
PHOTO_MAX_BYTES = env.integer("PHOTO_MAX_BYTES", 10_485_760, minimum=1_024, maximum=104_857_600)
PHOTO_MAX_PIXELS = env.integer("PHOTO_MAX_PIXELS", 40_000_000, minimum=10_000, maximum=80_000_000)
PHOTO_EDGE = env.integer("PHOTO_EDGE", 2_048, minimum=64, maximum=8_192)
THUMBNAIL_EDGE = env.integer("THUMBNAIL_EDGE", 320, minimum=32, maximum=1_024)
ORIGIN_DAYS = env.integer("ORIGIN_DAYS", 90, minimum=1, maximum=3_650)
VIRAL_VOTES_PER_SECOND = env.decimal("VIRAL_VOTES_PER_SECOND", 50.0, minimum=0.1)
VIRAL_FOLD_SECONDS = env.integer("VIRAL_FOLD_SECONDS", 15, minimum=1, maximum=3_600)
TREND_HALF_LIFE_DAYS = env.decimal("TREND_HALF_LIFE_DAYS", 7.0, minimum=0.1, maximum=3_650)
STRIKE_DAYS = env.integer("STRIKE_DAYS", 180, minimum=1, maximum=3_650)
PUBLIC_MAX_AGE_SECONDS = env.integer("PUBLIC_MAX_AGE_SECONDS", 30, maximum=86_400)
PUBLIC_REVALIDATE_SECONDS = env.integer("PUBLIC_REVALIDATE_SECONDS", 60, maximum=86_400)
PUBLIC_STALE_SECONDS = env.integer("PUBLIC_STALE_SECONDS", 3_600, maximum=2_592_000)
