"""What was asked for beside a fit, as on the command line, and what does not go together."""

from __future__ import annotations

import re
from dataclasses import dataclass

import typer

from echelon.cli import after_options as late
from echelon.cli import options as opt

BY = re.compile(r"\s+by\s+|\s*\|\s*")
ROWS = "rows"
_NO_EFFECTS = ("all", "none")


@dataclass(frozen=True, slots=True)
class After:
    """What was asked for after the tests: checks, measures, groups, predictions, rows drawn.

    Attributes
    ----------
    influence : "rows", factors or columns;  ranks : "", factors, or "TERM of FACTOR"
    explain : labels of groups, or "LABEL of FACTOR"
    predict : file of the rows to predict;  keep : whether they are written
    simulate : how many responses are drawn;  groups_file, hlm_names : of the residual file
    """

    check: bool = False
    performance: bool = False
    r2: bool = False
    influence: tuple[str, ...] = ()
    ranks: tuple[str, ...] = ()
    explain: tuple[str, ...] = ()
    predict: str | None = None
    keep: bool = False
    interval: late.Interval | None = None
    new_groups: late.NewGroups | None = None
    random: str | None = None
    simulate: int | None = None
    groups_file: bool = False
    hlm_names: bool = False

    @property
    def multilevel_only(self) -> list[str]:
        """The options given that need a multilevel model."""
        given = {
            "--r2": self.r2,
            "--ranks": bool(self.ranks),
            "--explain": bool(self.explain),
            "--new-groups": self.new_groups is not None,
            "--random": self.random is not None and self.random.lower() not in _NO_EFFECTS,
        }
        return [option for option, used in given.items() if used]

    @property
    def of_rows(self) -> list[str]:
        """The options given that need the single rows of the fit."""
        rows = any(text.lower() == ROWS for text in self.influence)
        given = {"--influence rows": rows, "--simulate": self.simulate is not None}
        return [option for option, used in given.items() if used]

    def refuse(self) -> None:
        """Refuse options that do not go together."""
        given = {
            "--predictions": self.keep,
            "--interval": self.interval is not None,
            "--new-groups": self.new_groups is not None,
            "--random": self.random is not None,
        }
        lost = [option for option, used in given.items() if used]
        if lost and self.predict is None:
            goes = "goes" if len(lost) == 1 else "go"
            raise typer.BadParameter(
                f"{' and '.join(lost)} {goes} with --predict FILE, the rows to predict."
            )
        if self.hlm_names and not self.groups_file:
            raise typer.BadParameter("--hlm-names goes with --residual-file.")


_NOTHING = After()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for beside the fit, as on the command line."""

    anova: opt.AnovaType | None = None
    ranova: bool = False
    drop1: bool = False
    tests: tuple[str, ...] = ()
    emmeans: tuple[str, ...] = ()
    slopes: tuple[str, ...] = ()
    johnson_neyman: tuple[str, ...] = ()
    confint: opt.Confint | None = None
    replicates: int | None = None
    seed: int | None = None
    robust: opt.Robust | None = None
    cluster: str | None = None
    after: After = _NOTHING

    @property
    def multilevel_only(self) -> list[str]:
        """The options given that need a multilevel model."""
        drawn = self.confint not in (None, opt.Confint.wald)
        given = {"--ranova": self.ranova, f"--confint {self.confint}": drawn}
        own = [option for option, used in given.items() if used]
        return own + self.after.multilevel_only

    @property
    def any(self) -> bool:
        """Whether anything was."""
        return self != Asked()

    def check(self, multilevel: bool) -> None:
        """Refuse options that do not go together."""
        if self.cluster is not None and self.robust is None:
            raise typer.BadParameter("--cluster goes with --robust.")
        if self.robust is not None and self.cluster is None and not multilevel:
            raise typer.BadParameter(
                "--robust needs --cluster COL here: the formula has no grouping factor."
            )
        bootstrapped = self.confint is opt.Confint.bootstrap
        if self.replicates is not None and not bootstrapped:
            raise typer.BadParameter("--replicates goes with --confint bootstrap.")
        if self.seed is not None and not (bootstrapped or self.after.simulate is not None):
            raise typer.BadParameter("--seed goes with --confint bootstrap or --simulate.")
        self.after.refuse()
        for spec in self.johnson_neyman:
            if len(BY.split(spec.strip())) != 2:
                raise typer.BadParameter(
                    f'--johnson-neyman {spec!r} names no moderator: write "ses by meanses".'
                )
