"""Fixed effects with cluster-robust standard errors, beside the model-based ones."""

from __future__ import annotations

import numpy as np

from echelon.infer.choose import uncertainty
from echelon.infer.coefficients import coefficient_values
from echelon.infer.estimates import Estimates, estimates
from echelon.infer.robust import Sandwich
from echelon.infer.robust.clusters import UNNAMED, Cluster
from echelon.infer.robust.freedom import SandwichFreedom
from echelon.model.fit import LmmFit
from echelon.show.cells import Row, amount, fixed_cells, places
from echelon.show.format import integer
from echelon.show.table import Heading, Section, Table
from echelon.show.words import Fit

_CORRECTIONS = {
    "CR0": "CR0 (no small-sample correction, as HLM)",
    "CR1": "CR1 (variances times J/(J - 1))",
    "CR1S": "CR1S (variances times J(n - 1)/((J - 1)(n - p)))",
    "CR2": "CR2 (bias-reduced linearisation)",
}


def robust_values(
    fit: Fit, robust: str | None, cluster: Cluster
) -> tuple[Estimates, str, tuple[str, ...]]:
    """Fixed effects, how they are tested ("" for as the fit does), and notes; robust if asked."""
    known = uncertainty(fit, robust=robust, cluster=cluster)
    if not isinstance(known, Sandwich):
        return coefficient_values(fit), "", ()
    beta = fit.optimum.beta if isinstance(fit, LmmFit) else fit.beta
    values = estimates(fit.names, np.eye(len(beta)), beta, known)
    return values, robust_tests(known), robust_notes(known, fit)


def robust_tests(known: Sandwich) -> str:
    """How fixed effects are tested with a sandwich, in words."""
    if isinstance(known.freedom, SandwichFreedom):
        return "t tests with Satterthwaite's degrees of freedom of the robust covariance"
    if known.freedom.method == "clusters":
        return f"t tests on {integer(known.clusters - 1)} degrees of freedom (clusters - 1)"
    if known.freedom.method == "none":
        return "z tests (normal approximation)"
    return f"t tests on {known.freedom.method} degrees of freedom"


def robust_notes(known: Sandwich, fit: Fit) -> tuple[str, ...]:
    """What the robust standard errors are, and what makes them doubtful."""
    of = "" if known.cluster == UNNAMED else f" of {known.cluster}"
    said = [
        f"Robust SEs of the fixed effects: {_CORRECTIONS[known.correction]}, "
        f"{integer(known.clusters)} clusters{of}."
    ]
    if known.determined:
        several = known.determined > 1
        who = "1 cluster determines"
        if several:
            who = f"{integer(known.determined)} clusters determine"
        said.append(
            f"{who} an effect alone. Robust SEs of effects that rest on "
            f"{'them' if several else 'it'} are too small: one cluster does not show how clusters "
            "vary."
        )
    if not isinstance(fit, LmmFit):
        said.append("The F test of the whole regression is the classical one.")
    return tuple(said)


def robust_table(fit: Fit, robust: str, cluster: Cluster) -> Table:
    """Both standard errors of each fixed effect, and tests by the robust ones."""
    values, tests, notes = robust_values(fit, robust, cluster)
    model = coefficient_values(fit).std_error
    heads = (
        Heading("Term", "text"),
        Heading("Estimate", digits=3),
        Heading("Model SE", digits=3),
        Heading("Robust SE", digits=3),
        Heading("df", digits=1),
        Heading("t", digits=3),
        Heading("p", "p", 3),
    )
    rows: list[Row] = []
    for i, name in enumerate(values.names):
        cells = fixed_cells(values, i, 3, stars=True)
        cells["Robust SE"] = cells["SE"]
        cells["Model SE"] = amount(float(model[i]), places(float(values.std_error[i]), 3))
        rows.append((name, *(cells[head.name] for head in heads[1:])))
    kind = "Fixed effects" if isinstance(fit, LmmFit) else "Coefficients"
    said = (f"{notes[0][:-1]}; {tests}.", *notes[1:])
    return Table(heads, (Section(tuple(rows)),), f"{kind} with robust standard errors", said)
