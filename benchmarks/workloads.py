"""What is measured, and the targets Echelon is held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PEERS = ("echelon", "glmm", "mixedlm", "gpboost", "statsmodels", "lme4")

Mode = Literal[
    "fit",
    "summary",
    "cold",
    "import",
    "df",
    "refit",
    "batch",
    "bootstrap",
    "influence",
    "satterthwaite",
    "kenward-roger",
]


@dataclass(frozen=True, slots=True)
class Model:
    """One model on one table.

    Attributes
    ----------
    data : see `tables.make`;  formula : in lme4's grammar
    fixed, groups, effects, components : the same model in statsmodels' terms; `groups` "one" is a
        column of ones, which is how statsmodels is given crossed factors
    reml : restricted likelihood; gpboost has full likelihood only and is judged by that
    iterative : for tables too large for a factorisation; log-likelihoods are then estimates
    """

    data: str
    formula: str
    fixed: str = ""
    groups: str = ""
    effects: str = "~1"
    components: Mapping[str, str] | None = None
    reml: bool = True
    iterative: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One model, one thing done with it.

    Attributes
    ----------
    name : as typed after --only;  title : as printed
    mode : "fit"; "cold" (a fit with every remembered formula forgotten first); "summary" (fit, then
        the printed summary with df and p); "df" (fit, then Satterthwaite's df of every
        coefficient); "satterthwaite", "kenward-roger" (the coefficients of a fitted model with
        these df); "refit" (a fitted model to one new response); "batch" (the same to 1,000);
        "bootstrap" (1,000 parametric replicates of a fitted model and their intervals);
        "influence" (a fitted model refitted without each of its groups; compared by the residual
        variances without each);
        "import" (a new process: import, then its first fit)
    seconds, megabytes : Echelon's targets
    large : single fits are long enough to be timed a few times only, and memory is shown
    peers : who takes part
    cannot : who does not, and why, as printed
    harder_than : a peer that ran out of time or memory there is not tried here (except gpboost
        where it changes from factorising to iterating)
    only_all : who takes part only with --all
    """

    name: str
    title: str
    model: Model
    mode: Mode = "fit"
    seconds: float | None = None
    megabytes: float | None = None
    large: bool = False
    peers: tuple[str, ...] = PEERS
    cannot: Mapping[str, str] = field(default_factory=dict)
    harder_than: str = ""
    only_all: tuple[str, ...] = ()


_SLEEP = Model(
    "sleepstudy", "Reaction ~ Days + (Days | Subject)", "Reaction ~ Days", "Subject", "~Days"
)
_REFIT = Model("sleepstudy x 1000", _SLEEP.formula, _SLEEP.fixed, "Subject", "~Days")
_HSB = Model("hsb", "mathach ~ ses + (1 | school)", "mathach ~ ses", "school")
_CROSS_FIXED = "mathach ~ meanses*cses + sector*cses"
_CROSS_LEVEL = Model("hsb", f"{_CROSS_FIXED} + (cses | school)", _CROSS_FIXED, "school", "~cses")
_RATED = "y ~ service"
_TWO = {"s": "0 + s", "d": "0 + d"}
_INSTEVAL_2 = Model("InstEval", f"{_RATED} + (1 | s) + (1 | d)", _RATED, "one", "~0", _TWO)
_INSTEVAL_3 = Model(
    "InstEval",
    f"{_RATED} + (1 | s) + (1 | d) + (1 | dept:service)",
    _RATED,
    "one",
    "~0",
    {**_TWO, "dept:service": "0 + dept:service"},
)
_CHEM97 = Model(
    "Chem97",
    "score ~ 1 + (1 | school) + (1 | lea)",
    "score ~ 1",
    "lea",
    components={"school": "0 + C(school)"},
    reml=False,
)
_FIVE = "y ~ x1 + x2 + x3 + x4 + x5"
_LARGE = Model("1e6 x 1e4", f"{_FIVE} + (1 | g)", _FIVE, "g")
_TEN = " + ".join(f"x{i + 1}" for i in range(10))
_LARGE_10 = Model("1e6 x 1e4, 10", f"y ~ {_TEN} + (1 | g)", f"y ~ {_TEN}", "g")
_INSTEVAL_SUB = Model("InstEval_sub", _INSTEVAL_2.formula, _RATED, "one", "~0", _TWO)
_SLOPE = Model("1e6 x 1e5", "y ~ x1 + (x1 | g)", "y ~ x1", "g", "~x1")
_CROSSED = Model("1e6 crossed", "y ~ x1 + (1 | g) + (1 | h)", "y ~ x1")
_THREE = "y ~ x1 + x2 + x3"
_NESTED = Model(
    "1e6 nested",
    f"{_THREE} + (x1 | school) + (1 | class)",
    _THREE,
    "school",
    "~x1",
    {"class": "0 + C(Q('class'))"},
)
_RATINGS = Model(
    "1e6 ratings", "y ~ x1 + (1 | user) + (1 | item)", "y ~ x1", reml=True, iterative=True
)

_NO_SLOPES = {"gpboost": "no correlated slopes"}
_NO_DF = {"gpboost": "no df", "statsmodels": "no df, z only"}

WORKLOADS = (
    Workload("sleep", "sleepstudy, fit", _SLEEP, seconds=0.004, cannot=_NO_SLOPES),
    Workload(
        "sleep-cold",
        "the same, nothing remembered",
        _SLEEP,
        mode="cold",
        seconds=0.004,
        peers=("echelon",),
    ),
    Workload(
        "sleep-summary",
        "the same with summary, df, p",
        _SLEEP,
        "summary",
        seconds=0.006,
        cannot=_NO_SLOPES,
    ),
    Workload(
        "sleep-refit", "the same, one new response", _REFIT, "refit", 0.0005, cannot=_NO_SLOPES
    ),
    Workload(
        "sleep-batch",
        "the same, 1,000 new responses",
        _REFIT,
        "batch",
        seconds=0.1,
        large=True,
        cannot=_NO_SLOPES,
    ),
    Workload(
        "sleep-bootstrap",
        "the same, 1,000 bootstrap replicates",
        _SLEEP,
        "bootstrap",
        seconds=1.0,
        large=True,
        peers=("echelon",),
    ),
    Workload("hsb", "HSB, random intercept", _HSB, seconds=0.006),
    Workload(
        "hsb-cross",
        "HSB, cross-level, random slope",
        _CROSS_LEVEL,
        seconds=0.010,
        cannot=_NO_SLOPES,
    ),
    Workload(
        "hsb-bootstrap",
        "the same, 1,000 bootstrap replicates",
        _CROSS_LEVEL,
        "bootstrap",
        seconds=5.0,
        large=True,
        peers=("echelon",),
    ),
    Workload(
        "hsb-influence",
        "the same, fitted: refits without each of 160 schools",
        _CROSS_LEVEL,
        "influence",
        seconds=1.0,
        large=True,
        peers=("echelon", "lme4"),
    ),
    Workload(
        "chem97",
        "Chem97, schools in authorities, ML",
        _CHEM97,
        large=True,
        only_all=("statsmodels",),
    ),
    Workload("insteval-2", "InstEval, 2 crossed", _INSTEVAL_2, seconds=0.4, large=True),
    Workload(
        "insteval-3",
        "InstEval, 3 terms",
        _INSTEVAL_3,
        seconds=0.7,
        large=True,
        harder_than="insteval-2",
    ),
    Workload(
        "insteval-df",
        "the same with Satterthwaite's df",
        _INSTEVAL_3,
        "df",
        seconds=1.0,
        large=True,
        cannot=_NO_DF,
        harder_than="insteval-3",
    ),
    Workload(
        "insteval-kr",
        "InstEval, 2 crossed, fitted: Kenward-Roger",
        _INSTEVAL_2,
        "kenward-roger",
        large=True,
        peers=("echelon",),
    ),
    Workload(
        "insteval-sub-kr",
        "2,645 rows of it, fitted: Kenward-Roger",
        _INSTEVAL_SUB,
        "kenward-roger",
        large=True,
        peers=("echelon",),
    ),
    Workload(
        "large",
        "1e6 rows, 1e4 groups, 5 x, intercept",
        _LARGE,
        seconds=0.15,
        megabytes=150,
        large=True,
    ),
    Workload("large-10", "the same, 10 x", _LARGE_10, large=True, peers=("echelon",)),
    Workload(
        "large-10-df",
        "fitted: Satterthwaite's df",
        _LARGE_10,
        "satterthwaite",
        seconds=0.15,
        large=True,
        peers=("echelon",),
    ),
    Workload(
        "large-10-kr",
        "fitted: Kenward-Roger",
        _LARGE_10,
        "kenward-roger",
        large=True,
        peers=("echelon",),
    ),
    Workload(
        "large-slope",
        "1e6 rows, 1e5 groups, intercept + slope",
        _SLOPE,
        seconds=0.35,
        megabytes=150,
        large=True,
        cannot=_NO_SLOPES,
        only_all=("statsmodels",),
    ),
    Workload(
        "crossed",
        "1e6 rows, 1e4 x 1e3 crossed",
        _CROSSED,
        seconds=4.0,
        large=True,
        cannot={"statsmodels": "dense indicators, 88 GB"},
    ),
    Workload(
        "nested",
        "1e6 rows, 40,000 classes in 2,500 schools, slope",
        _NESTED,
        large=True,
        cannot=_NO_SLOPES,
        only_all=("statsmodels",),
    ),
    Workload(
        "ratings",
        "1e6 ratings, 1e5 users x 1e4 items, Zipf",
        _RATINGS,
        large=True,
        cannot={"statsmodels": "dense indicators, 880 GB"},
        only_all=("lme4", "mixedlm"),
        harder_than="crossed",
    ),
    Workload(
        "import",
        "import in a new process",
        _SLEEP,
        mode="import",
        seconds=0.3,
        peers=("echelon", "glmm", "mixedlm", "gpboost", "statsmodels"),
    ),
)


def workload(name: str) -> Workload:
    """The workload of a name."""
    return next(work for work in WORKLOADS if work.name == name)
