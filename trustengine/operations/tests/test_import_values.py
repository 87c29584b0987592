"""What a cell may say, and what only resembles it."""

from datetime import UTC, datetime

import pytest

from trustengine.operations.importing.values import boolean, moment, text, whole

NOON = datetime(2026, 5, 17, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-05-17T12:00:00Z", "2026-05-17 12:00", "2026-05-17t12:00:00z", "2026-05-17T14:00:00+02:00",
        "2026-05-17T14:00+02", "2026-05-17 14:00:00+0200", "20260517T120000Z", "20260517T1200", " 2026-05-17T12:00 ",
        "2026-05-17T12:00:00.000000000Z", "2026-05-17T12:00:00,0", "2026-05-18T02:00+14:00", "2026-05-17T12:00-00:00",
    ],
)  # fmt: skip
def test_times_in_the_documented_forms_are_taken(cell):
    assert moment(cell) == NOON


def test_a_date_alone_is_the_marketplaces_midnight(settings):
    settings.MARKETPLACE_TIME_ZONE = "America/Sao_Paulo"

    assert moment("2026-05-17") == datetime(2026, 5, 17, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        # counters: seconds, milliseconds, microseconds and nanoseconds since 1970, serial days, and shorter numbers
        "1779019200", "1779019200000", "1779019200000000", "1779019200000000000", "1712010112345", "46159.5", "46159",
        "20260517", "202605171200", "20260517120000", "1", "0", "-1", "1.779e9",
        # separators
        "20260517x1200", "2026-05-17x12:00", "2026-05-17_12:00", "2026-05-17  12:00", "2026-05-17-12:00",
        "2026/05/17", "17.05.2026", "05/17/2026 12:00", "2026-05-17\u00a012:00", "2026-05-17\n12:00", "2026-0517",
        "2026-05-17T1200", "20260517T12:00", "20260517 1200", "2026-05-17T12.00",
        # forms that are not documented
        "2026-W20-7", "2026W207", "2026-137", "2026137", "2026-05", "2026", "12:00", "2026-05-17T12", "2026-05-17T",
        "--05-17", "+2026-05-17", "2026-05-17T12:00:00 UTC", "2026-05-17T12:00:00 +0200", "2026-05-17T12:00Zulu",
        "Sun, 17 May 2026 12:00:00 GMT", "May 17, 2026", "now", "P1D", "2026-05-17/2026-05-18",
        # out of range
        "2026-02-29", "2026-13-01", "2026-00-10", "2026-05-32", "2026-05-17T24:00", "2026-05-17T12:60",
        "2026-05-17T12:00:60", "0000-01-01", "0001-01-01", "1712-01-02T04:27:45Z", "1899-12-30", "2200-01-01",
        "9999-12-31", "10000-01-01", "12026-05-17", "2026-05-17T12:00+14:01", "2026-05-17T12:00-15:00",
        "2026-05-17T12:00+24:00", "2026-05-17T12:00+99:99", "2026-05-17T12:00+02:60", "2026-05-17T12:00+2",
        # digits of other scripts, and signs that look like ours
        "٢٠٢٦-٠٥-١٧", "２０２６-05-17", "2026−05−17", "2026-05-17T12：00", "2026-05-17\x00", "", " ",
    ],
)  # fmt: skip
def test_what_only_resembles_a_time_is_refused(cell):
    with pytest.raises(ValueError):
        moment(cell)


@pytest.mark.parametrize("cell", ["t", "T", "true", "True", "TRUE", "yes", "Yes", "y", "Y", "on", "ON", "1", " true "])
def test_yes_may_be_said_as_people_say_it(cell):
    assert boolean(cell) is True


@pytest.mark.parametrize(
    "cell", ["f", "F", "false", "False", "FALSE", "no", "No", "n", "N", "off", "OFF", "0", " no\t"]
)
def test_no_may_be_said_as_people_say_it(cell):
    assert boolean(cell) is False


@pytest.mark.parametrize("cell", ["", " ", "2", "-1", "01", "1.0", "maybe", "tr", "truee", "None", "x", "✓", "１"])
def test_anything_else_is_neither_yes_nor_no(cell):
    with pytest.raises(ValueError):
        boolean(cell)


@pytest.mark.parametrize(("cell", "number"), [("5", 5), (" 5 ", 5), ("05", 5), ("0", 0)])
def test_a_number_is_its_digits(cell, number):
    assert whole(0, 10)(cell) == number


@pytest.mark.parametrize(
    "cell",
    ["1.0", "5,0", "1e1", "1e3", "+5", "-5", "٥", "５", "²", "1_0", "0x5", "1 0", "1.000", "5\x00", "9" * 5_000],
)
def test_whatever_needs_interpretation_is_no_number(cell):
    with pytest.raises(ValueError):
        whole(0, 10_000)(cell)


@pytest.mark.parametrize("cell", ["nul\x00", "not UTF-8 \udcff", "half \ud800", "x" * 11, "\u0958" * 6])
def test_a_text_that_cannot_be_stored_is_refused(cell):
    with pytest.raises(ValueError):
        text(10)(cell)


def test_a_texts_length_is_that_of_its_stored_form():
    assert text(4)(" cafe\u0301\u202e ") == "café"
