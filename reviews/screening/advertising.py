"""Prices and calls to buy: what sells, and does not tell how the product was."""

import re
from collections.abc import Iterator

from reviews.folding import plain
from reviews.screening.catalogue import found
from reviews.screening.signals import Candidate, Signal

CURRENCY = r"(?:r\$|us\$|[$€£¥₹₽]|\b(?:usd|eur|brl|gbp|reais|reales|euros?|dollars?|dolares|bucks|pounds)\b)"
AMOUNT = r"\d{1,7}(?:[.,]\d{2,3}){0,2}"
PRICE = re.compile(rf"{CURRENCY}\s{{0,2}}{AMOUNT}|(?<![\d.,]){AMOUNT}\s{{0,2}}{CURRENCY}")
DISCOUNT = re.compile(r"\b\d{1,2}\s?%\s?(?:off\b|discount|de desconto|descuento|rabatt)")

# Calls in the languages that most marketplaces meet; each after `plain`, so without accents and capitals.
CALLS = (
    r"click (?:here|the link|on my|my)",
    r"clique (?:aqui|no link)",
    r"haz click|haga clic",
    r"cliquez ici",
    r"klick(?:e|en sie)? hier",
    r"(?:visit|check out|checkout|look at|see|watch|go to|come to) (?:my|our|this|these) "
    r"(?:\w{1,20} ){0,2}(?:site|website|page|shop|store|channel|video|videos|profile|blog|youtube|music|song|cover)",
    r"(?:visite|acesse|conheca) (?:(?:o|a) )?(?:meu|minha|nosso|nossa) (?:site|loja|pagina|canal|perfil)",
    r"visita (?:mi|nuestra|nuestro) (?:web|tienda|pagina|canal)",
    r"subscribe (?:to )?(?:my|me|our|us|for|and|now|please)",
    r"(?:please|plz|pls) (?:subscribe|sub|check|visit|like|share)",
    r"(?:inscreva|inscrevam) ?se",
    r"(?:like|share) (?:and|&) (?:subscribe|share)",
    r"(?:use|with|enter) (?:my |the |our |this )?(?:\w{1,20} )?(?:coupon|promo|discount|voucher) ?code",
    r"(?:use|com) (?:o |meu )?(?:cupom|codigo de desconto)",
    r"(?:order|buy|call|shop|text|reply) now\b",
    r"(?:dm|message|contact|e ?mail|text|call) (?:me|us) (?:for|at|on|now|to)",
    r"link in (?:my )?(?:bio|profile|description)",
    r"(?:earn|make|won?|win) (?:up to )?[$£€]? ?\d[\d.,]{0,9}",
    r"free (?:gift|trial|iphone|sample|entry|ringtone|msg)",
    r"(?:work|working) from home",
    r"best (?:price|deal)s? (?:at|on|here|only)",
    r"(?:buy|sell)ing? (?:\w{1,20} )?(?:followers|likes|views)",
    r"limited (?:time )?offer|special offer|guaranteed (?:cash|prize|winner)",
    r"(?:claim|collect) (?:your|ur) (?:\w{1,20} )?(?:prize|reward|gift|bonus|award)",
)
CALL = re.compile(r"\b(?:" + "|".join(CALLS) + ")")


def check(candidate: Candidate) -> Iterator[Signal]:
    """Signals ``price`` and ``advertising``."""
    text = plain(candidate.text)
    if CALL.search(text) or DISCOUNT.search(text):
        yield found("advertising", "The text calls on readers to buy, visit or subscribe to something.")
    if PRICE.search(text):
        yield found("price", "The text names a price.")
