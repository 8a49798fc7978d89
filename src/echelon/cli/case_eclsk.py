"""Case 2 of the demonstration: means as outcomes, reading in public and private schools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

import numpy as np

import echelon as ec
from echelon.cli.case_timss import equations_text
from echelon.cli.steps import Case, Lines, Step, listed, titled

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS
    from echelon.show import Table

Layout: TypeAlias = Literal["wide", "stacked"]


@dataclass(frozen=True, slots=True)
class Eclsk:
    """The fits of case 2: `null` without predictors, `exercise` with school SES beside sector."""

    students: OLS
    means: OLS
    null: LMM
    sector: LMM
    exercise: LMM
    described: Table

    def tables(self, layout: Layout) -> list[Table]:
        """Descriptives, the three analyses, and the exercise."""
        return [self.described, self.compared(layout), self.extended(layout)]

    def compared(self, layout: Layout) -> Table:
        """The three analyses of the sector difference side by side."""
        fits = (self.students, self.means, self.sector)
        table = ec.compare(
            *fits, names=("OLS on students", "OLS on means", "Multilevel"), layout=layout
        )
        return titled(table, "Reading by sector: three analyses")

    def extended(self, layout: Layout) -> Table:
        """The multilevel models of the exercise side by side."""
        fits = (self.null, self.sector, self.exercise)
        table = ec.compare(*fits, names=("Empty", "Sector", "Sector + SES"), layout=layout)
        return titled(table, "Exercise: sector and the SES of the school")

    @property
    def case(self) -> Case:
        """The steps in the order of the lecture."""
        steps = (
            _described(self.described),
            _students(self),
            _means(self),
            _multilevel(self),
            _compared(self, self.compared("stacked")),
            _exercise(self, self.extended("stacked")),
            _explained(self),
        )
        return Case(
            "CASE 2: reading in 742 schools (after ECLS-K:2011, grade 1)",
            "Do children in private schools read better, and how sure can one be? Sector is a "
            "property of schools, so it can explain differences between schools only. The score is "
            "g1rscore, the school schid, sector 0 public and 1 private.",
            steps,
        )


def eclsk() -> Eclsk:
    """Fit the models of case 2."""
    data = cast(Any, ec.datasets.load("eclsk", quiet=True))
    means = data.groupby("schid", as_index=False)[["sector", "g1rscore"]].mean()
    described = ec.describe(data, ["g1rscore", "schmeanses"], by="sector", level="schid")
    return Eclsk(
        students=ec.lm("g1rscore ~ sector", data),
        means=ec.lm("g1rscore ~ sector", means),
        null=ec.lmer("g1rscore ~ 1 + (1 | schid)", data),
        sector=ec.lmer("g1rscore ~ sector + (1 | schid)", data),
        exercise=ec.lmer("g1rscore ~ sector + schmeansesc + (1 | schid)", data),
        described=titled(described.table(), "School means by sector (0 public, 1 private)"),
    )


def _described(table: Table) -> Step:
    return Step(
        "School means by sector",
        (
            "First describe the units that carry the question: schools. Each school counts once, "
            "with the mean of its children.",
            table,
            "Private schools (sector 1) read higher on average, and their families' socio-economic "
            "status (SES) is higher too. The exercise comes back to that.",
        ),
    )


def _students(found: Eclsk) -> Step:
    b, se = _effect(found.students)
    return Step(
        "Least squares on the children, as if they were independent",
        (
            titled(found.students.table(), "Children: ordinary least squares"),
            f"The difference is {b:.3f} points with a standard error of {se:.3f}. That is too "
            f"small: it counts {found.students.n:,} independent children, but sector was given to "
            f"{found.means.n} schools, and the children of one school resemble each other.",
        ),
    )


def _means(found: Eclsk) -> Step:
    b, se = _effect(found.means)
    return Step(
        "Least squares on the school means",
        (
            titled(found.means.table(), "School means: ordinary least squares"),
            f"Now the {found.means.n} schools are the cases: {b:.3f}, standard error {se:.3f}. "
            "This is honest about schools, but it treats a mean of 10 children and one of 25 as "
            "equally precise, and it says nothing about variation within schools.",
        ),
    )


def _multilevel(found: Eclsk) -> Step:
    b, se = _effect(found.sector)
    tau, sigma = found.sector.optimum.covariance[0, 0] ** 0.5, found.sector.sigma
    return Step(
        "The multilevel model: means as outcomes",
        (
            Lines(equations_text(found.sector)),
            titled(found.sector.table(), "Reading by sector: two-level model (REML)"),
            f"The difference is {b:.3f} with a standard error of {se:.3f}. The standard deviation "
            f"between schools of one sector is {tau:.3f}, between children of one school "
            f"{sigma:.3f}.",
        ),
    )


def _compared(found: Eclsk, table: Table) -> Step:
    naive, means = _effect(found.students)[1], _effect(found.means)[1]
    model = _effect(found.sector)[1]
    return Step(
        "Side by side: why do the standard errors differ?",
        (
            table,
            "Over children, a large school counts more; over school means, all count alike; the "
            "multilevel model weighs each school by its precision 1 / Δ_j. So the three "
            "estimates differ a little.",
            f"{naive:.3f} against {model:.3f}: children of one school share its u_0j, and least "
            f"squares on children ignores that; the true variance is {(model / naive) ** 2:.1f} "
            f"times what it claims. {means:.3f} against {model:.3f}: precision weighting wastes "
            "less than counting all schools alike.",
            "The multilevel standard error by hand, from the precisions of the schools:",
            Lines("SE = √(1 / Σ_public (1 / Δ_j) + 1 / Σ_private (1 / Δ_j))"),
            listed([("By hand", _by_hand(found.sector)), ("From the fit", model)], digits=3),
        ),
    )


def _exercise(found: Eclsk, table: Table) -> Step:
    (before, _), (after, error) = _effect(found.sector), _effect(found.exercise)
    slope, _ = _effect(found.exercise, "schmeansesc")
    p = float(cast(Any, found.exercise.pvalues)["sector"])
    return Step(
        "Exercise: is the sector difference one of family resources?",
        (
            "Add the mean SES of the school, centred over schools (schmeansesc): now schools of "
            "the same SES are compared.",
            Lines(equations_text(found.exercise)),
            table,
            f"The sector difference falls from {before:.3f} to {after:.3f} (standard error "
            f"{error:.3f}, p = {p:.3f}); one unit of school SES goes with {slope:.3f} points. "
            "Most of the raw difference goes along with SES. The intercept is now the mean of "
            "public schools of average SES.",
            "In these synthetic data the relation of SES to reading is INVENTED: the steps are "
            "what to learn here, not the answer.",
        ),
    )


def _explained(found: Eclsk) -> Step:
    from echelon.multilevel.explained import explained_values

    sector = explained_values(found.sector, found.null).explained
    both = explained_values(found.exercise, found.null).explained
    rows = [
        ("Between schools: sector", 100 * float(sector[0])),
        ("Between schools: sector and school SES", 100 * float(both[0])),
        ("Within schools: sector and school SES", 100 * float(both[-1])),
    ]
    return Step(
        "How much variance is explained?",
        (
            listed(rows, "Percent", 2),
            "The percentage is the fall of a variance from the empty model. Properties of schools "
            "explain variance between schools; within schools they can explain none, and the small "
            "number there only says that σ² was estimated anew.",
        ),
    )


def _effect(fit: LMM | OLS, name: str = "sector") -> tuple[float, float]:
    """Estimate and standard error of one coefficient."""
    from echelon.infer import coefficient_values

    values = coefficient_values(fit)
    i = values.names.index(name)
    return float(values.estimate[i]), float(values.std_error[i])


def _by_hand(fit: LMM) -> float:
    """The standard error of a difference of two groups of schools from 1 / Delta_j."""
    from echelon.multilevel.groups import group_values

    values = group_values(fit)
    precision = 1 / values.Delta[:, 0]
    private = values.predicted[:, 0] > values.predicted[:, 0].mean()  # two values: the two sectors
    parts = np.array([precision[private].sum(), precision[~private].sum()])
    return float((1 / parts).sum() ** 0.5)
