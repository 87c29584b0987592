"""Reconcile, backfill, import: what operators run, and the registries that the domain apps fill."""
