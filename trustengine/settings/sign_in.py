"""Sign-in of staff: the second factor, OpenID Connect, and how long the console stays open."""

from trustengine import environment as env

SECOND_FACTOR_STAFF = env.boolean("SECOND_FACTOR_STAFF")
SECOND_FACTOR_GROUPS = env.listing("SECOND_FACTOR_GROUPS")
CONSOLE_IDLE_MINUTES = env.integer("CONSOLE_IDLE_MINUTES", 30, maximum=720)

STAFF_OIDC_ISSUER = env.web_address("STAFF_OIDC_ISSUER")
STAFF_OIDC_CLIENT_ID = env.line("STAFF_OIDC_CLIENT_ID")
STAFF_OIDC_CLIENT_SECRET = env.line("STAFF_OIDC_CLIENT_SECRET")
