"""What the commands fit: a formula, a table, and how; with or without random effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

import echelon as ec
from echelon.cli import options as opt
from echelon.cli.command import refused

if TYPE_CHECKING:
    from echelon.api.results import LMM, OLS


@dataclass(frozen=True, slots=True)
class Model:
    """What to fit, as asked on the command line."""

    formula: str
    file: str
    reml: bool = True
    df: opt.Df = opt.Df.satterthwaite
    precision: str | None = None
    offset: str | None = None
    residual: str | None = None
    summaries: bool = False
    n: str | None = None
    sd: str | None = None

    @property
    def multilevel_only(self) -> list[str]:
        """The options given that a linear model has no use for."""
        given = {
            "--ml": not self.reml,
            "--df": self.df is not opt.Df.satterthwaite,
            "--residual": self.residual is not None,
            "--summaries": self.summaries,
        }
        return [option for option, used in given.items() if used]

    def check(self) -> None:
        """Refuse options that do not go together."""
        if "~" in self.file and "~" not in self.formula:
            raise typer.BadParameter(
                f'the formula comes first: echelon fit "{self.file}" {self.formula}'
            )
        if (self.n or self.sd) and not self.summaries:
            raise typer.BadParameter("--n and --sd go with --summaries.")
        if self.summaries and (self.precision or self.offset or self.residual):
            raise typer.BadParameter(
                "--precision, --offset and --residual do not go with --summaries."
            )


def has_random_part(formula: str) -> bool:
    """Whether a formula asks for a multilevel model."""
    from echelon.formula import parse

    return bool(parse(formula).random)


def fit_model(model: Model, table: object) -> LMM | OLS:
    """Fit what was asked for; a formula without a bar is a linear model."""
    if not has_random_part(model.formula):
        return ec.lm(model.formula, table, precision=model.precision, offset=model.offset)
    if model.summaries:
        given = ec.Summaries(table, n=model.n or "n", sd=_sd(model.sd or "sd"))
        return ec.lmer(model.formula, summaries=given, reml=model.reml, df=model.df.value)
    return ec.lmer(
        model.formula,
        table,
        reml=model.reml,
        df=model.df.value,
        precision=model.precision,
        offset=model.offset,
        residual=model.residual,
    )


def is_failed(fitted: LMM | OLS) -> bool:
    """Whether the search for the estimates failed."""
    from echelon.model.fit import LmmFit

    return isinstance(fitted, LmmFit) and fitted.verdict.status == "failed"


def check_verdict(fitted: LMM | OLS, asked: str = "") -> None:
    """End with an error after a failed search.

    Parameters
    ----------
    asked : what was not made because of it
    """
    if is_failed(fitted):
        raise refused(
            "The search for the estimates failed: do not report them (see the verdict)."
            f"{f' {asked}' if asked else ''}"
        )


def _sd(given: str) -> str | float:
    """A column name, or one pooled standard deviation."""
    try:
        return float(given)
    except ValueError:
        return given
