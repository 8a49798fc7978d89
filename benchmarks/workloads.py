"""What is measured, and the targets Echelon is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PEERS = ("echelon", "glmm", "mixedlm", "statsmodels", "lme4")


@dataclass(frozen=True, slots=True)
class Workload:
    """One model on one table.

    Attributes
    ----------
    name : as typed after --only;  title : as printed
    data : see `tables.make`;  formula : in lme4's grammar
    fixed, groups, effects : the same model in statsmodels' terms
    mode : "fit"; "summary" (fit, then the printed summary with df and p); "cold" (a fit with every
        remembered formula forgotten first); "import" (a new process: import, then its first fit)
    seconds, megabytes : Echelon's targets
    peers : who takes part;  slow : who gets one run, and none with --quick
    only_all : who takes part only with --all
    """

    name: str
    title: str
    data: str
    formula: str
    fixed: str
    groups: str
    effects: str
    mode: Literal["fit", "summary", "cold", "import"] = "fit"
    seconds: float | None = None
    megabytes: float | None = None
    peers: tuple[str, ...] = PEERS
    slow: tuple[str, ...] = ()
    only_all: tuple[str, ...] = ()

    @property
    def large(self) -> bool:
        """Whether single fits are long enough to be timed a few times only."""
        return self.data.startswith("1e6")


_SLEEP = ("sleepstudy", "Reaction ~ Days + (Days | Subject)", "Reaction ~ Days", "Subject", "~Days")
_HSB = ("hsb", "mathach ~ ses + (1 | school)", "mathach ~ ses", "school", "~1")
_CROSS_FIXED = "mathach ~ meanses*cses + sector*cses"
_CROSS = ("hsb", f"{_CROSS_FIXED} + (cses | school)", _CROSS_FIXED, "school", "~cses")
_FIVE = "y ~ x1 + x2 + x3 + x4 + x5"
_LARGE = ("1e6 x 1e4", f"{_FIVE} + (1 | g)", _FIVE, "g", "~1")
_SLOPE = ("1e6 x 1e5", "y ~ x1 + (x1 | g)", "y ~ x1", "g", "~x1")

WORKLOADS = (
    Workload("sleep", "sleepstudy, fit", *_SLEEP, seconds=0.004),
    Workload(
        "sleep-cold",
        "the same, nothing remembered",
        *_SLEEP,
        mode="cold",
        seconds=0.004,
        peers=("echelon",),
    ),
    Workload("sleep-summary", "the same with summary, df, p", *_SLEEP, "summary", seconds=0.006),
    Workload("hsb", "HSB, random intercept", *_HSB, seconds=0.006),
    Workload("hsb-cross", "HSB, cross-level, random slope", *_CROSS, seconds=0.010),
    Workload(
        "large",
        "1e6 rows, 1e4 groups, 5 x, intercept",
        *_LARGE,
        seconds=0.15,
        megabytes=150,
        slow=("statsmodels", "lme4"),
    ),
    Workload(
        "large-slope",
        "1e6 rows, 1e5 groups, intercept + slope",
        *_SLOPE,
        seconds=0.35,
        megabytes=150,
        slow=("lme4",),
        only_all=("statsmodels",),
    ),
    Workload(
        "import",
        "import in a new process",
        *_SLEEP,
        mode="import",
        seconds=0.3,
        peers=("echelon", "glmm", "mixedlm", "statsmodels"),
    ),
)
