"""The golden references with unequal residual variances and correlated residuals (nlme/README.md).

Schema of `nlme/models/<id>.json`; numbers have 15 digits, and what a model does not have is None.

id, description, dataset, versions
call : {fixed, random, weights, correlation, method: as typed in nlme; formula: lme4's way of writing
    the mean and the random effects; by: column of the strata; correlation_kind: ar1 | car1 | cs; time:
    column of the lags, None for the order of the rows within the group}
N, n_groups {factor: J}
fixed_names (R's), fixef, se, vcov, t : by position; se_adjusted_sigma : ML only, what nlme's summary shows
df_inner_outer : nlme's;  satterthwaite_dense {df}
sigma : residual SD of the reference stratum
covariance {factor: {terms, diagonal, cov, sd, corr}} : absolute, response units squared
ratio {by, reference, strata, sd_ratio, sd} : by stratum, the reference first
correlation {kind, time, phi}
criteria {is_REML, logLik, logLik_lme4_convention, minus2logLik, logLik_df, AIC, BIC_nlme, BIC_lme4}
devfun {points {name: {relative_covariance {factor: matrix}, ratio, phi, value}}} : the REML criterion or
    ML deviance with sigma and the fixed effects profiled out, at given covariances over sigma^2, ratios in
    the order of `ratio.strata`, and phi; free of any optimiser. Start here. "homogeneous" has ratios 1 and
    phi 0 (1e-3 for car1): without correlation it is the plain model's deviance.
variance_parameters {names, values, covariance} : free entries of `covariance` by column, log ratios, phi,
    sigma^2; their covariance is the inverse observed information
ranef {factor: {n_levels, truncated (to 60), levels, terms, values (levels, terms), cond_var (levels, terms,
    terms), sum, sumsq}} : levels in order of appearance, to be matched by label; cond_var is that of u
    given y and all parameters, the fixed effects among them (lme4's condVar)
fitted, resid_response, resid_pearson : {n, first 20, sum, sumsq} in the order of the table's rows; fitted
    has the random effects of every level; Pearson's are over sigma times the ratio of the row
intervals {order, level, random, correlation, ratio, sigma} or {error}
polish : how well the optimum is known
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

MODELS = Path(__file__).parent / "nlme" / "models"
IDS = tuple(sorted(path.stem for path in MODELS.glob("*.json")))


@cache
def model(name: str) -> dict[str, Any]:
    """What nlme says of one model; its table is `reference_cases.table(model["dataset"])`."""
    return json.loads((MODELS / f"{name}.json").read_text("utf-8"))


def overview() -> str:
    """One line a model: formula, structure, log-likelihood, parameters."""
    lines = []
    for name in IDS:
        m = model(name)
        structure = ", ".join(filter(None, (m["call"]["weights"], m["call"]["correlation"])))
        numbers = [f"logLik {m['criteria']['logLik']:.4f}", f"sigma {m['sigma']:.5g}"]
        if m["ratio"]:
            named = zip(m["ratio"]["strata"], m["ratio"]["sd_ratio"], strict=True)
            numbers += [f"{stratum} {value:.4f}" for stratum, value in named]
        if m["correlation"]:
            numbers.append(f"phi {m['correlation']['phi']:.4f}")
        head = f"{name}: {m['call']['formula']}; {structure}; {m['call']['method']}"
        lines.append(f"{head}\n    {', '.join(numbers)}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(overview())
