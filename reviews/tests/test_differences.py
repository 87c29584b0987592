import time

from reviews.admin.differences import changes, difference


def test_kept_words_stand_plain_and_changed_ones_are_marked():
    shown = difference("The bowl is blue and quite large indeed", "The bowl is green and quite large indeed")

    assert shown == "The bowl is <del>blue </del><ins>green </ins>and quite large indeed"


def test_what_is_alike_is_not_marked():
    assert difference("a\nb", "a\nb") == "a\nb"
    assert difference("", "") == ""


def test_both_texts_are_escaped():
    assert difference("<b>", "<i>") == "<del>&lt;b&gt;</del><ins>&lt;i&gt;</ins>"


def test_single_words_that_happen_to_be_shared_do_not_chop_up_a_new_text():
    assert len(changes("I had a bad time with it and sent it back", "It is a fine thing and I kept it")) <= 2


def test_both_texts_can_be_read_off_the_changes():
    before, after = "one two  three\nfour five six", "one 2 three\n\nfour six seven"

    runs = changes(before, after)

    assert "".join(word for old, _ in runs for word in old) == before
    assert "".join(word for _, new in runs for word in new) == after


def test_long_repetitive_texts_are_compared_in_no_time():
    start = time.monotonic()

    difference("a " * 5_000, "b a " * 2_500)

    assert time.monotonic() - start < 2
