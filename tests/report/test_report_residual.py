"""Reports of models with structured residuals."""

from __future__ import annotations

import re

import numpy as np
import pytest

import echelon as ec
from echelon.multilevel import group_values
from echelon.report.summary import summary_paragraph

pytestmark = pytest.mark.usefixtures("one_figure")


def page(fit, path):
    return re.sub(r"<[^>]+>", "", fit.report(path / "r.html").read_text(encoding="utf-8"))


def test_unequal_variances_in_a_report(tmp_path):
    hsb = ec.datasets.load("hsb", quiet=True)
    fit = ec.lmer("mathach ~ cses + (cses | school)", hsb, residual="by(sector)")
    text = page(fit, tmp_path)
    public, catholic = fit.residual.sd
    assert f"standard deviations of {public:.2f} in Public, {catholic:.2f} in Catholic" in text
    assert "residual = by(sector)" in text
    assert "effect of Public" not in text
    assert f"{fit.icc():.3f}" in text


@pytest.mark.parametrize(
    ("residual", "words"),
    [
        ("ar1(Days | Subject)", "Two residuals of one group of Subject one unit of Days apart"),
        ("ar1(1 | Subject)", "Two residuals of one group of Subject next to each other"),
        ("cs(1 | half)", "Any two residuals of one group of half correlate with"),
    ],
)
def test_correlated_residuals_in_words(residual, words):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    sleep["half"] = sleep.Subject.astype(str) + (sleep.Days > 4).astype(str)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual=residual)
    text = re.sub(r"<[^>]+>", "", summary_paragraph(fit, group_values(fit)))
    assert words in text
    assert f"correlate with {fit.residual.phi:.2f}" in text


def test_the_correlation_is_named_once(tmp_path):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    html = fit.report(tmp_path / "r.html").read_text(encoding="utf-8")
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", html)
    assert cells.count("ar1(Days | Subject)") == 1


def test_checks_stand_in_the_report(tmp_path):
    """The section says what fit.check() says, the gravest first and by name."""
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    sleep["Reaction"] += np.where(sleep["Days"] > 4, 3.0, 0.2) * 20 * np.sin(37.0 * sleep.index)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep)
    found = fit.check()
    text = page(fit, tmp_path)
    assert found.summary in text
    assert found.problems or found.looks
    for finding in (*found.problems, *found.looks):
        assert finding.check in text
