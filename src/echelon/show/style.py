"""The style sheet of HTML tables of class `ec-table`.

The class is named twice so that the rules outrank those of notebook programs, and colours are those
of the surrounding text, so that the table is readable on dark and on light pages.
"""

STYLE = """
table.ec-table.ec-table {
  border-collapse: collapse; border: 0; margin: 0.75em 0; width: auto; color: inherit;
  background: none; font: inherit; line-height: 1.35; table-layout: auto;
  font-variant-numeric: tabular-nums lining-nums; border-bottom: 1.5px solid currentColor;
}
table.ec-table.ec-table :is(th, td) {
  border: 0; padding: 0.22em 0.9em; background: none; color: inherit; font-weight: normal;
  text-align: left; vertical-align: baseline; white-space: normal; max-width: 32em;
  overflow-wrap: break-word;
}
table.ec-table.ec-table tr { background: none; border: 0; }
table.ec-table.ec-table caption {
  caption-side: top; text-align: left; color: inherit; padding: 0 0 0.5em; font-weight: 600;
  font-size: 1em;
}
table.ec-table.ec-table thead {
  border-top: 1.5px solid currentColor; border-bottom: 1px solid currentColor;
}
table.ec-table.ec-table thead th { vertical-align: bottom; font-weight: 600; }
table.ec-table.ec-table thead th.ec-span {
  text-align: center; padding-left: 0.45em; padding-right: 0.45em;
}
table.ec-table.ec-table thead th.ec-span span {
  display: block; padding-bottom: 0.15em; border-bottom: 1px solid currentColor;
}
table.ec-table.ec-table .ec-num { text-align: right; }
table.ec-table.ec-table td.ec-num, table.ec-table.ec-table .ec-short { white-space: nowrap; }
table.ec-table.ec-table thead th.ec-num { max-width: 9em; overflow-wrap: normal; }
table.ec-table.ec-table tbody.ec-ruled { border-top: 1px solid currentColor; }
table.ec-table.ec-table .ec-marked { padding-right: 1.9em; }
table.ec-table.ec-table .ec-mark { display: inline-block; width: 0; overflow: visible; }
table.ec-table.ec-table sup { font-size: 0.85em; line-height: 0; vertical-align: 0.25em; }
table.ec-table.ec-table .ec-section th { font-style: italic; padding-top: 0.55em; }
table.ec-table.ec-table tbody .ec-indent { padding-left: 2em; }
table.ec-table.ec-table tbody tr:first-child :is(th, td) { padding-top: 0.5em; }
table.ec-table.ec-table tbody:last-of-type tr:last-child :is(th, td) { padding-bottom: 0.5em; }
table.ec-table.ec-table tfoot { border-top: 1.5px solid currentColor; }
table.ec-table.ec-table:has(tfoot) { border-bottom: 0; }
table.ec-table.ec-table tfoot td {
  font-size: 0.86em; padding: 0.15em 0; opacity: 0.85; max-width: 0;
}
table.ec-table.ec-table tfoot tr:first-child td { padding-top: 0.5em; }
""".strip()
