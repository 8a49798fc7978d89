"""Checks, measures, influence, ranks and predictions as JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from echelon.cli.extra import Extra
    from echelon.cli.json_extras import Json

    Maker: TypeAlias = Callable[[Any], Json]


def _rows(found: Any) -> list[Json]:
    """The rows of a result's table as objects, labels as plain values."""
    listed = cast("list[dict[str, Any]]", found.frame().to_dict("records"))
    return [{name: _plain(value) for name, value in row.items()} for row in listed]


def _plain(value: Any) -> Json:
    """A number of NumPy as one of Python."""
    return cast("Json", value.item() if hasattr(value, "item") else value)


def _check(extra: Extra) -> Json:
    found = extra.result
    return {
        "summary": found.summary,
        "problems": len(found.problems),
        "looks": len(found.looks),
        "findings": _rows(found),
    }


def _performance(extra: Extra) -> Json:
    return _rows(extra.result)[0]


def _decomposition(extra: Extra) -> Json:
    found = extra.result
    measures = [
        {"measure": measure, "of": of, "r2": float(value)}
        for (measure, of), value in found.measures().items()
    ]
    return {
        "levels": list(found.levels),
        "components": _rows(found),
        "measures": cast(Any, measures),
    }


def _levels(extra: Extra) -> Json:
    found = extra.result
    return {"size": found.size, "without_slopes": list(found.slopes), "levels": _rows(found)}


def _influence(extra: Extra) -> Json:
    """Rows in the order of the data; groups in that of the fit."""
    from echelon.diagnose.influence.frames import cutoffs

    found = extra.result
    groups = hasattr(found, "units")
    large = cutoffs(found)
    return {
        "typed": extra.typed,
        "of": found.units.name if groups else "rows",
        "method": found.method if groups else "held",
        "cutoffs": {f.name: float(getattr(large, f.name)) for f in fields(large)},
        "rows": _rows(found),
    }


def _ranks(extra: Extra) -> Json:
    """Groups in the order of their ranks."""
    found = extra.result
    return {
        "typed": extra.typed,
        "factor": found.factor,
        "term": found.term,
        "of": found.of,
        "best": found.best,
        "conf_level": found.level,
        "draws": found.n,
        "top": found.top_count,
        "rows": _rows(found),
    }


def _explain(extra: Extra) -> Json:
    found = extra.result
    return {
        "typed": extra.typed,
        "factor": found.factor,
        "group": _plain(found.label),
        "text": found.text,
        "conf_level": found.level,
        "coefficients": _rows(found),
    }


def _predictions(extra: Extra) -> Json:
    """All rows, in the order of the file."""
    found = extra.result
    columns = {name: values.tolist() for name, values in found.columns.items()}
    values = zip(*columns.values(), strict=True)
    return {
        "file": found.file,
        "interval": found.interval or None,
        "random": found.random or None,
        "rows": [dict(zip(columns, row, strict=True)) for row in values],
    }


AFTER: dict[str, Maker] = {
    "check": _check,
    "performance": _performance,
    "r2_decomposition": _decomposition,
    "r2_levels": _levels,
    "influence": _influence,
    "ranks": _ranks,
    "explain": _explain,
    "predictions": _predictions,
}
LISTS = ("influence", "ranks", "explain")
"""What may be asked for several times."""
