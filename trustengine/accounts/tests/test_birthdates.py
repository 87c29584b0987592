from datetime import date

import pytest

from trustengine.accounts.birthdates import of_age_on


@pytest.mark.parametrize(
    ("claim", "day"),
    [
        ("2010-05-17", date(2023, 5, 17)),
        ("2010", date(2023, 12, 31)),  # the last day it can be
        ("2008-02-29", date(2021, 3, 1)),
    ],
)
def test_the_thirteenth_birthday(claim, day):
    assert of_age_on(claim, minimum_age=13) == day


@pytest.mark.parametrize(
    "claim",
    [
        *[None, "", 2010, ["2010"]],
        *["0000-05-17", "0000", "2010-13-01", "2009-02-29", "9999", "9999-12-31"],
        *["17.5.2010", "٢٠١٠", "2010-05-17T00:00:00Z"],
    ],
)
def test_a_claim_that_does_not_tell_is_no_birthday(claim):
    assert of_age_on(claim, minimum_age=13) is None


def test_without_a_minimum_age_everybody_is_of_age():
    assert of_age_on("2020-01-01", minimum_age=0) == date(2020, 1, 1)
