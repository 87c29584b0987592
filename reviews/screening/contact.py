"""Links and contact data: a review that leads readers elsewhere is advertising until a person says otherwise."""

import re
import unicodedata
from collections.abc import Iterator

from reviews.screening.catalogue import found
from reviews.screening.signals import Candidate, Signal

# Every repetition below is bounded: a text may be 10,000 characters made to be slow.
DOT = r"(?:\(dot\)|\[dot\]|\sdot\s)"
# Endings that are no words: they make a link wherever they stand after a full stop.
ENDINGS = "com|net|org|info|biz|xyz|io|ru|cn|uk|br|pl|tv|online|shop"
# Endings that are words in some language (“chegou.de repente”): a path has to follow.
WORDS = "me|it|in|de|co|es|fr|nl|live|link|click|top|club|store|site|app|dev"
NAME = r"\b[a-z0-9][a-z0-9-]{1,62}"

LINK = re.compile(
    rf"https?\s{{0,3}}:\s{{0,3}}/\s{{0,3}}/|\bwww\s{{0,3}}\.|{NAME}\.(?:{ENDINGS})\b(?![\w-])|{NAME}\.(?:{WORDS})/\w"
    rf"|{NAME}\s{{0,3}}{DOT}\s{{0,3}}(?:{ENDINGS}|{WORDS})\b",
    re.IGNORECASE,
)
EMAIL = re.compile(
    rf"(?<![\w.+-])[\w.+-]{{1,64}}\s?(?:@|\(at\)|\[at\])\s?[a-z0-9-]{{1,63}}(?:\.|\s?{DOT}\s?)[a-z]{{2,}}",
    re.IGNORECASE,
)
PHONE = re.compile(r"(?<![\w.,/-])\+?\(?\d[\d\s().-]{7,18}\d(?![\w/-])")
MESSENGER = re.compile(
    r"\b(?:whats\s?app|telegram|viber|wechat|signal|skype|snapchat|instagram|insta)\b\W{0,12}"
    r"(?:me\b|us\b|at\b|on\b|number|channel|group|:|@|\+|\d)|(?<!\w)@[a-z0-9_.]{4,}|\bt\.me/|\bwa\.me/",
    re.IGNORECASE,
)
DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")


def check(candidate: Candidate) -> Iterator[Signal]:
    """Signals ``link``, ``email_address``, ``phone_number`` and ``messenger``."""
    text = _folded(candidate.text)
    addresses = EMAIL.sub(" ", text)
    if EMAIL.search(text):
        yield found("email_address", "The text contains an e-mail address.")
    if LINK.search(addresses):
        yield found("link", "The text contains a link.")
    if any(_is_phone_number(match.group()) for match in PHONE.finditer(text)):
        yield found("phone_number", "The text contains what looks like a telephone number.")
    if MESSENGER.search(addresses):
        yield found("messenger", "The text points to an account on a messenger or social network.")


def _is_phone_number(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return 9 <= digits <= 15 and not DATE.fullmatch(text.strip())


def _folded(text: str) -> str:
    """Compatibility forms folded (full-width letters, styled digits) and zero-width characters dropped."""
    folded = unicodedata.normalize("NFKC", text)
    return "".join(character for character in folded if unicodedata.category(character) != "Cf")
