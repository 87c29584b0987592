"""Rows that every installation starts with: made after migrations, so they are always there."""

from typing import Any

from django.apps import AppConfig

from trustengine.database_time import database_now


def seed_policy(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Put the built-in screening policy in force where none is. Runs again without harm."""
    from django.db import connections, transaction

    from reviews.models import PolicyRule, ScreeningPolicy
    from reviews.screening.catalogue import KINDS
    from reviews.screening.policy import BUILT_IN

    if ScreeningPolicy._meta.db_table not in connections[using].introspection.table_names():
        return
    policies = ScreeningPolicy.objects.using(using)
    if policies.filter(state=ScreeningPolicy.State.PUBLISHED).exists():
        return
    with transaction.atomic(using=using):
        policy, is_new = policies.get_or_create(
            version=BUILT_IN.version,
            defaults={
                "state": ScreeningPolicy.State.PUBLISHED,
                "queue_at": BUILT_IN.queue_at,
                "published_at": database_now(),
            },
        )
        if is_new:
            PolicyRule.objects.using(using).bulk_create(
                PolicyRule(policy=policy, signal=name, weight=kind.weight, action=kind.action)
                for name, kind in KINDS.items()
            )


def seed_endpoint(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Make the row by which operators limit calls to the moderation service. One that is there stays as it is."""
    from django.db import connections

    from billing.models import ProviderEndpoint
    from reviews.services.opinions import ENDPOINT, LIMITS, PROVIDER

    if ProviderEndpoint._meta.db_table in connections[using].introspection.table_names():
        ProviderEndpoint.objects.using(using).get_or_create(provider=PROVIDER, endpoint=ENDPOINT, defaults=LIMITS)
