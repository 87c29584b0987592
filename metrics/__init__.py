"""Daily aggregates and dashboards. So far only its place in the layering stands."""
