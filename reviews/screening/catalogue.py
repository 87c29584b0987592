"""Every signal there is: what it means, how much it weighs and what it leads to unless the policy says otherwise."""

from dataclasses import dataclass
from typing import Any

from reviews.models import PolicyRule
from reviews.screening.signals import Signal

NOTE, QUEUE = PolicyRule.Action.NOTE, PolicyRule.Action.QUEUE


@dataclass(frozen=True)
class Kind:
    """A kind of signal. ``weight`` is the chance, roughly, that what shows it should not be published."""

    title: str
    weight: float
    action: PolicyRule.Action = QUEUE


KINDS: dict[str, Kind] = {
    "email_address": Kind("An e-mail address", 0.8),
    "link": Kind("A link", 0.7),
    "phone_number": Kind("A telephone number", 0.7),
    "messenger": Kind("An account on a messenger or network", 0.6),
    "advertising": Kind("A call to buy, visit or subscribe", 0.6),
    "price": Kind("A price", 0.3),
    "deny_list": Kind("A term of the deny list", 0.6),
    "deny_list_block": Kind("A blocking term of the deny list (always rejected)", 1.0),
    "shouting": Kind("Capitals and exclamation marks throughout", 0.3),
    "gibberish": Kind("No words of any language", 0.7),
    "copied_text": Kind("Nearly the text of another author", 0.7),
    "repeated_text": Kind("The author's own text about another product", 0.4),
    "product_burst": Kind("Many reviews of the product at once", 0.4),
    "vendor_burst": Kind("Many reviews of the vendor's products at once", 0.3, NOTE),
    "under_quarantine": Kind("New ratings of the product are in quarantine", 0.4),
    "author_burst": Kind("Many reviews by the author at once", 0.4),
    "origin_burst": Kind("Many authors at one address", 0.5),
    "fresh_account": Kind("An account that has just been made", 0.3, NOTE),
    "large_edit": Kind("An edit that replaces most of the text", 0.5),
    "takeover": Kind("An author who seems to be somebody else now", 0.8),
    "unusual_rating": Kind("Stars unlike those the author gives", 0.2, NOTE),
    "rejected_before": Kind("A text of the author's that was refused before", 0.9),
    "taken_down_before": Kind("Written anew after a review of the product was taken out of view", 0.9),
    "photo": Kind("Photos that nobody has looked at", 0.1),
    "moderation_model": Kind("Flagged by the moderation model (never approved by rule)", 0.8),
    "moderation_unavailable": Kind("The moderation model could not be asked", 0.0),
    "check_failed": Kind("A check could not be made", 0.1),
}


def found(name: str, sentence: str, **data: Any) -> Signal:
    """A signal with the weight that its kind has by default. KeyError for one that is not in the catalogue."""
    return Signal(name, KINDS[name].weight, sentence, data)
