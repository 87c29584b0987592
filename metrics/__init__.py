"""Days of vendors and of the platform, made anew from the facts; dashboards, and figures of trust and safety."""
