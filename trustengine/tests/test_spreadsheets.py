"""No file that is made to be opened in a spreadsheet program holds a formula."""

from pathlib import Path

import pytest
from django.conf import settings

from trustengine.spreadsheets import STARTS_A_FORMULA, harmless

WRITERS = ("csv.writer(", "csv.DictWriter(")
FOR_PROGRAMS = {"trustengine/devtools/bench/imports.py", "trustengine/devtools/bench/refunds.py"}  # read by an import


@pytest.mark.parametrize("start", STARTS_A_FORMULA)
def test_what_begins_like_a_formula_begins_with_an_apostrophe(start):
    assert harmless(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("blank", [" ", "  ", "\xa0", "\u200b", "\ufeff"])
def test_blanks_before_a_formula_hide_it_from_nobody(blank):
    assert harmless(f"{blank}=1+1") == f"'{blank}=1+1"


@pytest.mark.parametrize("text", ["", "1+1", "a=1", "'=1", "“=1”", "5 - 3"])
def test_other_cells_stay_as_they_are(text):
    assert harmless(text) == text


def test_whatever_writes_csv_defuses_formulas():
    base = Path(settings.BASE_DIR)
    writing = {
        str(path.relative_to(base)): text
        for app in ("trustengine", "orders", "billing", "reviews", "reports", "metrics")
        for path in (base / app).rglob("*.py")
        if "tests" not in path.parts and any(writer in (text := path.read_text()) for writer in WRITERS)
    }

    assert len(writing) > len(FOR_PROGRAMS)
    assert [name for name, text in writing.items() if "harmless(" not in text and name not in FOR_PROGRAMS] == []
