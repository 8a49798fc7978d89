"""Residual structures as text: what is understood, and the caret under what is not."""

from __future__ import annotations

import pytest

from echelon.errors import FormulaError, UnknownColumn
from echelon.formula import ResidualSpec, parse_residual

COLUMNS = ("score", "time", "id", "school", "sex", "my col")


def test_pieces():
    spec = parse_residual("ar1(time | school:id) + by(sex, `my col`)", COLUMNS)
    assert spec == ResidualSpec(
        "ar1(time | school:id) + by(sex, `my col`)",
        strata=("sex", "my col"),
        correlation="ar1",
        time="time",
        group=("school", "id"),
        span=(0, 21),
    )
    assert spec.short == "ar1(time | school:id)"
    assert spec.columns == ("sex", "my col", "time", "school", "id")
    assert parse_residual("by(sex:school)", COLUMNS).strata == ("sex", "school")
    assert parse_residual("ar1(1 | id)", COLUMNS).time == ""
    assert parse_residual("cs(1 | id)", COLUMNS).correlation == "cs"


@pytest.mark.parametrize(
    ("text", "said", "under"),
    [
        ("by()", "names no column", "by()"),
        ("sex", "is by(column)", "sex"),
        ("arma(time | id)", "Offered: by", "arma(time | id)"),
        ("ar(time | id)", "Did you mean 'ar1'?", "ar(time | id)"),
        ("by(sex) + by(id)", "there twice", "by(id)"),
        ("ar1(time | id) + cs(1 | id)", "One correlation", "cs(1 | id)"),
        ("ar1(time)", "right of a bar", "ar1(time)"),
        ("car1(1 | id)", "needs a column of times", "1"),
        ("cs(time | id)", "has no order", "time"),
        ("ar1(log(time) | id)", "make 'log(time)' in the table", "log(time)"),
        ("ar1(time | school/id)", "joined by ':'", "school/id"),
        ("by(sex + id)", "joined by ':'", "sex + id"),
        ("by(sex", "not closed", "("),
    ],
)
def test_carets(text, said, under):
    with pytest.raises(FormulaError) as error:
        parse_residual(text, COLUMNS)
    message, shown, caret = str(error.value).splitlines()
    assert said in message
    assert shown[4:] == text
    assert text[caret.index("^") - 4 : len(caret) - 4] == under


def test_unknown_column():
    with pytest.raises(UnknownColumn, match=r"No column .sxe..*Did you mean .sex."):
        parse_residual("by(sxe)", COLUMNS)
    with pytest.raises(UnknownColumn, match="Did you mean 'time'"):
        parse_residual("ar1(tme | id)", COLUMNS)


def test_empty():
    with pytest.raises(FormulaError, match="empty"):
        parse_residual("  ", COLUMNS)
