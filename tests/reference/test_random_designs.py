"""Random designs against lme4: our deviance is never above its deviance.

Where lme4 stops short (it does on badly scaled designs), ours is lower, and the estimates differ;
the deviance at our estimates is then recomputed from the dense marginal covariance matrix, in
extended precision, so that a lower value is proven and not an error of ours.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import echelon as ec

HERE = Path(__file__).parent / "random"
SETS = {"designs": "lme4", "several": "lme4_several"}
SPECS = [
    {**spec, "set": name}
    for name in SETS
    for spec in json.loads((HERE / f"{name}.json").read_text())
]
LME4 = {
    (name, fit["case"]): fit
    for name, results in SETS.items()
    for fit in json.loads((HERE / f"{results}.json").read_text())["fits"]
}
DATA = {name: pd.read_csv(HERE / f"{name}.csv.gz") for name in SETS}


def fitted(spec):
    data = DATA[spec["set"]]
    rows = data[data["case"] == spec["case"]].reset_index(drop=True)
    weights = "wt" if spec["weighted"] else None
    return ec.lmer(spec["formula"], rows, reml=spec["reml"], precision=weights)


def dense_deviance(fit):
    """The deviance from V = W^-1 + Z Lam Lam' Z' written out, n x n, in extended precision."""
    design = fit.built.design
    names = (["(Intercept)"] if design.intercept else []) + list(design.names)
    X = design.fixed_matrix()[:, [names.index(name) for name in fit.names]]
    w = np.ones(design.n) if design.precision is None else design.precision
    L = np.diag(1 / w).astype(np.longdouble)
    for factor, part in zip(design.factors, fit.problem.blocks.parts, strict=True):
        columns = [
            c
            for term in factor.terms
            for c in ([np.ones(design.n)] if term.intercept else []) + list(term.arrays)
        ]
        ZL = (np.column_stack(columns) @ fit.optimum.lam[part, part]).astype(np.longdouble)
        L += (ZL @ ZL.T) * (factor.codes[:, None] == factor.codes[None, :])
    B = np.column_stack([X, design.y]).astype(np.longdouble)
    for j in range(design.n):
        L[j, j] = np.sqrt(L[j, j])
        L[j + 1 :, j] /= L[j, j]
        L[j + 1 :, j + 1 :] -= np.outer(L[j + 1 :, j], L[j + 1 :, j])
        B[j] = (B[j] - L[j, :j] @ B[:j]) / L[j, j]
    Xs, ys = B[:, :-1], B[:, -1].astype(float)
    size = np.sqrt((Xs**2).sum(axis=0)).astype(float)
    Q, R = np.linalg.qr((Xs / size).astype(float))
    left = ys - Q @ (Q.T @ ys)
    df = design.n - (X.shape[1] if fit.reml else 0)
    value = 2 * float(np.log(np.diag(L)).sum()) + df * (1 + np.log(2 * np.pi * (left @ left) / df))
    if fit.reml:
        value += 2 * float(np.log(np.abs(np.diag(R))).sum() + np.log(size).sum())
    return value


@pytest.mark.parametrize(
    "spec", SPECS, ids=[f"{s['set']} {s['case']}: {s['formula']}" for s in SPECS]
)
def test_never_above_lme4(spec):
    fit, reference = fitted(spec), LME4[spec["set"], spec["case"]]
    assert "error" not in reference
    gained = reference["deviance"] - fit.deviance
    assert gained > -1e-8 * abs(reference["deviance"])
    if gained > 1e-6:
        assert fit.deviance == pytest.approx(dense_deviance(fit), rel=1e-8)
        return
    estimate, se = np.atleast_1d(reference["estimate"]), np.atleast_1d(reference["std_error"])
    off = np.abs(fit.optimum.beta - estimate) / se  # a deviance short by d is off by sqrt(d) SE
    assert off.max() < 1e-4 + np.sqrt(max(gained, 0))
    assert np.sqrt(np.diag(fit.vcov())) == pytest.approx(se, rel=1e-3)
