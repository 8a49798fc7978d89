"""Every way to go wrong ends in an error of ours that says what was found and what to do next."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon import errors


def table(**new: object) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(10), 6)
    data = pd.DataFrame({"score": rng.normal(size=60) + g, "ses": rng.normal(size=60), "school": g})
    return data.assign(**new)


SIXTY = np.arange(60)
LMER = "score ~ ses + (1 | school)"

CASES = {
    "unknown response": (table(), "scor ~ ses + (1 | school)", errors.UnknownColumn, "Did you mean 'score'"),
    "unknown predictor": (table(), "score ~ sess + (1 | school)", errors.UnknownColumn, "Did you mean 'ses'"),
    "unknown group": (table(), "score ~ ses + (1 | schol)", errors.UnknownColumn, r"\(1 \| schol\).*Did you mean 'school'"),
    "one group": (table(school=1), LMER, errors.NotIdentified, "one group only.*ec.lm"),
    "one row a group": (table(school=SIXTY), LMER, errors.NotIdentified, "Every row is its own group"),
    "more effects than rows": (table(school=SIXTY // 2), "score ~ ses + (ses | school)", errors.NotIdentified, "cannot be told"),
    "constant response": (table(score=4.0), LMER, errors.NotIdentified, "same in every row"),
    "large constant response": (table(score=1e9), LMER, errors.NotIdentified, "same in every row"),
    "response from predictors": (table(score=2 * table()["ses"] + 1), LMER, errors.NotIdentified, "reproduce 'score' exactly"),
    "infinite response": (table(score=np.where(SIXTY == 7, np.inf, 1.0 * SIXTY)), LMER, errors.DataError, "'score' has 1 infinite value .*row 7"),
    "infinite predictor": (table(ses=np.where(SIXTY < 2, -np.inf, 1.0 * SIXTY)), LMER, errors.DataError, "'ses' has 2 infinite values"),
    "all missing": (table(ses=np.nan), LMER, errors.DataError, "'ses' has no value in any of the 60 rows"),
    "no complete row": (table(ses=np.where(SIXTY < 30, np.nan, 1), score=np.where(SIXTY >= 30, np.nan, 1)), LMER, errors.DataError, "none of the 60 rows has all variables"),
    "text response": (table(score=np.where(SIXTY % 2, "a", "b")), LMER, errors.DataError, "score"),
    "truth as response": (table(score=pd.Categorical(SIXTY % 2)), LMER, errors.DataError, "score"),
    "second factor of one group": (table(region=1), "score ~ ses + (1 | school) + (1 | region)", errors.NotIdentified, "'region' has one group only"),
    "outer factor of one group": (table(region=1), "score ~ ses + (1 | region/school)", errors.NotIdentified, "'region' has one group only"),
    "inner factor of one row a group": (table(pupil=SIXTY), "score ~ ses + (1 | school/pupil)", errors.NotIdentified, "Every row is its own group of 'pupil:school'"),
    "same factor twice": (table(), "score ~ ses + (1 | school/school)", errors.FormulaError, ""),
    "unknown second factor": (table(), "score ~ ses + (1 | school) + (1 | schol)", errors.UnknownColumn, r"\(1 \| schol\).*Did you mean 'school'"),
    "counts": (table(tries=9), "cbind(score, tries) ~ ses + (1 | school)", errors.NotYetSupported, "generalised"),
    "no random term": (table(), "score ~ ses", errors.FormulaError, "No random term.*ec.lm"),
    "no response": (table(), "~ ses + (1 | school)", errors.FormulaError, "response"),
    "broken formula": (table(), "score ~ ses + (1 | school", errors.FormulaError, r"\^"),
    "empty formula": (table(), "", errors.FormulaError, ""),
    "random effect of zeros": (table(zero=0.0), "score ~ ses + (0 + zero | school)", errors.NotIdentified, "'zero'.*constant or a combination"),
    "no rows": (table().head(0), LMER, errors.DataError, "no rows"),
    "same term twice": (table(), "score ~ ses + (1 | school) + (1 | school)", errors.FormulaError, "twice"),
    "same effect twice": (table(), "score ~ ses + (1 | school) + (ses | school)", errors.FormulaError, "twice"),
    "dates": (table(ses=pd.Timestamp("2020-01-01")), LMER, errors.DataError, "ses"),
    "log of zero": (table(ses=1.0 * SIXTY), "score ~ log(ses) + (1 | school)", errors.EchelonError, "infinite|log"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=[name.replace(" ", "_") for name in CASES])
def test_what_cannot_be_fitted_is_explained(case: tuple) -> None:
    data, formula, kind, message = case
    with pytest.raises(kind, match=f"(?s){message}"):
        ec.lmer(formula, data)


def test_errors_are_also_the_built_in_that_is_expected() -> None:
    with pytest.raises(LookupError):
        ec.lmer("score ~ sess + (1 | school)", table())
    with pytest.raises(NotImplementedError):
        ec.lmer("cbind(score, ses) ~ 1 + (1 | school)", table())
    with pytest.raises(ValueError, match="No random term"):
        ec.lmer("score ~ ses", table())


OPTIONS = {
    "df": (lambda: ec.lmer(LMER, table(), df="satterthwait"), errors.UnknownOption, "Did you mean 'satterthwaite'"),
    "df later": (lambda: ec.lmer(LMER, table()).coefficients(df="kenward"), errors.UnknownOption, "df='kenward' is not known"),
    "interval": (lambda: ec.lmer(LMER, table()).groups(interval="condtional"), errors.UnknownOption, "Did you mean 'conditional'"),
    "level 95": (lambda: ec.lmer(LMER, table()).confint(level=95), errors.DataError, r"level=95 must lie between 0 and 1"),
    "level 95 of coefficients": (lambda: ec.lmer(LMER, table()).coefficients(level=95), errors.DataError, "level=0.95"),
    "level 95 of groups": (lambda: ec.lmer(LMER, table()).groups(level=95), errors.DataError, "level=0.95"),
    "level 95 of ranef": (lambda: ec.lmer(LMER, table()).ranef(level=95), errors.DataError, "level=0.95"),
    "level 1": (lambda: ec.lm("score ~ ses", table()).confint(level=1), errors.DataError, "between 0 and 1"),
    "factor of groups": (lambda: ec.lmer(LMER, table()).groups("schol"), errors.UnknownColumn, "Did you mean 'school'"),
    "contrast kind": (lambda: ec.lmer("score ~ f + (1 | school)", table(f=np.where(SIXTY % 2, "a", "b")), contrasts={"f": "sume"}), errors.UnknownOption, "Did you mean 'sum'"),
    "contrast column": (lambda: ec.lmer("score ~ f + (1 | school)", table(f=np.where(SIXTY % 2, "a", "b")), contrasts={"ff": "sum"}), errors.EchelonError, "ff"),
    "precision name": (lambda: ec.lmer(LMER, table(), precision="wt"), errors.UnknownColumn, "precision='wt'"),
    "precision zero": (lambda: ec.lmer(LMER, table(), precision=np.where(SIXTY < 3, 0, 1)), errors.DataError, "3 values of 0 or less"),
    "precision length": (lambda: ec.lmer(LMER, table(), precision=np.ones(59)), errors.DataError, r"\(59,\).*60 rows"),
    "precision text": (lambda: ec.lmer(LMER, table(t="a"), precision="t"), errors.DataError, "not numeric"),
    "offset infinite": (lambda: ec.lmer(LMER, table(), offset=np.full(60, np.inf)), errors.DataError, "infinite"),
    "offset text": (lambda: ec.lmer(LMER, table(), offset=["a"] * 60), errors.DataError, "offset"),
    "no data": (lambda: ec.lmer(LMER), errors.DataError, "either data"),
    "data and summaries": (lambda: ec.lmer(LMER, table(), summaries=table()), errors.DataError, "either data"),
    "a path": (lambda: ec.lmer(LMER, "file.csv"), errors.DataError, "ec.read"),
    "a number": (lambda: ec.lmer(LMER, 5), errors.DataError, "A table is needed"),
    "lm with bars": (lambda: ec.lm(LMER, table()), errors.FormulaError, "ec.lmer"),
    "public name": (lambda: ec.lmr, AttributeError, "Did you mean 'lmer'"),
    "summaries of fractions": (lambda: ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame({"m": [1.0, 2, 3], "g": list("abc"), "n": [2, 2.5, 3], "sd": 1.0})), errors.DataError, "whole numbers"),
    "summaries of nothing": (lambda: ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame({"m": [1.0, 2, 3], "g": list("abc"), "n": [2, 0, 3], "sd": 1.0})), errors.DataError, "at least 1"),
    "summaries sd negative": (lambda: ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame({"m": [1.0, 2, 3], "g": list("abc"), "n": [2, 4, 3], "sd": [1.0, -1, 1]})), errors.DataError, ">= 0"),
    "summaries without sd": (lambda: ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame({"m": [1.0, 2, 3], "g": list("abc"), "n": 4})), errors.UnknownColumn, "sd"),
    "summaries without spread": (lambda: ec.lmer("m ~ 1 + (1 | g)", summaries=pd.DataFrame({"m": [1.0, 2, 3], "g": list("abc"), "n": 4, "sd": 0.0})), errors.NotIdentified, ""),
}  # fmt: skip


@pytest.mark.parametrize("case", OPTIONS.values(), ids=[name.replace(" ", "_") for name in OPTIONS])
def test_mistyped_options_are_refused(case: tuple) -> None:
    call, kind, message = case
    with pytest.raises(kind, match=f"(?s){message}"):
        call()


SEVERAL = {
    "groups without factor": (lambda fit: fit.groups(), errors.DataError, "2 grouping factors. Name one of them: 'school', 'region'"),
    "groups of a typo": (lambda fit: fit.groups("regin"), errors.UnknownColumn, "Did you mean 'region'"),
    "coef without factor": (lambda fit: fit.coef(), errors.DataError, "Name one of them"),
    "coef of a typo": (lambda fit: fit.coef("regin"), errors.UnknownOption, "Did you mean 'region'"),
    "icc of a typo": (lambda fit: fit.icc("regin"), errors.UnknownColumn, "Did you mean 'region'"),
    "reliability of a typo": (lambda fit: fit.reliability("regin"), errors.UnknownColumn, "Did you mean 'region'"),
    "variance tests": (lambda fit: fit.variance_tests(), errors.DataError, "one grouping factor only.*log-likelihoods"),
    "weights": (lambda fit: fit.plot.weights("school"), errors.DataError, "one grouping factor only.*caterpillar"),
    "observed": (lambda fit: fit.plot.observed("school"), errors.DataError, "one grouping factor only.*caterpillar"),
    "caterpillar without factor": (lambda fit: fit.plot.caterpillar(), errors.DataError, "Name one of them"),
    "shrinkage of a typo": (lambda fit: fit.plot.shrinkage("regin"), errors.UnknownColumn, "Did you mean 'region'"),
    "distributions without factor": (lambda fit: fit.plot.distributions(), errors.DataError, "Name one of them"),
    "means by without factor": (lambda fit: fit.plot.means_by("ses"), errors.DataError, "Name one of them"),
    "null of other factors": (lambda fit: fit.explained(ec.lmer(LMER, table())), errors.DataError, "its grouping factors: school, here: region, school"),
}  # fmt: skip


@pytest.mark.parametrize("case", SEVERAL.values(), ids=[name.replace(" ", "_") for name in SEVERAL])
def test_what_several_factors_leave_open_is_refused(case: tuple) -> None:
    call, kind, message = case
    fit = ec.lmer("score ~ ses + (1 | school) + (1 | region)", table(region=SIXTY % 4))
    with pytest.raises(kind, match=f"(?s){message}"):
        call(fit)


@pytest.mark.parametrize("option", ["weights", "REML", "family"])
def test_unknown_keywords_fail(option: str) -> None:
    with pytest.raises(TypeError, match=option):
        ec.lmer(LMER, table(), **{option: None})


def test_a_line_through_two_points_has_no_residual_variance() -> None:
    """As in R: what two rows cannot give is dropped and named, the standard errors are missing."""
    fit = ec.lm("score ~ ses + I(ses^2) + I(ses^3)", table().head(2))
    assert fit.dropped == ("I(ses^2)", "I(ses^3)") and fit.df_resid == 0
    assert np.isnan(fit.sigma) and np.isnan(fit.bse).all()


@pytest.mark.parametrize("value", [4.0, 3.7, 0.1, 1 / 3, 1e6 + 0.1])
@pytest.mark.parametrize(
    "formula", ["score ~ 1 + (k | school)", "score ~ ses + (k + ses | school)"]
)
def test_random_slope_on_a_constant_column(formula: str, value: float) -> None:
    """It is the random intercept again; after centring only rounding is left of it."""
    with pytest.raises(errors.NotIdentified, match=r"'k'.*(constant|same)"):
        ec.lmer(formula, table(k=value))
