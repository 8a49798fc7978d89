from __future__ import annotations

import re

from echelon.show import Heading, Section, Table, to_latex


def _environments(text):
    stack = []
    for what, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if what == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack


def _columns(row):
    spans = re.findall(r"\\multicolumn\{(\d+)\}", row)
    return 1 + row.replace(r"\&", "").count("&") + sum(int(n) - 1 for n in spans)


def test_braces_dollars_and_environments_are_balanced(any_table):
    text = to_latex(any_table, label="tab:one")
    bare = re.sub(r"\\[{}$]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    _environments(text)
    assert r"\label{tab:one}" in text


def test_every_row_has_all_columns(any_table):
    lines = to_latex(any_table).splitlines()
    start = next(i for i, line in enumerate(lines) if line == r"\toprule")
    rows = [line for line in lines[start:] if line.endswith(r"\\")]
    stop = rows.index(r"\bottomrule") if r"\bottomrule" in rows else len(rows)
    notes = [n for n in any_table.notes if n]
    assert {_columns(row) for row in rows[: stop - len(notes)]} == {len(any_table.headings)}


def test_everything_is_escaped(hostile):
    text = "\n".join(to_latex(hostile).splitlines()[1:])  # the first line is a comment
    assert not re.search(r"(?<!\\)[%#]", text)
    assert not re.search(r"(?<!\\)_", text)
    assert r"\textless{}script\textgreater{}" in text
    assert r"\{x\} \textbackslash{}cmd \$y\$ \#1 \textasciitilde{}\textasciicircum{}" in text


def test_numbers_line_up_and_stars_hang(comparison):
    text = to_latex(comparison)
    assert r"50.621$^{***}$ & 50.900$^{***}$" in text
    assert r"11,091\phantom{.0$^{***}$}" in text
    assert r"\cmidrule(lr){2-2} \cmidrule(lr){3-3}" in text
    assert r"$-$0.123" in text
    assert r"21.3\%" in text


def test_long_tables_break_over_pages(schools):
    assert r"\begin{longtable}" in to_latex(schools)
    assert to_latex(schools).count(r"\multicolumn{3}{c}{Sample}") == 2


def test_a_row_that_begins_with_a_star_is_not_a_command():
    table = Table((Heading("", "text"),), (Section((("* ref",), ("[1]",))),), notes=("* p < .05",))
    text = to_latex(table)
    assert not re.search(r"\\\\\s*[*\[]", text)
