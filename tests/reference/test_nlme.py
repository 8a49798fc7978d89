"""Every model with a residual structure against nlme's optimum, polished (see nlme/README.md)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from nlme_cases import IDS, model
from numpy.testing import assert_allclose
from reference_cases import table

import echelon as ec
from echelon.data import Frame
from echelon.design.build import build
from echelon.design.residual_layout import residual_design
from echelon.effects.empirical_bayes import all_effects
from echelon.estimate.correlation import Coordinates
from echelon.estimate.optimise import with_user_factor
from echelon.estimate.working_sets import WorkingSets
from echelon.formula import parse, parse_residual
from echelon.infer import component_values
from echelon.linalg.symmetric import semidefinite_factor
from echelon.model.residual_fit import residual_columns
from echelon.moments.residual import residual_moments
from tolerances import OPTIMUM

STRUCTURE = dict(estimate=1e-5, ranef=1e-5)
"""Relative: the residual parameters are a search around a search; measured 4e-8 at most."""


def spelled(golden: dict[str, Any]) -> str:
    """The residual structure in our words."""
    call, parts = golden["call"], []
    if call["by"]:
        parts.append(f"by({call['by']})")
    if call["correlation_kind"]:
        innermost = list(golden["n_groups"])[-1]
        parts.append(f"{call['correlation_kind']}({call['time'] or 1} | {innermost})")
    return " + ".join(parts)


@cache
def fitted(name: str) -> ec.LMM:
    golden = model(name)
    call = golden["call"]
    data = table(golden["dataset"])
    return ec.lmer(call["formula"], data, reml=call["method"] == "REML", residual=spelled(golden))


@pytest.mark.parametrize("name", IDS)
def test_optimum(name):
    fit, golden = fitted(name), model(name)
    theirs = golden["criteria"]["minus2logLik"]
    assert fit.verdict.status == "converged"
    assert fit.deviance <= theirs + OPTIMUM["deviance"] * abs(theirs)
    assert_allclose(
        fit.loglik, golden["criteria"]["logLik_lme4_convention"], atol=OPTIMUM["loglik"]
    )
    assert fit.criteria().parameters == golden["criteria"]["logLik_df"]
    assert_allclose(fit.aic, golden["criteria"]["AIC"], rtol=OPTIMUM["deviance"])
    assert_allclose(fit.bic, golden["criteria"]["BIC_lme4"], rtol=OPTIMUM["deviance"])


@pytest.mark.parametrize("name", IDS)
def test_fixed_effects(name):
    fit, golden = fitted(name), model(name)
    assert_allclose(fit.optimum.beta, golden["fixef"], rtol=OPTIMUM["estimate"])
    assert_allclose(np.sqrt(np.diagonal(fit.vcov())), golden["se"], rtol=OPTIMUM["se"])
    scale = np.outer(golden["se"], golden["se"])
    assert_allclose(fit.vcov() / scale, golden["vcov"] / scale, atol=OPTIMUM["se"])
    df = golden["satterthwaite_dense"]["df"]
    assert_allclose(fit.coefficients()["df"], df, rtol=OPTIMUM["df"])


@pytest.mark.parametrize("name", IDS)
def test_residual_structure(name):
    """Ratios and SDs by stratum whatever the reference, phi, and their standard errors."""
    fit, golden = fitted(name), model(name)
    found, varpar = fit.residual, golden["variance_parameters"]
    errors = dict(zip(varpar["names"], np.sqrt(np.diagonal(varpar["covariance"])), strict=True))
    sigma = golden["sigma"]
    if golden["ratio"]:
        sd = dict(zip(map(str, golden["ratio"]["strata"]), golden["ratio"]["sd"], strict=True))
        theirs = [sd[str(label)] for label in found.strata]
        assert_allclose(found.sd, theirs, rtol=STRUCTURE["estimate"])
        assert_allclose(found.ratio, np.array(theirs) / theirs[0], rtol=STRUCTURE["estimate"])
        assert found.rows.sum() == golden["N"]
        at = [str(label) for label in found.strata].index(str(golden["ratio"]["reference"]))
        assert_allclose(found.sd_se[at], errors["sigma2"] / (2 * sigma), rtol=OPTIMUM["se"])
        if at == 0:
            log_se = found.ratio_se[1:] / found.ratio[1:]
            expected = [errors[f"log_ratio.{label}"] for label in found.strata[1:]]
            assert_allclose(log_se, expected, rtol=OPTIMUM["se"])
    else:
        assert_allclose(fit.sigma, sigma, rtol=OPTIMUM["estimate"])
    if golden["correlation"]:
        assert_allclose(found.phi, golden["correlation"]["phi"], rtol=STRUCTURE["estimate"])
        assert_allclose(found.phi_se, errors["phi"], rtol=OPTIMUM["se"])
    else:
        assert np.isnan(found.phi)


@pytest.mark.parametrize("name", IDS)
def test_variance_components(name):
    """Covariances of the random effects with their standard errors, and the rows of the residual."""
    fit, golden = fitted(name), model(name)
    cov = fit.optimum.covariance
    start = 0
    for group in fit.moments.groups:
        theirs = np.array(golden["covariance"][group.factor]["cov"])
        ours = cov[start : start + len(theirs), start : start + len(theirs)]
        scale = np.sqrt(np.outer(np.diagonal(theirs), np.diagonal(theirs)))
        assert_allclose(ours / scale, theirs / scale, atol=STRUCTURE["estimate"])
        start += len(theirs)
    varpar = golden["variance_parameters"]
    errors = dict(zip(varpar["names"], np.sqrt(np.diagonal(varpar["covariance"])), strict=True))
    rows = component_values(fit).rows
    for row in rows:
        if row.group != "Residual" and not row.with_term:
            expected = errors[f"{row.group}.{row.term}"]
            assert_allclose(row.variance_se, expected, rtol=OPTIMUM["se"])
    last = [row for row in rows if row.group == "Residual"]
    H = len(fit.residual.strata)
    assert_allclose([row.sd for row in last[:H]], fit.residual.sd)
    assert [row.sd for row in last[H:]] == ([fit.residual.phi] if golden["correlation"] else [])


@pytest.mark.parametrize("name", IDS)
def test_random_effects_and_fitted_values(name):
    fit, golden = fitted(name), model(name)
    for group, ours in zip(fit.moments.groups, all_effects(fit), strict=True):
        theirs = golden["ranef"][group.factor]
        place = {str(level): j for j, level in enumerate(group.levels)}
        at = [place[str(level)] for level in theirs["levels"]]
        sd = np.array(golden["covariance"][group.factor]["sd"])
        values = np.array(theirs["values"])
        assert_allclose(ours.mode[at] / sd, values / sd, atol=STRUCTURE["ranef"])
        scale = np.outer(sd, sd)
        expected = np.array(theirs["cond_var"]) / scale
        assert_allclose(ours.var[at] / scale, expected, atol=STRUCTURE["ranef"])
    pearson = fit.resid / fit.residual.sd[fit.residual.stratum]
    for ours, key in (
        (fit.fittedvalues, "fitted"),
        (fit.resid, "resid_response"),
        (pearson, "resid_pearson"),
    ):
        first = golden[key]["first"]
        size = 1.0 if key == "resid_pearson" else golden["sigma"]
        assert_allclose(ours[: len(first)], first, atol=STRUCTURE["ranef"] * size)
        assert_allclose((ours**2).sum(), golden[key]["sumsq"], rtol=STRUCTURE["ranef"])


@pytest.mark.parametrize("name", IDS)
def test_deviance_at_given_parameters(name):
    """Free of any search: our moments and coefficients at nlme's parameters."""
    golden = model(name)
    call, data = golden["call"], Frame.of(table(golden["dataset"]))
    spec, asked = (
        parse(call["formula"], data.columns),
        parse_residual(spelled(golden), data.columns),
    )
    groups, time = residual_columns(asked, data)
    design = build(spec, data).design
    structure = residual_design(asked, groups, time, design.factors)
    sets = WorkingSets.of(residual_moments(design, structure))
    coordinates = Coordinates.of(structure)
    for point in golden["devfun"]["points"].values():
        ratio, scale = np.ones(len(structure.labels)), 1.0
        if golden["ratio"]:
            named = map(str, golden["ratio"]["strata"])
            theirs = dict(zip(named, point["ratio"], strict=True))
            ratio = np.array([theirs[str(label)] for label in structure.labels])
            scale = ratio[0]
        z = placed(coordinates, ratio / scale, point["phi"])
        c = coordinates.coefficients(z)
        lam = np.zeros((sets.base.q, sets.base.q))
        start = 0
        for group in sets.sets.base.groups:
            D = np.array(point["relative_covariance"][group.factor]) / scale**2
            lam[start : start + len(D), start : start + len(D)] = semidefinite_factor(D)
            start += len(D)
        theta = sets.base.pairs.free(lam)
        at = with_user_factor(sets.problem(c.omega, c.logdet), theta, call["method"] == "REML")
        assert_allclose(at.value, point["value"], rtol=OPTIMUM["devfun"])


def placed(coordinates: Coordinates, ratio: np.ndarray, phi: float | None) -> np.ndarray:
    """Search coordinates of ratios and a correlation."""
    z = np.zeros(coordinates.r)
    z[: len(ratio) - 1] = np.log(ratio[1:])
    if phi is not None:
        kind = coordinates.structure.spec.correlation
        a = phi if kind == "cs" else phi**coordinates.unit
        share = (a - coordinates.low) / (1 - coordinates.low)
        z[-1] = np.arctanh(a) if kind == "ar1" else np.log(share / (1 - share))
    return z
