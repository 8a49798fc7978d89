"""Results for other programs: one JSON object with a versioned schema."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from echelon import __version__
from echelon.cli.json_extras import Json, extras_json

if TYPE_CHECKING:
    from echelon.cli.extras import Extras
    from echelon.infer.components import Component
    from echelon.model.fit import LmmFit, OlsFit

SCHEMA = "echelon.fit/1"
"""Raised only when a key changes its meaning or goes; new keys may come without notice."""


def results_json(fit: LmmFit | OlsFit, extras: Extras | None = None) -> str:
    """A fit as JSON text: numbers in full precision, null for what is undefined or infinite.

    Parameters
    ----------
    extras : what was asked for beside the fit; each kind has a key, which is there when it was
    """
    made = _results(fit) | ({} if extras is None else extras_json(fit, extras))
    return as_json(made)


def as_json(value: Json) -> str:
    """A value as JSON text."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _results(fit: LmmFit | OlsFit) -> dict[str, Json]:
    from echelon.infer.criteria import criteria
    from echelon.model.notes import notes

    missing = fit.source.missing
    return {
        "schema": SCHEMA,
        "echelon_version": __version__,
        "formula": fit.spec.formula,
        "response": fit.response,
        **_method(fit),
        "residual": _structure(fit),
        "n": fit.n,
        **_coefficients(fit),
        **_random(fit),
        "criteria": asdict(criteria(fit)),
        "missing": {
            "n_total": missing.n_total,
            "n_used": missing.n_used,
            "by_variable": dict(missing.by_variable),
        },
        "dropped": list(fit.dropped),
        "notes": list(notes(fit)),
    }


def _method(fit: LmmFit | OlsFit) -> dict[str, Json]:
    from echelon.model.fit import LmmFit

    if isinstance(fit, LmmFit):
        return {"model": "multilevel", "method": "REML" if fit.reml else "ML"}
    return {"model": "linear", "method": "OLS"}


def _structure(fit: LmmFit | OlsFit) -> str | None:
    """The structure of the residuals as typed; None for independent ones of one variance."""
    residual = getattr(fit, "residual", None)
    return None if residual is None else str(residual.structure)


def _coefficients(fit: LmmFit | OlsFit) -> dict[str, Json]:
    from echelon.infer.coefficients import coefficient_values

    values = coefficient_values(fit)
    fields = ("estimate", "std_error", "df", "statistic", "p_value", "conf_low", "conf_high")
    rows: list[Json] = [
        {"term": name} | {field: float(getattr(values, field)[i]) for field in fields}
        for i, name in enumerate(values.names)
    ]
    return {"df_method": values.method, "conf_level": values.level, "coefficients": rows}


def _random(fit: LmmFit | OlsFit) -> dict[str, Json]:
    """Groups, variances and verdict; a linear model has a residual variance only."""
    from echelon.infer.components import component_values
    from echelon.model.fit import LmmFit

    if not isinstance(fit, LmmFit):
        residual: dict[str, Json] = {
            "group": "Residual",
            "term": "",
            "kind": "variance",
            "variance": fit.sigma2,
            "variance_se": None,
            "sd": math.sqrt(fit.sigma2),
            "sd_se": None,
        }
        return {"groups": [], "variance_components": [residual], "verdict": None}
    verdict = fit.verdict
    return {
        "groups": [
            {
                "factor": group.factor,
                "count": len(group.levels),
                "n_min": int(group.count.min()),
                "n_max": int(group.count.max()),
            }
            for group in fit.moments.groups
        ],
        "variance_components": [_component(row) for row in component_values(fit).rows],
        "verdict": {
            "status": verdict.status,
            "message": verdict.message,
            "distance_se": verdict.distance_se,
            "distance_loglik": verdict.distance_loglik,
            "evaluations": verdict.evaluations,
            "flat": list(verdict.flat),
        },
    }


def _component(row: Component) -> Json:
    """A variance with its SD, or a covariance with its correlation, each under its own name.

    One correlation of several effects, or of residuals, is of the kind "correlation".
    """
    from echelon.show.components import is_pair

    if row.with_term:
        return {
            "group": row.group,
            "term": row.term,
            "with_term": row.with_term,
            "kind": "covariance" if is_pair(row) else "correlation",
            "covariance": row.variance,
            "covariance_se": row.variance_se,
            "correlation": row.sd,
            "correlation_se": row.sd_se,
        }
    return {
        "group": row.group,
        "term": row.term,
        "kind": "variance",
        "variance": row.variance,
        "variance_se": row.variance_se,
        "sd": row.sd,
        "sd_se": row.sd_se,
    }


def _finite(value: Json) -> Json:
    """The same with null for nan and infinity, which JSON has no words for."""
    if isinstance(value, dict):
        return {key: _finite(inside) for key, inside in value.items()}
    if isinstance(value, list):
        return [_finite(inside) for inside in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
