"""Influence as tables: the most influential rows or groups first, with what counts as large."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from echelon.diagnose.influence import GroupInfluence, RowInfluence
from echelon.diagnose.influence.frames import cutoffs, flipped, group_columns, row_labels
from echelon.errors import DataError
from echelon.model.fit import OlsFit
from echelon.show.cells import Row, label_cell
from echelon.show.table import Heading, Section, Table

Array = NDArray[np.float64]

_WIDE = 66  # characters of the names of coefficients whose DFBETAS the table shows
_HOW = {
    "exact": "Estimates without each {unit} are exact refits.",
    "one-step": "Estimates without each {unit} are one Newton step from those of all; "
    "refit=True refits exactly.",
    "held": "Variance parameters are held at their estimates; refit=True estimates them again.",
}


def row_influence_table(found: RowInfluence, *, top: int | None = 10, digits: int = 3) -> Table:
    """The rows with the largest Cook's distances.

    Parameters
    ----------
    top : how many; None for all
    digits : decimals

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    >>> row_influence_table(fit.influence(), top=1).to_text().splitlines()[7].split()[:4]
    ['59', '332', '0.293', '-4.570']
    """
    linear = isinstance(found.fit, OlsFit)
    order = largest(found.cooks if found.fit.names else np.abs(found.std_residual))
    groups, labels = group_columns(found.fit), row_labels(found)
    heads = [Heading("Row", "text"), *(Heading(name, "text") for name in groups)]
    names = ["Leverage", "Std. residual", "Cook's D", "DFFITS" if linear else "Cond. D", "COVRATIO"]
    values = [found.leverage, found.std_residual, found.cooks]
    values += [found.dffits if linear else found.cooks_conditional, found.covratio]
    heads += [Heading(name, digits=digits) for name in names]
    terms = shown_terms(found.fit.names)
    heads += [Heading(name, digits=digits, group="DFBETAS") for name in terms]
    rows = [
        (
            label_cell(labels[i]),
            *(label_cell(column[i]) for column in groups.values()),
            *(_number(column[i]) for column in values),
            *(_number(found.dfbetas[i, k]) for k in range(len(terms))),
        )
        for i in order[: _shown(top)].tolist()
    ]
    title = f"Influence of rows on {_formula(found)}"
    return Table(tuple(heads), (Section(tuple(rows)),), title, _row_notes(found, len(rows)))


def group_influence_table(found: GroupInfluence, *, top: int | None = 10, digits: int = 3) -> Table:
    """The groups with the largest Cook's distances.

    Parameters
    ----------
    top : how many; None for all
    digits : decimals

    Examples
    --------
    >>> import echelon as ec
    >>> sleep = ec.datasets.load("sleepstudy", quiet=True)
    >>> fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    >>> group_influence_table(fit.influence("Subject"), top=1).to_text().splitlines()[6].split()[:4]
    ['335', '10', '0.526', '1.015']
    """
    order = largest(found.cooks if found.fit.names else found.displacement)
    terms, components = shown_terms(found.fit.names), found.component_names
    displaced = bool(np.isfinite(found.displacement).any())
    names = ["Cook's D", "COVRATIO", *(["Displacement"] if displaced else [])]
    values = [found.cooks, found.covratio, *([found.displacement] if displaced else [])]
    heads = [Heading(found.units.name, "text"), Heading("n", "integer")]
    heads += [Heading(name, digits=digits) for name in names]
    heads += [Heading(name, digits=digits, group="DFBETAS") for name in terms]
    change, of = found.relative_change, _variances(found)
    heads += [Heading(components[m], "percent", 1, "Change of variances") for m in of]
    says = flipped(found)
    flips = any(says)
    heads += [Heading("Flips", "text")] if flips else []
    rows: list[Row] = [
        (
            label_cell(found.units.labels[i]),
            int(found.size[i]),
            *(_number(column[i]) for column in values),
            *(_number(found.dfbetas[i, k]) for k in range(len(terms))),
            *(_number(change[i, m]) for m in of),
            *((says[i],) if flips else ()),
        )
        for i in order[: _shown(top)].tolist()
    ]
    title = f"Influence of {found.units.name} on {_formula(found)}"
    return Table(tuple(heads), (Section(tuple(rows)),), title, _group_notes(found, len(rows)))


def shown_terms(names: tuple[str, ...]) -> tuple[str, ...]:
    """The first coefficients, as many as have room; the frame has all of them.

    >>> shown_terms(("(Intercept)", "Days"))
    ('(Intercept)', 'Days')
    """
    wide = np.cumsum([max(len(name), 6) + 2 for name in names])
    return names[: max(int(np.count_nonzero(wide <= _WIDE)), 1)]


def largest(values: Array) -> NDArray[np.intp]:
    """Places from the largest value to the smallest; what is not known comes first."""
    return np.argsort(np.where(np.isnan(values), -np.inf, -values), kind="stable")


def _shown(top: int | None) -> int | None:
    whole = isinstance(top, int | np.integer) and not isinstance(top, bool)
    if top is not None and not (whole and top >= 1):
        raise DataError(f"top={top!r}: a whole number of at least 1, or None for all.")
    return top


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _formula(found: RowInfluence | GroupInfluence) -> str:
    return " ".join(found.fit.spec.formula.split())


def _variances(found: GroupInfluence) -> list[int]:
    """Places of the variances (not covariances) among the components; none where they are held."""
    if found.method == "held":
        return []
    return [i for i, name in enumerate(found.component_names) if not name.startswith("cov_")]


def _counted(found: RowInfluence | GroupInfluence, unit: str) -> list[str]:
    """Cut-offs, and how many are beyond."""
    known = cutoffs(found)
    if not found.fit.names:
        return ["The model has no fixed effects: there is no Cook's distance and no DFBETAS."]
    cooks = int(np.count_nonzero(found.cooks > known.cooks))
    far = np.abs(found.dfbetas) > known.dfbetas
    some = int(np.count_nonzero(far.any(axis=1)))
    of = f"{len(found.cooks):,} {unit}"
    return [
        f"Look at Cook's D above 4/N = {known.cooks:.3g} ({cooks:,} of {of}) and DFBETAS beyond "
        f"±2/√N = {known.dfbetas:.3g} ({some:,}); N counts {unit}.",
        "DFBETAS: estimate of all minus that without, over its standard error without.",
    ]


def _row_notes(found: RowInfluence, shown: int) -> tuple[str, ...]:
    notes = _counted(found, "rows")
    if isinstance(found.fit, OlsFit):
        notes.append("Exact, as R's influence.measures.")
    else:
        notes.append(
            "Deletion of a row with the variance parameters held, exactly; Cond. D is lme4's "
            "cooks.distance, of the fitted values with random effects."
        )
    alone = int(np.isnan(found.covratio).sum())
    if alone:
        notes.append(f"{alone:,} rows determine a coefficient by themselves: no estimate without.")
    return (*notes, *_rest(found.n, shown, "rows"), *_hidden(found))


def _group_notes(found: GroupInfluence, shown: int) -> tuple[str, ...]:
    name = found.units.name
    notes = _counted(found, "rows" if name == "row" else "groups")
    notes.append(_HOW[found.method].format(unit="row" if name == "row" else "group"))
    if found.flips.any():
        notes.append("Flips: coefficients significant at 5% with all rows and not without, or v.v.")
    if found.boundary.any():
        count = int(found.boundary.sum())
        notes.append(f"Without {count:,} of them a variance is estimated as zero.")
    for label, reason in zip(found.units.labels, found.reason, strict=True):
        if reason:
            notes.append(f"{name} {label_cell(label)}: {reason}.".replace("..", "."))
    return (*notes[:12], *_rest(found.R, shown, "groups"), *_hidden(found))


def _rest(count: int, shown: int, unit: str) -> tuple[str, ...]:
    if shown >= count:
        return ()
    return (f"{shown:,} of {count:,} {unit} shown; .frame() has all, .table(top=...) more.",)


def _hidden(found: RowInfluence | GroupInfluence) -> tuple[str, ...]:
    more = found.fit.names[len(shown_terms(found.fit.names)) :]
    return (f"DFBETAS of {', '.join(more)} are in .frame().",) if more else ()
