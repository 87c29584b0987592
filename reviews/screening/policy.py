"""From signals to a verdict. One rule for first texts and for edits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from django.conf import settings

from reviews.models import PolicyRule, Screening, ScreeningPolicy
from reviews.reputation import Standing
from reviews.screening.catalogue import KINDS
from reviews.screening.signals import Signal

VERSION = 1
BLOCKED = "deny_list_block"
FLAGGED = "moderation_model"
ABOUT_STARS = "unusual_rating"
HINTS_OF_TAKEOVER = frozenset({"takeover", "large_edit"})

Action = PolicyRule.Action


@dataclass(frozen=True)
class Rule:
    """What is made of one kind of signal."""

    weight: float
    action: str
    enabled: bool = True


@dataclass(frozen=True)
class Policy:
    """A version of the policy, ready to judge by. None in the trust rule stands for what the settings say."""

    version: int = VERSION
    queue_at: float = 0.5
    restrict_at: float | None = None
    min_reputation: int | None = None
    min_consecutive: int | None = None
    rules: Mapping[str, Rule] = field(default_factory=dict)

    def rule(self, name: str) -> Rule:
        """The rule for a signal; the catalogue's where this version has none. KeyError for an unknown signal."""
        if (own := self.rules.get(name)) is not None:
            return own
        kind = KINDS[name]
        return Rule(kind.weight, kind.action)

    def weighed(self, signals: Iterable[Signal]) -> list[Signal]:
        """The signals that this policy wants to know of, with its weights."""
        return [
            replace(signal, weight=self.rule(signal.name).weight)
            for signal in signals
            if self.rule(signal.name).enabled
        ]

    def trusts(self, standing: Standing) -> bool:
        """Whether an author has earned approval by rule."""
        reputation = _either(self.min_reputation, settings.AUTO_APPROVE_MIN_REPUTATION)
        in_a_row = _either(self.min_consecutive, settings.AUTO_APPROVE_MIN_CONSECUTIVE)
        return standing.score >= reputation and standing.consecutive_approved >= in_a_row


BUILT_IN = Policy()


def policy_in_force() -> Policy:
    """The published version, or the built-in one where there is none."""
    row = ScreeningPolicy.objects.filter(state=ScreeningPolicy.State.PUBLISHED).prefetch_related("rules").first()
    return BUILT_IN if row is None else from_row(row)


def from_row(row: ScreeningPolicy) -> Policy:
    """A stored version as one to judge by."""
    rules = {rule.signal: Rule(rule.weight, rule.action, rule.enabled) for rule in row.rules.all()}
    return Policy(row.version, row.queue_at, row.restrict_at, row.min_reputation, row.min_consecutive, rules)


def score(signals: Iterable[Signal]) -> float:
    """What signals come to together: 1 − Π(1 − weight), the chance that not all of them are harmless.

    Unusual stars count only beside a hint that the account has changed hands: alone, or
    with anything else, a review is treated alike whatever its stars.
    """
    given = list(signals)
    names = {signal.name for signal in given}
    counted = [signal for signal in given if signal.name != ABOUT_STARS or names & HINTS_OF_TAKEOVER]
    return round(1 - prod(1 - signal.weight for signal in counted), 4)


def decide(signals: Sequence[Signal], standing: Standing, policy: Policy = BUILT_IN) -> Screening.Verdict:
    """Approve only where nothing was found and the author has earned it; else a moderator decides.

    ``signals`` are weighed. A term that the deny list blocks is rejected, whoever writes
    it. Only what the policy merely notes is nothing, and only up to ``queue_at`` together;
    what the moderation model flags is never nothing.
    """
    effective = [signal for signal in signals if signal.name != ABOUT_STARS]
    if any(signal.name == BLOCKED for signal in effective):
        return Screening.Verdict.REJECT
    total = score(signals)
    is_flagged = any(signal.name == FLAGGED for signal in effective)
    actions = {policy.rule(signal.name).action for signal in effective}
    if Action.RESTRICT in actions or (policy.restrict_at is not None and total >= policy.restrict_at):
        return Screening.Verdict.RESTRICT
    is_nothing = actions <= {Action.NOTE} and not is_flagged and (not total or total < policy.queue_at)
    if is_nothing and policy.trusts(standing):
        return Screening.Verdict.APPROVE
    return Screening.Verdict.QUEUE


def _either(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
