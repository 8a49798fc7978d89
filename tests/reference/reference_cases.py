"""The golden references: what R says, the tables it says it of, and our fits of them."""

from __future__ import annotations

import csv
import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import echelon as ec

HERE = Path(__file__).parent
SEVERAL = (
    "cake_temp", "cake_temp0", "chem97_null", "egsingle_ri", "inst_full", "inst_sub",
    "machines_int", "oats_sp", "oxide", "pastes", "pastes_ml", "penicillin", "singular_ri",
    "sleep_phase", "subjitem_dbar", "subjitem_f", "three_nested",
)  # fmt: skip
"""Models with several grouping factors."""
ONE = tuple(sorted({path.stem for path in (HERE / "models").glob("*.json")}.difference(SEVERAL)))
"""Models with one grouping factor."""
IDS = (*ONE, *SEVERAL)
BACKENDS = ("pandas", "polars", "pyarrow")
BUNDLED = {"timss_like": "timss", "eclsk_like": "eclsk"}

FLAT_RIDGE = ("machines_dbar_factor",)
"""theta is not identified: (1 | g) beside a full covariance of the cell means of a factor."""


@cache
def model(name: str) -> dict[str, Any]:
    """What R says of one model; NA is None."""
    return json.loads((HERE / "models" / f"{name}.json").read_text("utf-8"))


@cache
def sidecar(dataset: str) -> dict[str, Any]:
    return json.loads((HERE / "data" / f"{dataset}.json").read_text("utf-8"))


@cache
def table(dataset: str, backend: str = "pandas") -> Any:
    """The data in one library; integers with missing values as that library has them."""
    if dataset in BUNDLED:
        return ec.datasets.load(BUNDLED[dataset], backend=backend, quiet=True)
    packed = HERE / "data" / f"{dataset}.csv.gz"
    plain = packed.with_suffix("")
    text = gzip.decompress(packed.read_bytes()) if packed.exists() else plain.read_bytes()
    header, *rows = csv.reader(text.decode("utf-8").splitlines())
    fields = dict(zip(header, zip(*rows, strict=True), strict=True))
    columns = sidecar(dataset)["columns"]
    made = {c["name"]: _TYPED[backend](c, fields[c["name"]]) for c in columns}
    return {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}[backend](made)


def _numbers(column: dict[str, Any], fields: tuple[str, ...]) -> list[Any]:
    kind = int if column["type"] == "int" else float
    return [kind(float(f)) if kind is int and f else kind(f) if f else None for f in fields]


def _pandas(column: dict[str, Any], fields: tuple[str, ...]) -> object:
    if column["type"] in ("factor", "ordered"):
        values = [f or None for f in fields]
        return pd.Categorical(values, column["levels"], ordered=column["type"] == "ordered")
    values = _numbers(column, fields)
    if column["type"] == "int" and None not in values:
        return np.array(values, dtype=np.int64)
    return np.array([np.nan if v is None else v for v in values])


def _polars(column: dict[str, Any], fields: tuple[str, ...]) -> pl.Series:
    if column["type"] in ("factor", "ordered"):
        return pl.Series([f or None for f in fields], dtype=pl.Enum(column["levels"]))
    kind = pl.Int64 if column["type"] == "int" else pl.Float64
    return pl.Series(_numbers(column, fields), dtype=kind)


def _pyarrow(column: dict[str, Any], fields: tuple[str, ...]) -> pa.Array:
    if column["type"] in ("factor", "ordered"):
        place = {level: i for i, level in enumerate(column["levels"])}
        codes = pa.array([place[f] if f else None for f in fields], pa.int32())
        ordered = column["type"] == "ordered"
        return pa.DictionaryArray.from_arrays(codes, column["levels"], ordered=ordered)
    kind = pa.int64() if column["type"] == "int" else pa.float64()
    return pa.array(_numbers(column, fields), kind)


_TYPED = {"pandas": _pandas, "polars": _polars, "pyarrow": _pyarrow}


@cache
def fitted_model(name: str, backend: str = "pandas") -> ec.LMM:
    """Our fit of a reference model. Fits are frozen, so tests share it."""
    golden = model(name)
    call = golden["call"]
    contrasts = dict(call["contrasts"] or {})
    if backend == "polars":  # its categories have an order but no flag that says "ordered factor"
        contrasts = {**_ordered_predictors(golden), **contrasts}
    return ec.lmer(
        call["formula"],
        table(golden["dataset"], backend),
        reml=call["REML"],
        precision=call["weights"],
        offset=call["offset"],
        contrasts=contrasts or None,
    )


def _ordered_predictors(golden: dict[str, Any]) -> dict[str, str]:
    if golden["dataset"] in BUNDLED:
        return {}
    fixed = golden["call"]["formula"].split("(")[0]
    ordered = {c["name"] for c in sidecar(golden["dataset"])["columns"] if c["type"] == "ordered"}
    return {name: "poly" for name in ordered if re.search(rf"\b{name}\b", fixed)}


def plain(name: str) -> str:
    """A column name without the mark of its coding: `sector[T.Catholic]` is `sector[Catholic]`."""
    return re.sub(r"\[[TS]\.", "[", name)


def ours_of(names: list[str], golden: dict[str, Any]) -> list[str]:
    """R's names of columns as Echelon writes them."""
    sums = bool(golden["call"]["contrasts"])
    return [our_name(name, golden["dataset"], sums) for name in names]


def effects_of(names: list[str], golden: dict[str, Any]) -> list[str]:
    """R's names of random effects as Echelon writes them: `contrasts` is not for them."""
    return [our_name(name, golden["dataset"]) for name in names]


def r_factor(block: str, golden: dict[str, Any]) -> str:
    """The factor of one of lme4's blocks: those of `||` are Subject, Subject.1, ..."""
    return block if block in golden["n_groups"] else block.rpartition(".")[0]


Effect = tuple[str, str]
"""A grouping factor and a random effect of it, without the mark of the coding."""


def our_effects(fit: ec.LMM) -> list[Effect]:
    """The random effects of all factors in the order of our covariance factor."""
    return [(g.factor, plain(effect)) for g in fit.moments.groups for effect in g.effects]


def _their_effects(name: str, fit: ec.LMM) -> list[Effect]:
    """lme4's effects in the order of ours: factor by factor, each by its own names."""
    golden = model(name)
    return [
        (g.factor, effect)
        for g in fit.moments.groups
        for effect in effects_of(golden["ranef"][g.factor]["terms"], golden)
    ]


def theta_places(name: str, fit: ec.LMM) -> list[tuple[int, int]]:
    """Row and column in our covariance factor of each of lme4's parameters, found by its name.

    lme4 has the factors by decreasing number of levels, we have them in the order of the formula; the
    name "subj.cond.(Intercept)" is the entry of cond (row) and (Intercept) (column) of subj.
    """
    golden, effects = model(name), _their_effects(name, fit)
    named = {}
    for factor, part in golden["ranef"].items():
        terms = list(zip(part["terms"], effects_of(part["terms"], golden), strict=True))
        for r, (r_name, r_ours) in enumerate(terms):
            row = effects.index((factor, r_ours))
            named[f"{factor}.{r_name}"] = (row, row)
            for c_name, c_ours in terms[:r]:
                named[f"{factor}.{r_name}.{c_name}"] = (row, effects.index((factor, c_ours)))
    return [named[entry] for entry in golden["theta"]["names"]]


def their_factor(name: str, fit: ec.LMM, theta: list[float]) -> np.ndarray:
    """lme4's covariance factor (q, q) in our order of effects, of its parameters theta."""
    lam = np.zeros((len(our_effects(fit)),) * 2)
    for place, value in zip(theta_places(name, fit), theta, strict=True):
        lam[place] = value
    return lam


def our_name(r_name: str, dataset: str, sums: bool = False) -> str:
    """R's name of a column as Echelon writes it: `sectorCatholic` is `sector[Catholic]`."""
    if r_name == "(Intercept)" or dataset in BUNDLED:
        return r_name
    return ":".join(_our_factor(part, dataset, sums) for part in r_name.split(":"))


def _our_factor(part: str, dataset: str, sums: bool) -> str:
    for column in sidecar(dataset)["columns"]:
        name = column["name"]
        if column["type"] not in ("factor", "ordered") or not part.startswith(name):
            continue
        rest = part[len(name) :]
        if sums and rest.isdigit():  # contr.sum: R numbers the columns, Echelon names the level
            return f"{name}[{column['levels'][int(rest) - 1]}]"
        if rest in column["levels"]:
            return f"{name}[{rest}]"
    return part
