"""Group means against a predictor."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.errors import DataError, UnknownColumn, UnknownOption
from echelon.plot import means_by, new_figure
from echelon.plot.columns import fixed_part, variable


def offsets(ax):
    return [np.asarray(c.get_offsets()) for c in ax.collections]


def test_two_parallel_lines_of_the_exercise(eclsk, ax):
    eclsk.plot.means_by("schmeansesc", by="sector", labels=("public", "private"), ax=ax)
    frame = ec.datasets.load("eclsk", quiet=True)
    school = frame.groupby("schid")[["sector", "schmeansesc", "g1rscore"]].mean()
    for sector, shown in enumerate(offsets(ax)):
        expected = school[school.sector == sector][["schmeansesc", "g1rscore"]].to_numpy()
        assert shown == pytest.approx(expected)
    beta = dict(zip(eclsk.names, eclsk.optimum.beta, strict=True))
    for sector, line in enumerate(ax.get_lines()):
        x, y = line.get_data()
        level = beta["(Intercept)"] + beta["sector"] * sector
        assert y == pytest.approx(level + beta["schmeansesc"] * x)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["public", "private"]


def test_a_factor_and_its_interaction(hsb, ax):
    hsb.plot.means_by("meanses", by="sector[T.Catholic]", ax=ax)
    beta = dict(zip(hsb.names, hsb.optimum.beta, strict=True))
    slopes = [np.diff(y)[0] / np.diff(x)[0] for x, y in (ln.get_data() for ln in ax.get_lines())]
    cross = next(b for name, b in beta.items() if ":" in name)
    assert slopes == pytest.approx([beta["meanses"], beta["meanses"] + cross])
    assert [len(shown) for shown in offsets(ax)] == [90, 70]


def test_a_categorical_predictor_has_a_bar_for_each_category(hsb, ax):
    means_by(hsb, "sector", ax=ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["Public", "Catholic"]
    bars = [line.get_ydata()[0] for line in ax.get_lines()]
    beta = dict(zip(hsb.names, hsb.optimum.beta, strict=True))
    design = hsb.built.design
    codes = design.factors[0].codes
    of = lambda name: (  # noqa: E731
        np.bincount(codes, weights=design.arrays[design.names.index(name)]) / np.bincount(codes)
    ).mean()
    cross = next(name for name in hsb.names if ":" in name)
    assert bars[1] - bars[0] == pytest.approx(
        beta["sector[T.Catholic]"] + beta[cross] * of("meanses")
    )


def test_a_level_1_predictor_is_averaged_and_the_axis_says_so(hsb, ax):
    hsb.plot.means_by("cses", ax=ax)
    assert ax.get_xlabel() == "cses (mean of each group)"


def test_estimates_are_pulled_towards_the_lines(eclsk, ax):
    eclsk.plot.means_by("schmeansesc", ax=ax, show="eb")
    assert offsets(ax)[0][:, 1].std() < eclsk.optimum.beta[0]
    other = new_figure().subplots()
    eclsk.plot.means_by("schmeansesc", ax=other)
    assert offsets(ax)[0][:, 1].std() < offsets(other)[0][:, 1].std()


def test_no_line_where_another_column_depends_on_the_predictor(ax):
    frame = ec.datasets.load("eclsk", quiet=True)
    fit = ec.lmer("g1rscore ~ schmeansesc + I(schmeansesc ** 2) + (1 | schid)", frame)
    fit.plot.means_by("schmeansesc", ax=ax)
    assert not ax.get_lines()


def test_summaries_with_a_predictor(ax):
    table = ec.datasets.load("timss_summaries", quiet=True)
    table = pd.DataFrame(table).assign(size=lambda d: d["n"] / 10.0)
    fit = ec.lmer("mean ~ size + (1 | idschool)", summaries=table)
    fit.plot.means_by("size", show="eb", ax=ax)
    assert offsets(ax)[0][:, 0] == pytest.approx(table["size"].to_numpy())
    assert len(ax.get_lines()) == 1


def test_errors_name_the_columns(eclsk, hsb):
    with pytest.raises(UnknownColumn, match="sector, schmeansesc"):
        eclsk.plot.means_by("income")
    with pytest.raises(DataError, match="too many values"):
        eclsk.plot.means_by("schmeansesc", by="schmeansesc")
    with pytest.raises(DataError, match="varies within groups"):
        hsb.plot.means_by("meanses", by="cses")
    with pytest.raises(DataError, match="3 names"):
        eclsk.plot.means_by("schmeansesc", by="sector", labels=("a", "b", "c"))
    with pytest.raises(UnknownOption, match="observed"):
        eclsk.plot.means_by("schmeansesc", show="ols")
    frame = ec.datasets.load("hsb", quiet=True)
    fit = ec.lmer("mathach ~ minority + meanses + (1 | school)", frame)
    with pytest.raises(DataError, match="'minority' varies within the groups of school"):
        fit.plot.means_by("meanses", by="minority")


def test_the_fixed_part_of_an_average_school(eclsk):
    expected = np.dot(
        eclsk.optimum.beta,
        [1.0, variable(eclsk, "sector", "").categories.mean(), 0.5],
    )
    assert fixed_part(eclsk, {"schmeansesc": 0.5}) == pytest.approx(expected)
    assert fixed_part(eclsk, {"income": 0.5}) is None
