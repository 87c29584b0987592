import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trustengine.text import is_storable, is_visible, normalised

ANY_TEXT = st.text(st.characters(exclude_categories=()) | st.sampled_from("\u200b\u200c\u200d\u0301\ufe0f \nnก👩"))
FAMILY = "👩\u200d👩\u200d👧"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        pytest.param("cafe\u0301", "café", id="decomposed accent"),
        pytest.param("\u1112\u1161\u11ab", "한", id="decomposed Hangul"),
        pytest.param("a\r\nb\rc\u2028d\u2029e\x85f\x0bg", "a\nb\nc\nd\ne\nf\ng", id="line ends"),
        pytest.param("a\tb", "a\tb", id="tab"),
        pytest.param("a\x00b\x07c\x7fd\x9be", "abcde", id="controls"),
        pytest.param("safe\u202e4pm.exe\u202c \u2066x\u2069\u200e\u200f\u061c", "safe4pm.exe x", id="bidi controls"),
        pytest.param("\ufeffNice\ufeff bag", "Nice bag", id="byte order mark"),
        pytest.param("zero\u200bwidth \u2060word\u00ad", "zerowidth word", id="zero-width space in Latin"),
        pytest.param("กิน\u200bข้าว\u200b", "กิน\u200bข้าว", id="zero-width space in Thai"),
        pytest.param("می\u200cخواهم", "می\u200cخواهم", id="zero-width non-joiner in Persian"),
        pytest.param("ക്\u200d ষ", "ക്\u200d ষ", id="joiner in Malayalam"),
        pytest.param("\u200da\u200c\u200db \u200cc", "a\u200cb c", id="stray joiners"),
        pytest.param(f"{FAMILY} {WALES} ❤\ufe0f", f"{FAMILY} {WALES} ❤\ufe0f", id="emoji"),
        pytest.param("plain\U000e0041\U000e0042", "plain", id="hidden tags"),
        pytest.param("\ud83d broken \udc00", "broken", id="halves of characters"),
        pytest.param("e\u200b\u0301", "é", id="accent behind a stray character"),
        pytest.param("  \u3000 trimmed \xa0", "trimmed", id="spaces around"),
        pytest.param("“Größe” – prima 😀", "“Größe” – prima 😀", id="what is fine already"),
    ],
)
def test_text_takes_its_one_form(given_text, stored):
    assert normalised(given_text) == stored


@given(ANY_TEXT)
def test_normalising_again_changes_nothing_and_leaves_text_to_store(text):
    once = normalised(text)

    assert normalised(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert is_storable(once)
    assert not once or is_visible(once)


INVISIBLE = {
    "spaces": " \t\n\u00a0\u2003\u205f\u3000\u1680",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "braille blank": "\u2800\u2800",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "Khmer inherent vowels": "\u17b4\u17b5",
    "Mongolian separators": "\u180b\u180c\u180d\u180e\u180f",
    "variation selectors": "\ufe0e\ufe0f\U000e0100",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "combining marks": "\u0301\u0323\u20dd",
    "spacing marks": "\u0903",
    "soft hyphens": "\u00ad\u034f",
    "bidi controls": "\u202e\u2066\u061c",
    "invisible operators": "\u2061\u2062\u2063\u2064",
    "musical": "\U0001d159\U0001d173\U0001d17a",
    "shorthand": "\U0001bca0",
    "private use": "\ue000\U000f0000",
    "reserved": "\u2065\ufff0\U000e0080",
    "non-characters": "\ufdd0\uffff",
    "object replacement": "\ufffc",
    "controls": "\x00\x1b\x7f\x9f",
    "Egyptian blanks": "\U00013441\U00013442",
}


@pytest.mark.parametrize("text", INVISIBLE.values(), ids=INVISIBLE)
def test_text_of_nothing_visible_is_empty(text):
    assert [character for character in text if normalised(character)] == []
    assert normalised(text) == normalised(text * 50) == ""


@pytest.mark.parametrize("text", ["a", "7", ".", "好", "ก", "👍", "€", "ं क", "\U0001fae9", "…"])
def test_a_single_visible_character_is_text(text):
    assert normalised(text) == text


def test_all_that_unicode_lets_programs_ignore_is_invisible():
    """DerivedCoreProperties.txt, Default_Ignorable_Code_Point."""
    ignorable = (
        "00AD 034F 061C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF FFA0 "
        "FFF0-FFF8 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
    )
    for span in ignorable.split():
        first, _, last = span.partition("-")
        for code in range(int(first, 16), int(last or first, 16) + 1):
            assert normalised(chr(code)) == "", f"U+{code:04X}"


def test_every_letter_digit_and_sign_with_a_glyph_is_visible():
    lost = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code))[0] in "LNPS" and not normalised(chr(code))
    ]

    assert lost == [
        "U+115F", "U+1160", "U+2800", "U+3164", "U+FFA0", "U+FFFC",
        *([] if unicodedata.unidata_version < "15" else ["U+13441", "U+13442"]), "U+1D159",
    ]  # fmt: skip
