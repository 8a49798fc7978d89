"""`fit.check()`: verdicts on known models, remedies that run, models of every kind."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import echelon as ec
from echelon.diagnose.finding import VERDICTS

matplotlib = pytest.importorskip("matplotlib")


def _load(name, **options):
    return ec.datasets.load(name, quiet=True, **options)


def _groups(rng, J=60, n=12):
    g = np.repeat(np.arange(J), n)
    x, w = rng.standard_normal(J * n), rng.standard_normal(J)[g]
    e, u = rng.standard_normal(J * n), rng.standard_normal(J)
    k = np.where(rng.random(J * n) < 0.5, "a", "b")
    t = np.tile(np.arange(n), J)
    return pd.DataFrame(dict(x=x, w=w, e=e, u=u[g], k=k, g=g, t=t, y=1 + x + w + u[g] + e))


def _verdict(found, start):
    (one,) = (f for f in found.findings if f.check.startswith(start))
    return one


@pytest.fixture(scope="module")
def data():
    return _groups(np.random.default_rng(20))


def test_a_clean_model_is_fine(data):
    found = ec.lmer("y ~ x + w + k + (1 | g)", data).check()
    assert found.problems == () and found.looks == ()
    assert found.summary.endswith("fine.")


def test_verdicts_are_sorted_and_counted():
    found = ec.lmer("Reaction ~ Days + (Days | Subject)", _load("sleepstudy")).check()
    order = [VERDICTS.index(f.verdict) for f in found.sorted]
    assert order == sorted(order) and len(order) == len(found.findings)
    frame = found.frame()
    assert list(frame.columns) == ["check", "where", "verdict", "evidence", "remedy", "code"]
    assert [f.check for f in found.problems] == list(frame.check[frame.verdict == "problem"])
    assert "Residuals: normal distribution" in frame.check[0]


def test_whatever_is_not_fine_has_a_remedy_and_evidence():
    for formula, name in (
        ("mathach ~ ses + sector + (ses | school)", "hsb"),
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
    ):
        for one in ec.lmer(formula, _load(name)).check().findings:
            assert one.evidence.endswith(".") and "nan" not in one.evidence
            assert bool(one.remedy) == (one.verdict in ("look", "problem"))


@pytest.mark.parametrize(
    "formula,name",
    [
        ("mathach ~ ses + sector + (ses | school)", "hsb"),
        ("mathach ~ size * meanses + ses + (1 | school)", "hsb"),
        ("Reaction ~ Days + (Days | Subject)", "sleepstudy"),
        ("Reaction ~ 1 + (Days | Subject)", "sleepstudy"),
    ],
)
def test_what_it_says_to_type_runs(formula, name):
    data = _load(name)
    fit = ec.lmer(formula, data)
    codes = [one.code for one in fit.check().findings if one.code]
    assert codes
    for code in codes:
        known = dict(ec=ec, data=data, fit=fit)
        exec(code, known)
    from matplotlib import pyplot

    pyplot.close("all")


def test_doing_what_it_says_makes_it_fine(data):
    """A contextual effect and unequal variances, then the model that the check proposes."""
    mean = data.groupby("g").x.transform("mean")
    wrong = data.assign(y=data.y + 3 * mean + data.e * (data.k == "b"))
    first = ec.lmer("y ~ x + w + k + (1 | g)", wrong).check()
    slopes, spread = (
        _verdict(first, "Same slope"),
        _verdict(first, "Residuals: same spread in all cat"),
    )
    assert slopes.verdict == "problem" and spread.verdict == "problem"
    assert spread.code == 'ec.lmer("y ~ x + w + k + (1 | g)", data, residual="by(k)")'
    known = dict(ec=ec, data=wrong)
    lines = slopes.code.split("\n")
    exec(lines[0], known)
    better = eval(lines[1].replace(", data)", ', data, residual="by(k)")'), known)
    again = better.check()
    assert _verdict(again, "Same slope").verdict == "fine"
    assert _verdict(again, "Residuals: same spread in all cat").verdict == "fine"


@pytest.mark.parametrize(
    "what,start",
    [
        (lambda d: d.assign(y=d.y + 0.4 * d.x**2), "Linearity"),
        (lambda d: d.assign(y=d.y - d.e + d.e * np.exp(0.5 * d.x)), "Residuals: same spread along"),
        (lambda d: d.assign(y=d.y + 6.0 * (d.g == 7)), "Random effects of g: single"),
        (lambda d: d.assign(y=d.y - d.e + np.sinh(1.2 * d.e)), "Residuals: normal"),
        (lambda d: d.assign(y=d.y + 9.0 * (d.index == 100)), "Residuals: single rows"),
        (lambda d: d.assign(y=d.y - d.u + np.exp(1.2 * d.u)), "Random effects of g: normal"),
        (lambda d: d.assign(y=d.y + d.e * (d.g % 2)), "Residuals: same spread in all groups"),
    ],
    ids=["bent", "fan", "group", "tails", "row", "skewed", "groups"],
)
def test_what_is_wrong_is_found(data, what, start):
    found = ec.lmer("y ~ x + w + k + (1 | g)", what(data)).check()
    assert _verdict(found, start).verdict in ("look", "problem")


def test_facts_about_the_data(data):
    small = data[data.g < 8].assign(w2=np.sin(data.g), w3=np.cos(data.g))
    found = ec.lmer("y ~ x + w + w2 + w3 + (1 | g)", small, df="none").check()
    assert _verdict(found, "Number of groups").verdict == "problem"
    assert _verdict(found, "Level-2 predictors").verdict == "problem"
    holes = data.assign(x=data.x.where(data.index % 4 != 0), twice=2 * data.w)
    found = ec.lmer("y ~ x + w + twice + (1 | g)", holes).check()
    assert _verdict(found, "Rows used").verdict == "problem"
    assert "twice" in _verdict(found, "All columns").evidence
    found = ec.lmer("y ~ 1 + (x | g)", data.assign(x=data.x + 5)).check()
    assert "x" in _verdict(found, "Random slopes").evidence


def test_cell_means_are_no_slopes_without_a_fixed_effect():
    machines = pd.DataFrame(
        dict(m=np.tile(list("abc"), 60), g=np.repeat(np.arange(20), 9), y=np.arange(180.0) % 17)
    )
    machines["y"] += np.random.default_rng(1).standard_normal(180)
    found = ec.lmer("y ~ m + (0 + m | g)", machines).check()
    assert not any(f.check.startswith("Random slopes") for f in found.findings)


MODELS = [
    ("y ~ x + (1 | g) + (1 | k)", {}),
    ("y ~ x + (1 | h / g)", {}),
    ("y ~ 0 + x + (x || g)", {}),
    ("y ~ x + (1 | g)", dict(precision="v")),
    ("y ~ x + (1 | g)", dict(offset="w")),
    ("y ~ x + k + (1 | g)", dict(residual="by(k)")),
    ("y ~ x + (1 | g)", dict(residual="ar1(t | g)")),
    ("y ~ x + (0 + x | g)", dict(residual="cs(1 | g)")),
    ("y ~ x + (1 | g) + (1 | k)", dict(method="iterative", rng=1)),
    ("y ~ x + (1 | g)", dict(reml=False)),
    ("log(y + 20) ~ x + ns(w, df=3) + (cs(0 + k | g))", {}),
    ("y ~ x + (1 | row)", {}),
]


@pytest.mark.parametrize("formula,options", MODELS, ids=lambda v: str(v)[:30])
def test_models_of_every_kind(data, formula, options):
    if formula == "y ~ x + (1 | row)":
        data = data.assign(row=np.arange(len(data)) // 2)
    data = data.assign(v=np.linspace(0.5, 2, len(data)), h=data.g % 5)
    found = ec.lmer(formula, data, **options).check()
    assert found.findings and not any("nan " in f.evidence for f in found.findings[1:])
    assert found._repr_html_().startswith("<")
    found.plot(ax=_axes())


def test_linear_models(data):
    found = ec.lm("y ~ x + w + k", data).check()
    assert {f.where for f in found.findings} == {"model", "fixed part", "level 1"}
    found.plot(ax=_axes())
    wrong = ec.lm("y ~ x + w + k", data.assign(y=data.y + 0.5 * data.x**2)).check()
    assert "I(x**2)" in _verdict(wrong, "Linearity").code


def test_a_fit_from_summaries_says_what_it_could_not_check():
    fit = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=_load("timss_summaries"))
    found = fit.check()
    unknown = found.with_verdict("not checked")
    assert any("single rows" in one.evidence for one in unknown)
    assert _verdict(found, "Random effects of idschool: single").verdict == "fine"
    found.plot(ax=_axes())


def test_word_and_slides(tmp_path):
    found = ec.lmer("mathach ~ ses + (1 | school)", _load("hsb")).check()
    found.to_docx(tmp_path / "check.docx")
    found.to_pptx(tmp_path / "check.pptx")
    assert len(found.table(fine=False).sections) == 2
    assert max(map(len, repr(found).splitlines())) <= 110


def _axes():
    from echelon.plot import new_figure

    return new_figure().subplots()
