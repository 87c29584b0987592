"""Checks of the text alone: what they find, what they leave alone, and that no text is slow."""

import time

import pytest

from reviews.folding import disguised, words_of
from reviews.screening import advertising, deny_list, gibberish, shouting
from reviews.screening.authors import is_unusual, likeness
from reviews.screening.poisson import rate, tail
from reviews.screening.signals import Candidate
from reviews.services.screening import fold_term


def names(check, text):
    return {signal.name for signal in check(Candidate("", text))}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Only $9.99 elsewhere", {"price"}),
        ("por apenas R$ 25,00", {"price"}),
        ("cost me 1.250,00 euros", {"price"}),
        ("Get 20% off today", {"advertising"}),
        ("Please subscribe to my channel", {"advertising"}),
        ("CLICK HERE for more", {"advertising"}),
        ("Ｃｌｉｃｋ here", {"advertising"}),
        ("acesse nosso site", {"advertising"}),
        ("use my coupon code", {"advertising"}),
        ("WIN £1000 now", {"advertising", "price"}),
    ],
)
def test_prices_and_calls_to_buy_are_found(text, found):
    assert names(advertising.check, text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Muito bom, chegou antes do prazo",
        "Ótimo produto, recomendo a todos!!!",
        "ADOREI O PRODUTO, RECOMENDO",
        "MUITO BOM",
        "kkkkkkkkkkkkkk adorei demais",
        "Lindoooooo, amei muito meu relógio",
        "Excelente",
        "ok",
        "非常好的产品，下次还会再买，推荐给大家",
        "Rechtschreibprüfung funktioniert, Angstschweiß bleibt aus",
        "Отличный товар, всем рекомендую",
        "Size 42, weighs 1.250,00 g, 100% cotton",
        "",
    ],
)
def test_honest_texts_are_no_shout_no_gibberish_and_no_advertisement(text):
    found = set().union(*(names(check, text) for check in (shouting.check, gibberish.check, advertising.check)))
    assert found == set()


@pytest.mark.parametrize("text", ["THIS IS THE BEST THING EVER!!!! BUY!", "wow!!!!!!!!!!", "Really?!?!?!?!?!"])
def test_shouting_is_found(text):
    assert names(shouting.check, text) == {"shouting"}


@pytest.mark.parametrize(
    "text",
    [
        "asdfghjkl qwrtpsdf zxcvbnm",
        "fidjvjvjfvvvopgifqwv cvjkdjvvnlxnsfkerwg",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "good " * 20,
    ],
)
def test_gibberish_is_found(text):
    assert names(gibberish.check, text) == {"gibberish"}


TERMS = {tuple(fold_term(term).split()): (term, "queue", "spam") for term in ("ass", "viagra", "cheap pills", "сука")}


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("what an ASS", "ass"),
        ("what an a$$", "ass"),
        ("buy vi\u200bagra", "viagra"),
        ("V1AGRA!", "viagra"),
        ("v.i.a.g.r.a", "viagra"),
        ("v i a g r a", "viagra"),
        ("take a v i a g r a", "viagra"),
        ("víágrà", "viagra"),
        ("ｖｉａｇｒａ", "viagra"),
        ("viаgrа", "viagra"),  # two Cyrillic letters
        ("via-gra", "viagra"),
        ("great.Viagra here", "viagra"),
        ("Cheap, PILLS", "cheap pills"),
        ("ch3ap p1lls", "cheap pills"),
        ("такая СУКА", "сука"),
    ],
)
def test_denied_terms_are_found_in_disguise(text, term):
    assert [hit[0] for hit in deny_list.find(text, TERMS)] == [term]


@pytest.mark.parametrize(
    "text", ["a class of glass", "assassin", "as sweet as sugar", "cheap and pills", "viagrande", "", "!!!", "$ @ |"]
)
def test_a_word_that_contains_a_term_is_none(text):
    assert deny_list.find(text, TERMS) == []


@pytest.mark.parametrize("piece", ["x", "a ", "a.", "$", "$a", "!", "1", "é", "\u0301", "A!", "my ", "9,9", "buy "])
def test_no_text_costs_more_than_its_length(piece):
    text = (piece * 10_000)[:10_000]
    began = time.process_time()

    for check in (advertising.check, shouting.check, gibberish.check):
        names(check, text)
    deny_list.find(text, TERMS)
    words_of(text)
    disguised(text)

    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("found", "expected", "probability"),
    # P(X ≥ k) by independent summation: 1 − Σ e^−λ λ^i / i!
    [(0, 3.0, 1.0), (1, 1.0, 0.6321205588), (3, 1.0, 0.0803013971), (10, 2.0, 4.6498075e-05), (5, 5.0, 0.5595067149)],
)
def test_the_poisson_tail_is_the_textbook_one(found, expected, probability):
    assert tail(found, expected) == pytest.approx(probability, rel=1e-6)


def test_the_far_tail_keeps_its_precision():
    assert 0 < tail(50, 0.5) < 1e-70
    assert tail(1_000, 900.0) == pytest.approx(5.6e-4, rel=0.1)
    assert tail(1, 0.0) == 0.0


def test_the_past_outweighs_the_prior_in_time():
    assert rate(0, 0, prior_mean=0.5, prior_days=7) == 0.5
    assert rate(900, 90, prior_mean=0.5, prior_days=7) == pytest.approx(9.3, abs=0.1)


def test_stars_are_unusual_to_both_sides_alike():
    assert is_unusual(1, [5] * 6)
    assert is_unusual(5, [1] * 6)
    assert not is_unusual(1, [5] * 4)
    assert not is_unusual(1, [1, 5, 1, 5, 3])


def test_one_language_is_like_itself_and_unlike_another():
    english = "The chair is sturdy, came with all its screws and was easy to put together in an evening."
    more = "I like how the lamp looks on the desk, and the light is warm enough to read in the night."
    russian = "Стул крепкий, все винты были на месте, собрать его можно за один вечер без труда."

    assert likeness(english, more) > 0.4
    assert likeness(english, russian) < 0.1
