"""What must not change in the numbers that follow a fit, and their definitions by brute force.

Every number of prediction, residuals, influence and fit measures is compared between two ways of
writing one table; ranks, comparison intervals, conditional AIC and deletions with what they are by
definition, over models of several factors and of residual structures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from law_tables import two_level
from numpy.testing import assert_allclose
from scipy.special import ndtr
from several_tables import several
from test_law_prediction import joint
from test_law_residual import panel

import echelon as ec
from dense_prediction import dense_of
from tolerances import CLOSED, OPTIMUM

CASES = {
    "slopes": ("y ~ x + z + (x | g)", {}),
    "crossed": ("y ~ x + (x | g) + (1 | h)", {"precision": "weight"}),
    "nested": ("y ~ x + z + (1 | g / h)", {"reml": False}),
    "offset": ("y ~ 0 + f + x + offset(w) + (1 | g)", {}),
    "dropped": ("y ~ x + twice + z + (1 | g)", {}),
    "structure": ("y ~ x + sex + (1 | school)", {"residual": "by(sex) + ar1(t | id)"}),
    "strata": ("y ~ x + (0 + x | id)", {"residual": "by(part)", "precision": "w"}),
}
LOCATION = ("estimate", "low", "high", "fitted", "fixed")
SCALE = (*LOCATION, "std_error", "residual", "marginal", "pearson")


def table(name: str) -> pd.DataFrame:
    """A small table; the last rows have missing values."""
    if "residual" in CASES[name][1]:
        return panel(7, J=12, m=5)
    data = several(3, rows=70)
    data["f"], data["twice"] = np.where(data["w"] > 0.3, "u", "v"), 2 * data["x"]
    data.loc[65, "x"] = data.loc[67, "y"] = np.nan
    return data


def new_rows(data: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows to predict for, two of groups that are not known."""
    rows = data.dropna().iloc[:9].copy()
    factor = "school" if name == "structure" else "id" if name == "strata" else "g"
    rows[factor] = rows[factor].astype(object)
    rows.iloc[7:, rows.columns.get_loc(factor)] = 9999 if name in ("structure", "strata") else "n"
    return rows


def fitted(name: str, data: object) -> ec.LMM:
    formula, options = CASES[name]
    return ec.lmer(formula, data, **options)


def numbers(fit: ec.LMM, new: object) -> dict[str, np.ndarray]:
    """What follows the fit; over the rows used those that start with "row"."""
    ask = dict(new_groups="population", variance_parameters=True)
    found = fit.predict(new, interval="prediction", **ask)
    inside = fit.predict(new, random="none", interval="confidence")
    rows, measures = fit.influence(), fit.performance()
    out = {
        "estimate": found["estimate"],
        "std_error": found["std_error"],
        "df": found["df"],
        "low": found["pred_low"],
        "high": inside["conf_high"],
        "fixed": inside["estimate"],
        "row fitted": fit.fittedvalues,
        "row leverage": rows.leverage,
        "row cooks": rows.cooks,
        "row covratio": rows.covratio,
        "row mdffits": rows.mdffits,
        "row std_residuals": rows.std_residual,
    }
    for kind in ("conditional", "marginal", "pearson", "scaled", "standardized", "normalized"):
        out[f"row {'residual' if kind == 'conditional' else kind}"] = fit.residuals(kind)
    shares = (measures.r2_marginal, measures.r2_conditional, measures.icc, measures.conditional_df)
    out["shares"] = np.array([*shares, measures.design_effect, *fit.design_effect().deff])
    held = fit.influence(fit.factors[-1], refit=False)
    out["groups"] = np.sort(held.cooks)
    return {key: np.asarray(value, dtype=float) for key, value in out.items()}


def unscaled(found: dict[str, np.ndarray], unit: float, shift: float) -> dict[str, np.ndarray]:
    """Numbers of unit y + shift in units of y."""
    made = {}
    for key, value in found.items():
        name = key.removeprefix("row ")
        moved = value - (shift if name in LOCATION else 0.0)
        made[key] = moved / (unit if name in SCALE else 1.0)
    return made


def same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], sigma: float) -> None:
    """In residual SDs; as two searches end, each of its own problem."""
    near = OPTIMUM["estimate"]
    for key, value in theirs.items():
        size = sigma if key.removeprefix("row ") in SCALE else 1.0
        assert_allclose(ours[key] / size, value / size, rtol=near, atol=near, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_another_way_of_writing_the_table(name: str) -> None:
    """Units of y, its origin, units of x, order of rows, names of groups."""
    data = table(name)
    fit, new = fitted(name, data), new_rows(data, name)
    theirs, sigma = numbers(fit, new), fit.sigma
    shift = 0.0 if name == "offset" else 400.0
    changes = {"y": 1e-3 * data["y"] + shift, "w": data["w"] * (1e-3 if name == "offset" else 1)}
    new_w = new.assign(w=new["w"] * (1e-3 if name == "offset" else 1))
    found = numbers(fitted(name, data.assign(**changes)), new_w)
    same(unscaled(found, 1e-3, shift), theirs, sigma)

    def moved(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(x=40 * rows["x"], twice=80 * rows["x"])

    same(numbers(fitted(name, moved(data)), moved(new)), theirs, sigma)
    order = np.random.default_rng(1).permutation(len(data))
    shuffled = fitted(name, data.iloc[order].reset_index(drop=True))
    found = numbers(shuffled, new)
    used = np.asarray(fit.predict()["estimate"].notna())
    number = np.cumsum(used) - 1
    place = np.argsort(number[order[used[order]]])
    same({k: v[place] if k.startswith("row") else v for k, v in found.items()}, theirs, sigma)
    factor = next(factor for factor in fit.factors if ":" not in factor)
    renamed = {label: f"z{i}" for i, label in enumerate(sorted(set(data[factor]))[::-1])}

    def named(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(**{factor: [renamed.get(label, "other") for label in rows[factor]]})

    same(numbers(fitted(name, named(data)), named(new)), theirs, sigma)


@pytest.mark.parametrize("name", CASES)
def test_rows_are_predicted_one_by_one(name: str) -> None:
    """A table split in two, turned round, or with its rows twice."""
    data = table(name)
    fit, new = fitted(name, data), new_rows(data, name)
    ask = dict(new_groups="population", interval="prediction")
    whole = fit.predict(new, **ask)
    parts = pd.concat([fit.predict(new.iloc[:4], **ask), fit.predict(new.iloc[4:], **ask)])
    assert_allclose(parts, whole, **CLOSED)
    assert_allclose(fit.predict(new.iloc[::-1], **ask), whole.iloc[::-1], **CLOSED)
    twice = fit.predict(pd.concat([new, new], ignore_index=True), **ask)
    assert_allclose(twice.iloc[len(new) :], whole, **CLOSED)


LIBRARIES: dict[str, Callable[[pd.DataFrame], object]] = {
    "polars": pl.from_pandas,
    "pyarrow": lambda rows: pa.Table.from_pandas(rows, preserve_index=False),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["crossed", "nested", "structure"])
def test_the_same_tables_in_every_library(name: str, library: str) -> None:
    data, convert = table(name), LIBRARIES[library]
    new = new_rows(data, name)
    if name == "structure":
        new["school"] = new["school"].astype(int)
    theirs = tables(fitted(name, data), data, new)
    ours = tables(fitted(name, convert(data)), convert(data), convert(new))
    for key, frame in theirs.items():
        found = ours[key]
        assert type(found).__module__.split(".")[0] == library
        columns = found.to_dict(as_series=False) if library == "polars" else found.to_pydict()
        assert list(columns) == list(frame.columns), key
        for column, values in columns.items():
            if pd.api.types.is_numeric_dtype(frame[column]):
                numeric = np.array([np.nan if v is None else v for v in values], dtype=float)
                assert_allclose(numeric, frame[column], rtol=1e-9, err_msg=f"{key} {column}")
            else:
                kept = [None if pd.isna(v) else v for v in frame[column]]
                assert values == kept, (key, column)


def tables(fit: ec.LMM, data: object, new: object) -> dict[str, object]:
    ask = dict(new_groups="population", interval="prediction")
    factor = fit.factors[0]
    return {
        "predict": fit.predict(new, **ask),
        "augment": fit.augment(data),
        "residual file": fit.residual_file(factor, names="hlm"),
        "ranks": fit.ranks(factor, n=200).frame(),
        "rows": fit.influence().frame(),
        "groups": fit.influence(factor, refit=False).frame(),
        "design effect": fit.design_effect().frame(),
        "performance": fit.performance().frame(),
        "simulate": fit.simulate(2, rng=1),
    }


@pytest.mark.parametrize("name", ["slopes", "crossed", "structure"])
def test_a_fit_is_not_changed_by_what_follows(name: str) -> None:
    """Every array that hangs on the fit, by value."""
    data = table(name)
    fit = fitted(name, data)
    before = {path: array.copy() for path, array in arrays(fit).items()}
    tables(fit, data, new_rows(data, name))
    fit.conditional_aic(), fit.comparison_intervals(fit.factors[0]), fit.check()
    fit.influence(fit.factors[-1], refit=True), fit.refit(fit.simulate(2, rng=3))
    after = arrays(fit)
    assert len(before) > 20
    for path, array in before.items():
        assert np.array_equal(array, after[path], equal_nan=array.dtype.kind == "f"), path


def arrays(value: object, path: str = "", seen: set[int] | None = None) -> dict[str, np.ndarray]:
    """All arrays inside a value, through slots, tuples and dicts."""
    seen = set() if seen is None else seen
    if isinstance(value, np.ndarray):
        return {path: value}
    if id(value) in seen or isinstance(value, str | int | float | type(None)):
        return {}
    seen.add(id(value))
    if isinstance(value, tuple | list):
        inside = {str(i): v for i, v in enumerate(value)}
    elif isinstance(value, dict):
        inside = {str(k): v for k, v in value.items()}
    else:
        names = [n for kind in type(value).__mro__ for n in getattr(kind, "__slots__", ())]
        inside = {name: getattr(value, name, None) for name in names}
    found: dict[str, np.ndarray] = {}
    for name, each in inside.items():
        found |= arrays(each, f"{path}.{name}", seen)
    return found


# --- definitions by brute force -------------------------------------------------------------


def errors_of(fit: ec.LMM, place: int) -> np.ndarray:
    """Covariance of u_hat - u of a factor's intercepts, with dense matrices."""
    design, ratio = fit.built.design, np.ones(fit.n)
    if design.precision is not None:
        ratio = 1 / design.precision
    dense = dense_of(fit, np.diag(ratio))
    sizes = [len(g.levels) * len(g.effects) for g in fit.moments.groups]
    start = dense.X.shape[1] + sum(sizes[:place])
    at = start + np.arange(sizes[place])[:: len(fit.moments.groups[place].effects)]
    return joint(dense)[np.ix_(at, at)]


@pytest.mark.parametrize(("name", "place"), [("slopes", 0), ("crossed", 1), ("nested", 0)])
def test_the_mean_level_over_all_pairs(name: str, place: int) -> None:
    """Intervals that fail to overlap, pair by pair, with the whole covariance of the errors."""
    fit = fitted(name, table(name))
    found, C = fit.comparison_intervals(fit.factors[place]), errors_of(fit, place)
    j, k = np.triu_indices(len(C), 1)
    apart = np.sqrt(C[j, j] + C[k, k] - 2 * C[j, k])
    reach = found.width * (found.comparative_se[j] + found.comparative_se[k])
    levels = 2 * ndtr(-reach / apart)
    assert levels.mean() == pytest.approx(0.05, rel=CLOSED["rtol"])
    assert found.pair_levels == pytest.approx((levels.min(), levels.max()), rel=CLOSED["rtol"])
    pairs = np.zeros((len(j), len(C)))
    pairs[np.arange(len(j)), j] = pairs[np.arange(len(j)), k] = 1
    quasi = np.linalg.lstsq(pairs, apart**2, rcond=None)[0]
    assert_allclose(found.comparative_se**2, quasi, **CLOSED)


@pytest.mark.parametrize(("name", "place"), [("slopes", 0), ("crossed", 1), ("nested", 0)])
def test_ranks_by_drawing_from_the_dense_law(name: str, place: int) -> None:
    fit, n = fitted(name, table(name)), 20_000
    found = fit.ranks(fit.factors[place], n=n, rng=5, top=0.3)
    values, vectors = np.linalg.eigh(errors_of(fit, place))
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn = np.random.default_rng(6).standard_normal((n, len(root))) @ root.T + found.estimate
    rank = (-drawn).argsort(axis=1).argsort(axis=1) + 1
    error = np.sqrt(2 / n)  # of the difference of two simulations
    assert np.abs(found.mean_rank - rank.mean(axis=0)).max() < 5 * error * rank.std(axis=0).max()
    pairs = [
        (found.p_top, rank <= found.top_count),
        (found.p_bottom, rank > len(root) - found.top_count),
        (found.p_above, drawn > drawn.mean(axis=1, keepdims=True)),
    ]
    for ours, counted in pairs:
        assert np.abs(ours - counted.mean(axis=0)).max() < 5 * error * 0.5


@pytest.mark.slow  # the same at one model each: test_conditional_aic.py
def test_the_degrees_of_freedom_are_what_fitted_values_answer_to() -> None:
    """rho plus correction: the sum of d fitted_i / d y_i with the variances estimated again."""
    data = several(8, rows=24)
    fit = ec.lmer("y ~ x + (1 | g / h)", data, precision="weight", reml=False)
    step = 2e-3 * fit.sigma
    moved = np.tile(data["y"].to_numpy()[:, None], (1, 2 * len(data)))
    rows = np.arange(len(data))
    moved[rows, rows] += step
    moved[rows, len(data) + rows] -= step
    refits = [fit.refit(column).fittedvalues for column in moved.T]
    ahead, behind = (
        np.array(part)[rows, rows] for part in (refits[: len(data)], refits[len(data) :])
    )
    found = fit.conditional_aic()
    total = ((ahead - behind) / (2 * step)).sum()
    assert total == pytest.approx(found.rho + found.correction, rel=1e-6)
    assert found.correction > 0.01


@pytest.mark.parametrize("name", ["crossed", "nested", "strata"])
def test_a_deletion_is_the_fit_of_the_other_groups(name: str) -> None:
    data = table(name).dropna().reset_index(drop=True)
    fit = fitted(name, data)
    factor = fit.factors[-1]
    found = fit.influence(factor, refit=True)
    for r in range(3):
        other = fitted(name, data[found.units.codes != r].reset_index(drop=True))
        se = np.sqrt(np.diag(other.vcov()))
        assert found.deviance[r] == pytest.approx(other.optimum.deviance, rel=OPTIMUM["deviance"])
        assert_allclose((found.beta[r] - other.optimum.beta) / se, 0, atol=OPTIMUM["estimate"])
        assert_allclose(found.std_error[r], se, rtol=OPTIMUM["se"])


def test_what_describes_variance_in_a_simulated_population() -> None:
    """Rights and Sterba's components: mean squares, by level, of many populations of the groups."""
    data = two_level(11, groups=14)
    fit = ec.lmer("y ~ x + w + z + (x | g)", data)
    found, rng = fit.r2_decomposition(), np.random.default_rng(2)
    codes = data.groupby("g", sort=False).ngroup().to_numpy()
    root = np.linalg.cholesky(fit.optimum.covariance)
    u = np.einsum("ab,rjb->rja", root, rng.standard_normal((40_000, 14, 2)))
    Z = np.column_stack([np.ones(len(data)), data["x"]])
    part = np.einsum("na,rna->rn", Z, u[:, codes])
    means = np.stack([np.bincount(codes, row) for row in part]) / np.bincount(codes)
    within = np.square(part - means[:, codes]).mean(axis=1)
    between = np.square(means[:, codes]).mean(axis=1)
    for simulated, ours in (
        (within, found.slopes[0]),
        (between, found.slopes[1] + found.intercepts[1]),
    ):
        z = (simulated.mean() - ours) / (simulated.std() / np.sqrt(len(simulated)))
        assert abs(z) < 4
