"""Case 1 of the demonstration: the unbalanced one-way model on the mathematics of 20 schools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import echelon as ec
from echelon.cli.steps import Case, Lines, Step, listed, picked, titled

if TYPE_CHECKING:
    from echelon.api.results import LMM
    from echelon.multilevel.groups import GroupValues
    from echelon.multilevel.oneway import OneWay
    from echelon.show import Table

FORMULA = "bsmmatxx ~ 1 + (1 | idschool)"


@dataclass(frozen=True, slots=True)
class Timss:
    """The fit of case 1 and what is shown of it."""

    fit: LMM
    naive: OneWay
    schools: GroupValues

    @property
    def tables(self) -> tuple[Table, Table, Table]:
        """The model, the schools unpacked, their empirical Bayes estimates."""
        title = "Mathematics: the empty two-level model (REML)"
        return titled(self.fit.table(), title), _unpacked(self.schools), _estimates(self.schools)

    @property
    def case(self) -> Case:
        """The steps in the order of the lecture."""
        table, unpacked, estimates = self.tables
        steps = (
            _means(self.naive),
            _variance(self.naive),
            _model(self),
            _reml(self.naive, table),
            _balanced(self.naive),
            _unpacking(self.schools, unpacked),
            _weighting(self),
            _shrinkage(self, estimates),
        )
        return Case(
            "CASE 1: mathematics in 20 schools (after TIMSS 2019, grade 8, United States)",
            "How high is the mean of these schools, and how much do schools differ, when they are "
            "not of one size? The score is bsmmatxx, the school idschool.",
            steps,
        )


def timss() -> Timss:
    """Fit the model of case 1."""
    from echelon.multilevel.groups import group_values

    data = ec.datasets.load("timss", quiet=True)
    fit = ec.lmer(FORMULA, data)
    return Timss(fit, ec.oneway("bsmmatxx", "idschool", data), group_values(fit))


def _means(found: OneWay) -> Step:
    table = listed(
        [
            ("Mean over students", found.mean_rows),
            ("Mean of the school means", found.mean_groups),
        ]
    )
    return Step(
        "Two naive overall means",
        (
            f"There are {found.n} students in {found.J} schools, between {found.n_min} and "
            f"{found.n_max} in a school.",
            table,
            "They differ because they weigh schools differently: over students, a school counts "
            "n_j times; over school means, once. They would agree if all schools were of one size. "
            "Neither asks how precisely each school mean is known.",
        ),
    )


def _variance(found: OneWay) -> Step:
    excess = found.within / found.n_harmonic
    table = listed(
        [
            ("Variance of the school means", found.var_groups),
            ("Sampling error in it, mean of σ² / n_j", excess),
            ("What is left for the schools", found.var_groups - excess),
        ]
    )
    return Step(
        "The naive variance of the school means is too large",
        (
            f"The {found.J} school means vary with a variance of {found.var_groups:,.2f}. That is "
            "not how much schools differ: the mean of n_j students also carries the chance of "
            "which students were drawn, a variance of σ² / n_j, where σ² is the variance within "
            "schools.",
            table,
            f"Here σ² is the pooled variance within schools, {found.within:,.2f}; step 5 says why "
            "even the corrected value is not yet the best.",
        ),
    )


def _model(found: Timss) -> Step:
    return Step(
        "The model: level 1, level 2, combined",
        (
            Lines(equations_text(found.fit)),
            "The variance of a student's score is therefore τ_00 + σ², between schools plus "
            "within schools. Two students of one school share u_0j; the share of the variance that "
            "lies between schools is their correlation, the intraclass correlation.",
        ),
    )


def equations_text(fit: LMM) -> str:
    """The level-1, level-2 and combined equations as text."""
    return str(fit.equations())


def _reml(found: OneWay, table: Table) -> Step:
    total = found.tau00 + found.sigma2
    return Step(
        "The model fitted by restricted maximum likelihood (REML)",
        (
            table,
            f"The mean of the schools is estimated as {found.gamma00:.3f} with a standard error of "
            f"{found.gamma00_se:.3f}. The variance between schools is {found.tau00:,.2f}, within "
            f"schools {found.sigma2:,.2f}: {100 * found.tau00 / total:.1f} percent of the variance "
            "lies between schools.",
        ),
    )


def _balanced(found: OneWay) -> Step:
    rows = [
        ("σ², pooled variance within schools", found.within),
        ("τ_00 with one n: variance of means - σ² / (mean n)",
         found.var_groups - found.within / found.n_mean),
        ("τ_00 with one n: variance of means - σ² / (harmonic mean n)",
         found.tau00_balanced),
        ("τ_00 from the mean squares, (MSB - MSW) / n0", found.tau00_anova),
        ("τ_00 by REML", found.tau00),
    ]  # fmt: skip
    return Step(
        "The formulas of a balanced design, and why they fail here",
        (
            "With the same n in every school, everything is simple: the grand mean is the mean of "
            "the school means, σ² the pooled variance within schools, and the variance of the "
            "school means estimates Δ = τ_00 + V with V = σ² / n.",
            listed(rows, "Estimate"),
            f"Here n_j runs from {found.n_min} to {found.n_max}, so there is no one n: each school "
            "mean has its own error variance V_j and its own Δ_j, and each way to choose an n "
            "gives another τ_00. REML weighs every school by its own precision instead. The "
            "balanced formulas mislead most when the n_j are far apart, when σ² is large "
            "beside τ_00, and when schools are few.",
        ),
    )


def _unpacked(schools: GroupValues) -> Table:
    from echelon.show.unpack import groups_table

    table = groups_table(schools)
    return picked(table, range(8), "The 20 schools, unpacked", table.notes[0])


def _estimates(schools: GroupValues) -> Table:
    from echelon.show.unpack import groups_table

    return picked(
        groups_table(schools),
        (0, 1, 2, 7, 8, 9, 10, 11),
        "Empirical Bayes estimates with 95% intervals",
        "Estimate = reliability × mean + (1 - reliability) × grand mean; SE: posterior, with the "
        "uncertainty of the grand mean.",
    )


def _unpacking(schools: GroupValues, table: Table) -> Step:
    low, high = schools.reliability.min(), schools.reliability.max()
    return Step(
        "The estimator unpacked, school by school",
        (
            Lines(
                "V_j  = σ² / n_j       error variance of a school mean\n"
                "SE_j = √V_j           its standard error\n"
                "Δ_j  = τ_00 + V_j     Delta, the total variance of a school mean\n"
                "       1 / Δ_j        its precision: the weight, shown in percent of the sum\n"
                "λ_j  = τ_00 / Δ_j     reliability of the school mean"
            ),
            table,
            "The weights differ much less than the sizes: τ_00 is in every Δ_j, and more "
            "students make V_j smaller, not τ_00. The reliabilities, between "
            f"{low:.3f} and {high:.3f}, are high because τ_00 is large beside every V_j.",
        ),
    )


def _weighting(found: Timss) -> Step:
    mean = found.naive.weighted_mean
    error = float((1 / found.schools.Delta).sum() ** -0.5)
    return Step(
        "The precision-weighted grand mean is γ_00",
        (
            Lines("γ_00 = Σ_j (mean_j / Δ_j) / Σ_j (1 / Δ_j)\n"
                  "SE   = √(1 / Σ_j (1 / Δ_j))"),
            listed(
                [
                    ("Precision-weighted mean of the school means", mean),
                    ("γ_00 of the fit", found.naive.gamma00),
                    ("√(1 / Σ_j (1 / Δ_j))", error),
                    ("Standard error of the fit", found.naive.gamma00_se),
                ],
                digits=3,
            ),
            "So REML's grand mean is no mystery: a weighted mean of the school means. Do not pass "
            "these weights to the fit as weights of your own; it applies them already.",
        ),
    )  # fmt: skip


def _shrinkage(found: Timss, table: Table) -> Step:
    values = found.schools
    mean, eb = float(values.ols[0, 0]), float(values.eb[0, 0])
    lam, grand = float(values.reliability[0, 0]), found.naive.gamma00
    return Step(
        "Empirical Bayes: shrunken school means with intervals",
        (
            "The best guess of a school's true mean lies between its own mean and the grand mean, "
            f"nearer its own the more reliable it is. School {values.levels[0]}: "
            f"{lam:.3f} x {mean:.2f} + {1 - lam:.3f} x {grand:.2f} = {eb:.2f}.",
            table,
            "The SE of an estimate is the root of its posterior variance V*_j, the error of the "
            "school's own deviation plus that of the grand mean it is drawn to:",
            Lines("V*_j = 1 / (1 / V_j + 1 / τ_00) + (1 - λ_j)² / Σ_j (1 / Δ_j)"),
            f"School {values.levels[0]}: V*_j = {float(values.posterior_se[0, 0]) ** 2:.2f}. Do "
            "not draw the intervals with SE_j of step 6: that one belongs to the unshrunken mean.",
        ),
    )
