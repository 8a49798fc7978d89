"""Refits as a table: one row a response."""

from __future__ import annotations

from echelon.data import Values, to_native
from echelon.model.refits import Refits


def refits_frame(refits: Refits) -> object:
    """Estimates of every response as a table in the caller's dataframe library.

    Returns
    -------
    one row a response: response, status, deviance, a column for each fixed effect and one for its
    standard error ("se_<term>"), then standard deviations and correlations of the random effects
    and sigma under lme4's names ("sd_(Intercept)|Subject", "cor_Days.(Intercept)|Subject")
    """
    columns: dict[str, Values] = {
        "response": list(refits.names),
        "status": refits.status.tolist(),
        "deviance": refits.deviance,
    }
    for i, name in enumerate(refits.terms):
        columns[name] = refits.beta[:, i].copy()
    for i, name in enumerate(refits.terms):
        columns[f"se_{name}"] = refits.std_error[:, i].copy()
    for i, name in enumerate(refits.component_names):
        columns[name] = refits.components[:, i].copy()
    return to_native(columns, refits.fit.source.backend)
