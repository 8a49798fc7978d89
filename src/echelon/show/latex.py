r"""Tables for LaTeX with booktabs; long ones with longtable."""

from __future__ import annotations

from collections.abc import Iterator

from echelon.show.grid import Block, Grid, GridCell, make_grid
from echelon.show.table import Table

_LONG = 40  # lines of a table that no longer fits on one page
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    '"': "{''}", "−": "$-$", "×": r"$\times$", "±": r"$\pm$", "≤": r"$\leq$",
    "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$", "√": r"$\surd$", "∞": r"$\infty$",
    "→": r"$\rightarrow$", "²": "$^{2}$", "³": "$^{3}$", "χ": r"$\chi$", "–": "--", "—": "---",
    "\N{NO-BREAK SPACE}": "~",
}  # fmt: skip
_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "θ": "theta",
    "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Λ": "Lambda", "Σ": "Sigma",
    "Ω": "Omega",
}  # fmt: skip
_TABLE = str.maketrans(_ESCAPES | {sign: rf"$\{name}$" for sign, name in _GREEK.items()})


def to_latex(table: Table, *, label: str | None = None) -> str:
    r"""Return a table as LaTeX; needs `\usepackage{booktabs}` (long tables: and `longtable`).

    Parameters
    ----------
    table : the table; everything in it is escaped
    label : the name for `\ref`

    Examples
    --------
    >>> from echelon.show import Heading, Section, Table
    >>> r"50\% of A\_B" in to_latex(Table((Heading("", "text"),), (Section((("50% of A_B",),)),)))
    True
    """
    grid = make_grid(table, "latex")
    lines = sum(1 + any(c.below for c in row) for b in grid.blocks for row in b.rows)
    caption = rf"\caption{{{escape_latex(grid.title)}}}" if grid.title else ""
    caption += rf"\label{{{label}}}" if label else ""
    body = [line for k in range(len(grid.blocks)) for line in _block(grid, k)]
    columns = "".join("r" if n else "l" for n in grid.numeric)
    make = _long if lines > _LONG else _short
    return "\n".join(make(grid, caption, columns, body))


def escape_latex(text: str) -> str:
    r"""Return words with every character that LaTeX reads as a command written out.

    >>> escape_latex("a_1 & 5%"), escape_latex("σ²")
    ('a\\_1 \\& 5\\%', '$\\sigma$$^{2}$')
    """
    escaped = text.translate(_TABLE)
    # After the end of a row, these would be read as belonging to it.
    return f"{{{escaped[0]}}}{escaped[1:]}" if escaped[:1] in ("[", "*") else escaped


def _short(grid: Grid, caption: str, columns: str, body: list[str]) -> list[str]:
    notes = [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\footnotesize",
        *_notes(grid),
        r"\end{minipage}",
    ]
    return [
        r"% \usepackage{booktabs}",
        r"\begin{table}[htbp]",
        r"\centering",
        *([caption] if caption else []),
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *_head(grid),
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        *(notes if grid.notes else []),
        r"\end{table}",
    ]


def _long(grid: Grid, caption: str, columns: str, body: list[str]) -> list[str]:
    notes = [r"{\footnotesize\noindent", *_notes(grid), r"\par}"]
    head = list(_head(grid))
    return [
        r"% \usepackage{booktabs,longtable}",
        rf"\begin{{longtable}}{{{columns}}}",
        *([caption + r"\\"] if caption else []),
        r"\toprule",
        *head,
        r"\endfirsthead",
        r"\toprule",
        *head,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *body,
        r"\end{longtable}",
        *(notes if grid.notes else []),
    ]


def _notes(grid: Grid) -> list[str]:
    return [escape_latex(n) + (r" \\" if n is not grid.notes[-1] else "") for n in grid.notes]


def _head(grid: Grid) -> Iterator[str]:
    if grid.spans:
        cells = (
            rf"\multicolumn{{{s.stop - s.start}}}{{c}}{{{escape_latex(s.text)}}}"
            if s.text
            else "&".join(" " for _ in range(s.start, s.stop)).strip()
            for s in grid.spans
        )
        yield " & ".join(cells) + r" \\"
        yield " ".join(rf"\cmidrule(lr){{{s.start + 1}-{s.stop}}}" for s in grid.spans if s.text)
    if any(grid.heads):
        yield (
            " & ".join(
                rf"\multicolumn{{1}}{{c}}{{{escape_latex(h)}}}" if n and h else escape_latex(h)
                for h, n in zip(grid.heads, grid.numeric, strict=True)
            )
            + r" \\"
        )
    if grid.spans or any(grid.heads):
        yield r"\midrule"


def _block(grid: Grid, k: int) -> Iterator[str]:
    block = grid.blocks[k]
    tails = [_tail(grid, block, j) for j in range(len(grid.heads))]
    if k and block.rows and not block.title:
        yield r"\midrule"
    if block.title:
        title = rf"\textit{{{escape_latex(block.title)}}}"
        yield rf"\multicolumn{{{len(grid.heads)}}}{{l}}{{{title}}} \\"
    for row in block.rows:
        for level in range(max(len(cell.lines) for cell in row)):
            cells = [
                _cell(cell, level, tail if numeric else None)
                for cell, tail, numeric in zip(row, tails, grid.numeric, strict=True)
            ]
            indent = r"\quad " if block.title and cells[0] else ""
            yield indent + " & ".join(cells) + r" \\"


def _tail(grid: Grid, block: Block, j: int) -> tuple[int, int]:
    """Longest decimals in a section, longest mark in the column, in characters."""
    inside = [line for row in block.rows for line in row[j].lines]
    column = [line for b in grid.blocks for row in b.rows for line in row[j].lines]
    tail = max((len(line.tail) for line in inside if line.aligned), default=0)
    return tail, max((len(line.mark) for line in column), default=0)


def _cell(cell: GridCell, level: int, tail: tuple[int, int] | None) -> str:
    if level >= len(cell.lines):
        return ""
    line = cell.lines[level]
    stars = line.mark.count("*")
    plain = escape_latex(line.mark.replace("*", ""))
    mark = plain + (f"$^{{{'*' * stars}}}$" if stars else "")
    text = (line.head + line.tail if line.typeset else escape_latex(line.head)) + mark
    if tail is None or not text:
        return text
    missing = ("." if not line.tail else "") + "0" * tail[0]
    missing = missing[: tail[0] - len(line.tail)] if line.aligned else ""
    hanging = tail[1] - len(line.mark)
    filler = missing + (f"$^{{{'*' * hanging}}}$" if hanging > 0 else "")
    return text + (rf"\phantom{{{filler}}}" if filler else "")
