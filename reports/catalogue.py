"""The first entries of the catalogue of reasons: made after every migration, never overwritten."""

from typing import Any

from django.apps import AppConfig

# code, label, ground, severity, for reports, policy
FIRST: tuple[tuple[str, str, str, int, bool, str], ...] = (
    ("spam", "Spam or advertising", "terms", 4, True, "Reviews may not advertise, and may not lead readers elsewhere."),
    (
        "fake",
        "Not a genuine experience",
        "terms",
        6,
        True,
        "A review must tell of one's own experience of the product.",
    ),
    ("offensive", "Offensive or hateful", "terms", 7, True, "Insults, threats and hateful language are not allowed."),
    ("off_topic", "Not about the product", "terms", 2, True, "A review must be about the product and its purchase."),
    ("privacy", "Discloses personal data", "terms", 8, True, "Nobody's personal data may be published here."),
    ("illegal", "Against the law", "illegal", 9, True, "What is against the law may not be published here."),
    (
        "conflict_of_interest",
        "Conflict of interest",
        "terms",
        6,
        True,
        "Whoever has a part in a product's sale, or in a rival's, may not review it.",
    ),
    ("other", "Another reason", "terms", 3, True, "The marketplace's terms do not allow this."),
    ("approved_ok", "Nothing against it", "none", 1, False, "The review is in order and is published."),
    ("no_violation", "No violation found", "none", 1, False, "Nothing was found that is against the rules."),
)


def make_reasons(sender: AppConfig, using: str, **kwargs: Any) -> None:
    """Add what is missing from the catalogue. What operators have edited stays as it is."""
    from django.db import connections

    from reports.models import ReasonCode

    if ReasonCode._meta.db_table not in connections[using].introspection.table_names():
        return
    rows = [
        ReasonCode(
            code=code,
            label=label,
            ground=ground,
            severity=severity,
            for_reports=for_reports,
            policy=policy,
            position=10 * place,
        )
        for place, (code, label, ground, severity, for_reports, policy) in enumerate(FIRST, start=1)
    ]
    ReasonCode.objects.using(using).bulk_create(rows, ignore_conflicts=True)
