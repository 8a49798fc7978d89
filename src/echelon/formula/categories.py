"""Categories in a formula: factors, their levels, and the contrasts asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from echelon.errors import DataError, FormulaError, nearest_hint
from echelon.formula.contrasts import contrast_written, literal, option
from echelon.formula.functions import options_of
from echelon.formula.tree import Node, deparse
from echelon.formula.values import (
    ColumnLike,
    Contrast,
    Factor,
    Numbers,
    Scene,
    level_text,
    recode,
)

_Levels = tuple[tuple[object, ...], bool]  # the levels and whether they are ordered


def levels_of(column: ColumnLike, scene: Scene) -> Factor:
    """A column as a factor, coded by the levels of the fit."""
    if not scene.learning and column.name not in scene.state:
        raise DataError(f"{column.name!r} held numbers in the fit and holds categories now.")
    return _as_learned(column.name, _factor(column), scene)


def _factor(column: ColumnLike) -> Factor:
    if column.levels is None:
        return _from_numbers(column.values.astype(np.float64))
    return Factor(column.values.astype(np.intp, copy=False), column.levels, column.ordered)


def _from_numbers(x: Numbers) -> Factor:
    """A number for each category, in increasing order."""
    levels, codes = np.unique(x, return_inverse=True)
    return Factor(codes.astype(np.intp, copy=False), tuple(levels.tolist()))


def _as_learned(key: str, found: Factor, scene: Scene) -> Factor:
    """`found` with the levels it had in the fit; DataError for a level the fit has not seen."""
    learned: _Levels = scene.recall(key, lambda: (found.levels, found.ordered))
    known, ordered = learned
    if known == found.levels:
        return found
    used = np.unique(found.codes)  # levels without rows need not be known
    places = np.zeros(len(found.levels), dtype=np.intp)
    places[used] = recode(key, tuple(found.levels[i] for i in used), known)
    return Factor(places[found.codes], known, ordered, found.contrast)


def factor(call: Node, value: Numbers | Factor, scene: Scene) -> Factor:
    """`factor(x)`, `ordered(x)`: numbers become categories; `levels=` sets their order."""
    made = value if isinstance(value, Factor) else _from_numbers(value)
    levels = option(call, "levels", None)
    if levels is not None and scene.learning:
        made = _reordered(call, made, levels)
    ordered = option(call, "ordered", made.ordered or call.value.endswith("ordered"))
    return _as_learned(deparse(call), replace(made, ordered=bool(ordered)), scene)


def _reordered(call: Node, made: Factor, levels: object) -> Factor:
    """The same categories in the order written."""
    wanted = [level_text(level) for level in (levels if isinstance(levels, tuple) else (levels,))]
    texts = [level_text(level) for level in made.levels]
    missing = [text for text in texts if text not in wanted]
    extra = [text for text in wanted if text not in texts]
    if missing or extra or len(set(wanted)) < len(wanted):
        problem = f"leave out {missing[0]!r}" if missing else "hold what is no category, or twice"
        shown = ", ".join(texts[:12])
        raise DataError(f"The levels in {deparse(call)} {problem}. Categories: {shown}.")
    places = np.array([wanted.index(text) for text in texts], dtype=np.intp)
    return replace(
        made,
        codes=places[made.codes],
        levels=tuple(made.levels[texts.index(text)] for text in wanted),
    )


def coded(call: Node, value: Numbers | Factor, scene: Scene) -> Factor:
    """`C(x)`, `C(x, Sum)`, `C(x, contr.treatment(base=2))`: a factor with its contrast."""
    made = factor(call, value, scene)
    options = options_of(call)
    asked = options.get("contrasts")
    contrast = made.contrast if asked is None else contrast_written(asked)
    if "base" in options:
        base = literal(options["base"])
        if contrast is None or contrast.kind != "treatment" or contrast.base is not None:
            text = deparse(call)
            message = "base= goes with contr.treatment alone, once."
            raise FormulaError(message, text, (0, len(text)))
        contrast = Contrast("treatment", base, isinstance(base, int))
    return replace(made, contrast=contrast)


def relevel(call: Node, value: Numbers | Factor, scene: Scene) -> Factor:
    """`relevel(x, ref="b")`: the level `ref` first, the others in their order."""
    made = value if isinstance(value, Factor) else _from_numbers(value)
    if made.ordered:
        raise DataError(f"{deparse(call)}: an ordered factor has no base level to choose.")
    if not scene.learning:
        return _as_learned(deparse(call), made, scene)
    ref = option(call, "ref", None)
    texts = [level_text(level) for level in made.levels]
    wanted = level_text(ref)
    if wanted not in texts:
        hint = nearest_hint(wanted, texts, "Categories")
        raise DataError(f"{deparse(call)}: there is no category {wanted!r}.{hint}")
    order = [texts.index(wanted), *(i for i, text in enumerate(texts) if text != wanted)]
    levels = tuple(made.levels[i] for i in order)
    moved = replace(made, codes=np.argsort(order)[made.codes], levels=levels)
    return _as_learned(deparse(call), moved, scene)


def compare_level(value: object, comparison: Node, text: str) -> Factor:
    """`x == "level"` and `x != "level"`."""
    shown = deparse(comparison)
    if not isinstance(value, Factor):
        raise DataError(f"{shown} compares numbers with a text.")
    texts = [level_text(level) for level in value.levels]
    if comparison.value not in ("==", "!="):
        raise DataError(f"{shown}: categories are compared with == or !=.")
    if text not in texts:
        hint = nearest_hint(text, texts, "Categories")
        raise DataError(f"{shown}: there is no category {text!r}.{hint}")
    same = value.codes == texts.index(text)
    truth = same if comparison.value == "==" else ~same
    return Factor(truth.astype(np.intp), (False, True))


CATEGORIES: dict[str, Callable[[Node, Numbers | Factor, Scene], Factor]] = {
    "factor": factor,
    "as.factor": factor,
    "ordered": factor,
    "as.ordered": factor,
    "C": coded,
    "relevel": relevel,
}
