"""Fitting with a residual structure: its columns, its design, and the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np

from echelon.data import Column, Frame
from echelon.design.build import Built
from echelon.design.residual import ResidualDesign
from echelon.design.residual_layout import residual_design
from echelon.estimate.correlation import Coordinates
from echelon.estimate.identified import check_residual
from echelon.estimate.residual import search_residual
from echelon.estimate.residual_optimum import judge_residual, residual_optimum
from echelon.formula import ModelSpec, ResidualSpec
from echelon.model.fit import DfMethod, LmmFit, Source
from echelon.model.parameters import at_zero, theta_names
from echelon.model.residual import residual_of
from echelon.moments.residual import ResidualMoments


def residual_columns(asked: ResidualSpec, frame: Frame) -> tuple[dict[str, Column], Column | None]:
    """The columns of a residual structure: those that form groups, and the times."""
    where = f"residual={asked.text!r}"
    groups = {name: frame.groups(name, where) for name in (*asked.strata, *asked.group)}
    return groups, frame.column(asked.time, where) if asked.time else None


def residual_structure(
    asked: ResidualSpec, columns: Mapping[str, Column], time: Column | None, built: Built
) -> ResidualDesign:
    """The residual structure over the rows used."""

    def taken(column: Column) -> Column:
        every = np.ones(len(column.values), dtype=bool)
        return column.take(every if built.used is None else built.used)

    groups = {name: taken(column) for name, column in columns.items()}
    return residual_design(
        asked, groups, None if time is None else taken(time), built.design.factors
    )


def fit_residual(
    sets: ResidualMoments,
    spec: ModelSpec,
    *,
    reml: bool,
    df: DfMethod,
    source: Source,
    built: Built,
) -> LmmFit:
    """Fit a linear mixed model with a residual structure."""
    began = perf_counter()
    found = search_residual(sets, Coordinates.of(sets.structure), reml)
    best = residual_optimum(found, reml)
    names = theta_names(best, found.moments)
    verdict = judge_residual(found, names, at_zero(best, found.moments))
    check_residual(found.task.cross, found.search.at.rho2, verdict.status == "failed")
    return LmmFit(
        spec=spec,
        reml=reml,
        df_method=df,
        moments=found.moments,
        problem=found.task,
        lam_working=found.search.at.lam,
        optimum=best,
        verdict=verdict,
        source=replace(source, seconds=(*source.seconds, ("search", perf_counter() - began))),
        built=built,
        residual=residual_of(found, best),
    )
