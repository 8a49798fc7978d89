from __future__ import annotations

from echelon.show import Entry, Heading, Section, Table, to_text
from echelon.show.metrics import monospace


def test_numbers_line_up_on_the_decimal_point(coefficients):
    lines = [line for line in to_text(coefficients).splitlines() if line.startswith("  ")]
    points = {line.index(".") for line in lines if "e-0" not in line}
    assert len(points) == 1


def test_standard_errors_stand_below_their_estimates(comparison):
    lines = to_text(comparison).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("(Intercept)"))
    assert lines[at].index("50.621") == lines[at + 1].index("0.123") - 1
    assert "(0.123)" in lines[at + 1]


def test_no_line_is_wider_than_asked(any_table):
    for width in (40, 60, 80, 120):
        text = to_text(any_table, width=width)
        assert max(monospace(line) for line in text.splitlines()) <= width


def test_columns_that_do_not_fit_continue_below(schools):
    text = to_text(schools, width=60)
    assert text.count("School 1013") >= 2
    assert text.count("97.5%") == 1
    assert text.count("Forty-five schools") == text.count(schools.notes[0]) == 1
    for row in schools.sections[0].rows:
        assert f"{row[4]:.3f}" in text


def test_no_line_ends_in_spaces(any_table):
    assert all(line == line.rstrip() for line in to_text(any_table).splitlines())


def test_color_only_adds_codes(coefficients):
    colored = to_text(coefficients, color=True)
    assert "\x1b[" in colored
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m"):
        colored = colored.replace(code, "")
    assert colored == to_text(coefficients)


def test_repr_and_str_are_the_text(coefficients):
    assert repr(coefficients) == str(coefficients) == coefficients.to_text()


def test_tables_with_nothing_in_them():
    assert to_text(Table((), ())) == "\n"
    assert "A" in to_text(Table((Heading("A"),), ()))
    assert "only text" in to_text(Table((Heading(""),), (Section((("only text",),)),)))


def test_what_is_below_keeps_its_own_brackets():
    interval = Entry(1.5, below=Entry("[1.0, 2.0]"))
    missing = Entry(1.5, below=Entry(None))
    text = to_text(Table((Heading("A"),), (Section(((interval,), (missing,))),)))
    assert "[1.0, 2.0]" in text
    assert "(" not in text
