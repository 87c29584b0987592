"""Amounts and words in files, and that no amount ever was a floating-point number."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import billing
from billing.spreadsheets import amount, comma_separated, words
from trustengine.admin.presentation import digits_of

GAUGES = "gauges"  # Prometheus knows floating-point numbers alone, and nobody is paid from them
SOURCE = [
    path
    for path in Path(billing.__file__).parent.rglob("*.py")
    if "tests" not in path.parts and GAUGES not in path.parts and "cents" in path.read_text()
]


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_an_amount_says_exactly_what_the_integer_says(cents, currency):
    assert Decimal(amount(cents, currency)) == Decimal(cents).scaleb(-digits_of(currency))


@pytest.mark.parametrize(
    ("cents", "currency", "text"),
    [(5, "EUR", "0.05"), (-5, "EUR", "-0.05"), (0, "EUR", "0.00"), (7, "JPY", "7"), (-7, "KWD", "-0.007")],
)
def test_small_amounts_keep_their_zeros(cents, currency, text):
    assert amount(cents, currency) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r\n=1", " =1", "\u200b=1", "\x00=1"])
def test_no_text_is_a_formula(text):
    cell = words(text)

    assert cell.startswith("'")
    assert cell.isprintable()


def test_ordinary_text_stays_as_it_is():
    assert words("Ünü & Söhne, “Küche”") == "Ünü & Söhne, “Küche”"
    assert comma_separated(["a", "b"], [["x,y", 'say "hi"']]) == 'a,b\r\n"x,y","say ""hi"""\r\n'


@pytest.mark.parametrize("path", SOURCE, ids=lambda path: path.stem)
def test_no_amount_passes_through_floating_point(path):
    """Neither a division that makes a float, nor a float by name or as a literal, wherever amounts are handled."""
    for node in ast.walk(ast.parse(path.read_text())):
        divides = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        names = isinstance(node, ast.Name) and node.id in {"float", "FloatField"}
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_float = divides or names or literal
        assert not is_float, f"{path.name}:{node.lineno}"
