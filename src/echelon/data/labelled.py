"""Columns of a labelled file: codes with texts, kept as numbers or turned into categories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from echelon.data.column import Column

Labels: TypeAlias = Literal["categories", "codes"]
_NOTES = "echelon"


def neutral_columns(
    table: Any,
    value_labels: Mapping[str, Mapping[Any, str]] | None = None,
    *,
    empty_is_missing: bool = False,
) -> dict[str, Any]:
    """The columns of a pandas table as arrays, lists and factors that any library can take.

    Parameters
    ----------
    table : a pandas DataFrame
    value_labels : the texts of the codes, by column; such a column becomes a factor if it can
    empty_is_missing : whether empty text is a missing value
    """
    texts = value_labels or {}
    made = {}
    for position, name in enumerate(table.columns):
        series = table.iloc[:, position]
        factor = _labelled_factor(str(name), series, texts[name]) if name in texts else None
        made[str(name)] = factor or _plain_column(str(name), series, empty_is_missing)
    return made


def attach_notes(
    table: Any,
    labels: dict[str, str],
    value_labels: dict[str, dict[Any, str]],
    about: str = "",
) -> object:
    """Leave labels and a sentence about the data with a table, where its library has a place."""
    if not labels and not value_labels and not about:
        return table
    if hasattr(table, "attrs"):
        table.attrs[_NOTES] = {
            "labels": labels,
            "value_labels": value_labels,
            "about": about,
        }
    elif hasattr(table, "replace_schema_metadata"):
        pairs = {name: list(codes.items()) for name, codes in value_labels.items()}
        packed = json.dumps({"labels": labels, "value_labels": pairs, "about": about})
        metadata = {**(table.schema.metadata or {}), _NOTES: packed}
        table = table.replace_schema_metadata(metadata)
    return table


def _labelled_factor(name: str, series: Any, texts: Mapping[Any, str]) -> Column | None:
    """The column as categories in the order of the codes, or None where it has to stay numbers.

    Every present value needs a label, and no two present codes may share one: "don't know"
    for both 8 and 9 would merge what the file keeps apart.
    """
    codes, present = series.factorize(sort=True)
    found = [texts.get(value) for value in present.tolist()]
    if not found or None in found or len(set(found)) < len(found):
        return None
    return Column(name, codes.astype(np.intp), tuple(str(text) for text in found))


def _plain_column(name: str, series: Any, empty_is_missing: bool) -> Any:
    """A column without labels: a factor, an array, or a list with None for missing."""
    kind = str(series.dtype)
    if kind == "category":
        codes = series.cat.codes.to_numpy().astype(np.intp)
        levels = tuple(series.cat.categories.tolist())
        return Column(name, codes, levels, bool(series.cat.ordered))
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufM":
        return series.to_numpy()
    absent = series.isna()
    if empty_is_missing:
        absent |= series == ""
    return series.astype(object).where(~absent, None).tolist()
