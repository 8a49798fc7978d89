"""One group explained: the numbers are those of the tables, the sentences say what happened."""

from __future__ import annotations

import numpy as np
import pytest

import echelon as ec
from echelon.show.explain_words import explanation_text
from several_factors import CROSSED_SLOPES, THREE, answers, schools
from tolerances import SAME


@pytest.fixture(scope="module")
def null(timss):
    return ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss)


@pytest.fixture(scope="module")
def nested():
    return ec.lmer(THREE, schools())


def test_the_sentences_of_a_group(null):
    """Every number of the text, from the table of the groups."""
    row = null.groups().set_index("idschool").loc[5036]
    text = null.explain("5036").text
    low, high = null.group().count.min(), null.group().count.max()
    said = (
        f"has {row['n']:.0f} rows (groups have {low} to {high})",
        f"the mean of bsmmatxx in them is {row['mean']:.2f}",
        f"a standard error of {row['SE']:.2f}",
        f"predicts {row['predicted']:.2f} for every group, the grand mean",
        f"reliability of the group's own estimate is {row['reliability']:.2f}",
        f"keeps {100 * row['reliability']:.0f}%",
        f"moves from {row['mean']:.2f} to {row['EB']:.2f}, with a standard error of {row['EB_se']:.2f}",
        f"{row['conf_low']:.2f} to {row['conf_high']:.2f}",
    )
    for piece in said:
        assert piece in text


@pytest.mark.parametrize("label", ["5036", 5036, 5036.0, np.float64(5036), np.int64(5036)])
def test_a_label_may_be_typed_as_text_or_number(label, null):
    assert null.explain(label).text == null.explain("5036").text


def test_text_labels_that_look_like_numbers(timss):
    data = timss.assign(idschool=timss.idschool.astype(int).astype(str))
    fit = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", data)
    assert fit.explain(5036).label == "5036"


def test_an_unknown_group_gets_the_nearest(null):
    with pytest.raises(ec.errors.DataError, match=r"has no group '5037'\. Did you mean '5"):
        null.explain("5037")
    with pytest.raises(ec.errors.UnknownArgument, match="factor"):
        null.explain("5036", by="x")


def test_the_rank_is_that_of_the_league_table(hsb):
    fit = ec.lmer("mathach ~ meanses + (1 | school)", hsb)
    part = fit.explain(1224, n=4000).coefficients[0]
    ranks = fit.ranks(n=4000)
    j = ranks.levels.index(1224)
    assert part.rank.rank == ranks.rank[j]
    assert (part.rank.low, part.rank.median, part.rank.high) == (
        ranks.rank_low[j], ranks.median_rank[j], ranks.rank_high[j]
    )  # fmt: skip


def test_predictors_are_named(hsb):
    fit = ec.lmer("mathach ~ cses + meanses + sector + (1 | school)", hsb)
    text = fit.explain(1224).text
    assert "given the effects of cses" in text and "grand mean" not in text
    assert "for this group from meanses and sector" in text
    assert "by what they are beyond their predictions" in text


def test_several_coefficients_are_told_together(hsb_full):
    found = hsb_full.explain(1224)
    assert [part.term for part in found.coefficients] == ["(Intercept)", "cses"]
    assert "shrunk together, by a matrix" in found.text
    assert len(found.text.split("\n\n")) == 3
    table = hsb_full.groups()
    rows = table[table.school == 1224]
    frame = found.frame()
    for ours, theirs in (("EB", "EB"), ("own", "ols"), ("own_se", "SE"), ("reliability",) * 2):
        np.testing.assert_allclose(frame[ours], rows[theirs], **SAME)
    kept = (rows["EB"] - rows["predicted"]) / (rows["ols"] - rows["predicted"])
    np.testing.assert_allclose(frame["kept"], kept, rtol=1e-9)
    one = hsb_full.explain(1224, term="cses")
    assert len(one.coefficients) == 1 and "coefficient of cses" in one.text


def test_kept_is_the_reliability_of_one_intercept(null, nested):
    for fit, label, factor in ((null, 5036, None), (nested, 3, "school")):
        (part,) = fit.explain(label, factor).coefficients
        assert part.kept == pytest.approx(part.reliability, rel=1e-8)


def test_several_factors(nested):
    text = nested.explain(3, "school").text
    assert "Adjusted for the effects of room:school" in text
    assert "the effects of room:school left out" in text
    assert nested.explain("0:3").factor == "room:school"
    crossed = ec.lmer(CROSSED_SLOPES, answers())
    assert crossed.explain("p03").factor == "pupil"
    with pytest.raises(ec.errors.DataError, match="Name the grouping factor"):
        crossed.explain("nobody")
    with pytest.raises(ec.errors.DataError, match=r"has no group 'p3'\. Did you mean 'p"):
        crossed.explain("p3", "pupil")


def test_a_label_of_two_factors_asks_which():
    data = answers().assign(pupil=lambda d: d.pupil.str[1:].astype(int))
    fit = ec.lmer("y ~ 1 + (1 | pupil) + (1 | item)", data)
    with pytest.raises(ec.errors.DataError, match=r"more than one factor.*'pupil', 'item'"):
        fit.explain(3)
    assert fit.explain(3, "item").factor == "item"


def test_a_variance_of_zero():
    data = {"g": np.repeat(np.arange(5), 2), "y": [0.0, 1.0] * 5}
    found = ec.lmer("y ~ 1 + (1 | g)", data).explain(1)
    assert "estimated as zero" in found.text and "does not show that groups are equal" in found.text
    assert found.coefficients[0].rank is None and found.coefficients[0].reliability == 0
    assert "rank" not in found.text.lower().replace("cranked", "")
    assert np.isnan(found.frame()["rank"][0])
    assert found.to_text().count("0.50") == 3  # by itself, predicted, estimated


def test_one_row_and_no_estimate_of_its_own(sleep):
    data = sleep[~((sleep.Subject == sleep.Subject.iloc[0]) & (sleep.Days > 0))]
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", data)
    text = fit.explain(sleep.Subject.iloc[0]).text
    assert "has 1 row " in text and "Its 1 row alone cannot give its intercept" in text
    assert "rests on the prediction" in text
    assert "nan" not in text and "—" not in text


def test_residual_structures(hsb):
    fit = ec.lmer("mathach ~ ses + (1 | school)", hsb, residual="by(sex)")
    text = fit.explain(1224).text
    assert "generalised least squares" in text


def test_summaries(timss_summaries, null):
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries)
    first, second = fit.explain("5036").coefficients[0], null.explain("5036").coefficients[0]
    assert first.estimate == pytest.approx(second.estimate, rel=1e-6)


def test_the_iterative_method_says_what_it_knows():
    fit = ec.lmer("y ~ 1 + (1 | pupil) + (1 | item)", answers(), method="iterative", rng=1)
    found = fit.explain("p03")
    assert found.coefficients[0].rank is None
    assert "nan" not in found.text


def test_it_shows_itself(hsb_full):
    found = hsb_full.explain(1224)
    assert max(map(len, repr(found).splitlines())) <= 88
    assert " ".join(repr(found).split()) == " ".join(explanation_text(found).split())
    assert found._repr_html_().count("<p>") == 3 and "<table" in found._repr_html_()
    assert "Empirical Bayes" in found.to_text()
    assert "1224" in found.to_latex()
