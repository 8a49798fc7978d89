"""The model: equations, fixed effects, variances, and whether the optimum was reached."""

from __future__ import annotations

import numpy as np

from echelon.errors import NotIdentified
from echelon.estimate.verdict import Verdict
from echelon.infer import criteria
from echelon.model.fit import LmmFit
from echelon.multilevel import explained_values, icc, r2
from echelon.report.equations import equations_block
from echelon.report.estimates import covariance_table, fixed_table, random_table
from echelon.report.inference import Inference, inference_of
from echelon.report.markup import facts, paragraph, safe, section, share, table_box
from echelon.show.format import number, typeset

_WORDS = {
    "converged": "Converged.",
    "boundary": "At the boundary.",
    "failed": "Not converged: do not report these estimates.",
}


def model_section(fit: LmmFit, shown: Inference | None = None) -> str:
    """Return the section on the model and its estimates.

    Parameters
    ----------
    shown : the fixed effects with their tests, and intervals; None for the fit's own
    """
    shown = inference_of(fit) if shown is None else shown
    pairs = covariance_table(fit, shown)
    return section(
        "model",
        "The model",
        [
            "<h3>Did the fit reach its optimum?</h3>",
            verdict_box(fit.verdict),
            *equations_block(fit),
            "<h3>Fixed effects</h3>",
            table_box(fixed_table(fit, shown), "fixed"),
            "<h3>Random effects</h3>",
            table_box(random_table(fit, shown), "random"),
            *([table_box(pairs, "covariances")] if pairs else []),
            "<h3>Shares of variance and fit</h3>",
            facts(_shares(fit) + _criteria(fit)),
            paragraph(_explained_note(fit), "soft"),
        ],
    )


def verdict_box(verdict: Verdict) -> str:
    """Return the verdict with its evidence in words."""
    evidence = f"Evidence: {verdict.evidence[0].lower()}{verdict.evidence[1:]}"
    return (
        f'<div class="verdict {safe(verdict.status)}">\n<p><span class="word">'
        f"{_WORDS[verdict.status]}</span> {safe(verdict.message)}</p>\n"
        f"{paragraph(safe(evidence), 'soft')}\n</div>"
    )


def _shares(fit: LmmFit) -> list[tuple[str, str]]:
    left = "" if len(fit.names) == 1 else ", residual"
    pairs = [(f"Intraclass correlation (ICC{left})", f"{icc(fit):.3f} ({share(icc(fit))})")]
    if len(fit.factors) > 1:
        shares = ((factor, icc(fit, factor)) for factor in fit.factors)
        pairs += [(f"of this, between groups of {f}", f"{x:.3f} ({share(x)})") for f, x in shares]
    if len(fit.names) == 1:
        return pairs
    found = r2(fit)
    pairs.append(("R², fixed effects (marginal)", f"{found.marginal:.3f}"))
    pairs.append(("R², with random effects (conditional)", f"{found.conditional:.3f}"))
    try:
        gain = explained_values(fit)
    except NotIdentified:
        return pairs
    for level, term, x in zip(gain.levels, gain.terms, gain.explained.tolist(), strict=True):
        if term not in ("", "(Intercept)"):
            continue
        what = "within groups" if level == "Residual" else "between groups"
        if len(fit.factors) > 1 and level != "Residual":
            what += f" of {level}"
        if np.isfinite(x):
            pairs.append((f"Explained variance {what}", share(x)))
    return pairs


def _explained_note(fit: LmmFit) -> str:
    if len(fit.names) == 1:
        return ""
    return (
        "Explained variance is the proportion by which a variance is smaller than in the model "
        "without predictors, fitted to the same rows; a negative value means that it is larger."
    )


def _criteria(fit: LmmFit) -> list[tuple[str, str]]:
    values = criteria(fit)
    kind = " (REML)" if values.restricted else ""
    text = [typeset(number(x, 1), "unicode") for x in (values.loglik, values.aic, values.bic)]
    return [
        (f"Log-likelihood{kind}", text[0]),
        ("AIC, BIC", f"{text[1]}, {text[2]} ({values.parameters} parameters)"),
    ]
