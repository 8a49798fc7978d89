from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

import echelon as ec

MATHML = "{http://www.w3.org/1998/Math/MathML}"
HOSTILE = "50% of_$x\\y<b>&{z}^~#"

EXPECTED = {
    ("timss", "bsmmatxx ~ 1 + (1 | idschool)"): """\
Level 1
  bsmmatxx_ij = β_0j + r_ij
  r_ij ~ N(0, σ²)
Level 2: idschool
  β_0j = γ_00 + u_0j
  u_0j ~ N(0, τ_00)
Combined
  bsmmatxx_ij = γ_00 + u_0j + r_ij""",
    ("hsb", "mathach ~ meanses * cses + sector * cses + (cses | school)"): """\
Level 1
  mathach_ij = β_0j + β_1j cses_ij + r_ij
  r_ij ~ N(0, σ²)
Level 2: school
  β_0j = γ_00 + γ_01 meanses_j + γ_02 sector[T.Catholic]_j + u_0j
  β_1j = γ_10 + γ_11 meanses_j + γ_12 sector[T.Catholic]_j + u_1j
  (u_0j, u_1j) ~ N(0, T), T = [τ_00 τ_01; τ_10 τ_11]
Combined
  mathach_ij = γ_00 + γ_01 meanses_j + γ_02 sector[T.Catholic]_j + γ_10 cses_ij \
+ γ_11 meanses_j cses_ij + γ_12 sector[T.Catholic]_j cses_ij + u_0j + u_1j cses_ij + r_ij""",
    ("hsb", "mathach ~ meanses * ses + sex + (1 | school)"): """\
Level 1
  mathach_ij = β_0j + β_1j ses_ij + β_2j sex[T.Female]_ij + r_ij
  r_ij ~ N(0, σ²)
Level 2: school
  β_0j = γ_00 + γ_01 meanses_j + u_0j
  β_1j = γ_10 + γ_11 meanses_j
  β_2j = γ_20
  u_0j ~ N(0, τ_00)
Combined
  mathach_ij = γ_00 + γ_01 meanses_j + γ_10 ses_ij + γ_11 meanses_j ses_ij \
+ γ_20 sex[T.Female]_ij + u_0j + r_ij""",
    ("sleep", "log(Reaction) ~ Days + (Days || Subject)"): """\
Level 1
  log(Reaction)_ij = β_0j + β_1j Days_ij + r_ij
  r_ij ~ N(0, σ²)
Level 2: Subject
  β_0j = γ_00 + u_0j
  β_1j = γ_10 + u_1j
  (u_0j, u_1j) ~ N(0, T), T = [τ_00 0; 0 τ_11]
Combined
  log(Reaction)_ij = γ_00 + γ_10 Days_ij + u_0j + u_1j Days_ij + r_ij""",
    ("sleep", "Reaction ~ 0 + Days + (0 + Days | Subject)"): """\
Level 1
  Reaction_ij = β_1j Days_ij + r_ij
  r_ij ~ N(0, σ²)
Level 2: Subject
  β_1j = γ_10 + u_1j
  u_1j ~ N(0, τ_11)
Combined
  Reaction_ij = γ_10 Days_ij + u_1j Days_ij + r_ij""",
    ("hsb", "mathach ~ 0 + sector + (1 | school)"): """\
Level 1
  mathach_ij = β_0j + r_ij
  r_ij ~ N(0, σ²)
Level 2: school
  β_0j = γ_01 sector[Public]_j + γ_02 sector[Catholic]_j + u_0j
  u_0j ~ N(0, τ_00)
Combined
  mathach_ij = γ_01 sector[Public]_j + γ_02 sector[Catholic]_j + u_0j + r_ij""",
}


@pytest.mark.parametrize(("data", "formula"), EXPECTED)
def test_text(data, formula, request):
    fit = ec.lmer(formula, request.getfixturevalue(data))
    assert str(fit.equations()) == EXPECTED[data, formula]


def test_numbers_carry_their_signs(hsb_full):
    found = hsb_full.equations(numbers=True)
    slope = "2.939 + 1.039 meanses_j - 1.643 sector[T.Catholic]_j + u_1j"
    assert f"  β_1j = {slope}" in found.text
    assert "T = [2.379 0.192; 0.192 0.101]" in found.text
    assert r"1.039\,\text{meanses}_{j} - 1.643\,\text{sector[T.Catholic]}_{j}" in found.latex
    assert "<mo>−</mo><mn>1.643</mn>" in found.mathml
    assert "+ -" not in found.text + found.latex


def test_small_and_leading_negative_numbers(sleep):
    shifted = sleep.assign(y=-sleep["Reaction"], big=sleep["Days"] * 1e9)
    text = ec.lmer("y ~ big + (1 | Subject)", shifted).equations(numbers=True).text
    assert "β_0j = -251.405 + u_0j" in text
    assert "β_1j = -1.05e-8" in text


def test_every_column_stands_once(hsb):
    """Filled in, the combined equation holds each estimate exactly once."""
    fit = ec.lmer("mathach ~ sex * minority * meanses + cses * sector + (cses | school)", hsb)
    combined = fit.equations(numbers=True).text.splitlines()[-1]
    sizes = sorted(f"{abs(b):.3f}" for b in fit.optimum.beta)
    assert sorted(word for word in combined.split() if word[0].isdigit()) == sizes


def test_what_names_cannot_tell_is_a_level_1_predictor(hsb):
    text = ec.lmer("mathach ~ I(ses - meanses) + (ses | school)", hsb).equations().text
    assert "β_1j I(ses - meanses)_ij + β_2j ses_ij" in text
    assert "  β_2j = u_2j" in text


def test_a_colon_in_a_name_is_no_product(hsb):
    odd = hsb.assign(**{"ses:own": hsb["cses"]})
    text = ec.lmer("mathach ~ `ses:own` * meanses + (`ses:own` | school)", odd).equations().text
    assert "  β_1j = γ_10 + γ_11 meanses_j + u_1j" in text
    assert "β_1j ses:own_ij + r_ij" in text


def test_a_product_in_the_span_of_a_slope_of_another_name(hsb):
    """poly(ses, 1) spans what poly(ses, 2)1 is; the names do not say so."""
    formula = "mathach ~ poly(ses, 2) * meanses + (poly(ses, 1) | school)"
    text = ec.lmer(formula, hsb).equations().text
    assert "  β_1j = γ_10 + γ_11 meanses_j" in text
    assert "  β_3j = u_3j" in text


def test_weights_and_offset(sleep):
    table = sleep.assign(w=np.linspace(0.5, 2, len(sleep)), shift=1.0)
    fit = ec.lmer("Reaction ~ Days + offset(shift) + (1 | Subject)", table, precision="w")
    text = fit.equations().text
    assert "β_1j Days_ij + offset_ij + r_ij" in text
    assert "r_ij ~ N(0, σ²/w_ij)" in text


def test_hostile_names_in_every_format(hsb):
    fit = ec.lmer(f"mathach ~ `{HOSTILE}` + (1 | school)", hsb.assign(**{HOSTILE: hsb["meanses"]}))
    found = fit.equations()
    assert f"γ_01 `{HOSTILE}`_j" in found.text
    assert (
        r"{\text{50}\%\text{ of}\_\$\text{x}\backslash \text{y<b>}\&\{\text{z}\}\wedge \sim \#}_{j}"
        in found.latex
    )
    names = {node.text for node in ET.fromstring(found.mathml).iter(f"{MATHML}mtext")}
    assert HOSTILE in names


def test_mathml_is_well_formed_core(hsb_full):
    """Only elements of MathML Core, each with the number of children it asks for."""
    children = {"msub": 2, "msup": 2}
    known = {"math", "mtable", "mtr", "mtd", "mrow", "mi", "mn", "mo", "mtext", "mspace", *children}
    for numbers in (False, True):
        for node in ET.fromstring(hsb_full.equations(numbers=numbers).mathml).iter():
            tag = node.tag.removeprefix(MATHML)
            assert tag in known
            assert len(node) == children.get(tag, len(node))


def test_latex_is_balanced_and_shown_by_notebooks(hsb_full):
    found = hsb_full.equations()
    assert found._repr_latex_() == f"$$\n{found.latex}\n$$"
    assert found.latex.count("{") == found.latex.count("}")
    assert found.latex.count(r"\begin") == found.latex.count(r"\end")
    assert repr(found) == found.text


def test_from_summaries(timss, timss_summaries):
    rows = ec.lmer("bsmmatxx ~ 1 + (1 | idschool)", timss).equations()
    given = ec.lmer("mean ~ 1 + (1 | idschool)", summaries=timss_summaries).equations()
    assert given.text == rows.text.replace("bsmmatxx", "mean")


def test_many_coefficients_have_commas_in_their_subscripts(sleep):
    rng = np.random.default_rng(3)
    names = [f"x{k}" for k in range(10)]
    table = sleep.assign(**{name: rng.normal(size=len(sleep)) for name in names})
    text = ec.lmer(f"Reaction ~ {' + '.join(names)} + (1 | Subject)", table).equations().text
    assert "β_10,j x9_ij" in text
    assert "γ_10,0 x9_ij" in text


def test_unequal_residual_variances_have_a_law_each():
    hsb = ec.datasets.load("hsb", quiet=True)
    fit = ec.lmer("mathach ~ cses + (1 | school)", hsb, residual="by(sector)")
    shown = fit.equations()
    assert "  r_ij ~ N(0, σ²_1) for sector = Public\n" in shown.text
    assert "  r_ij ~ N(0, σ²_2) for sector = Catholic\n" in shown.text
    assert (
        r"r_{ij} \sim N(0,\ \sigma^{2}_{2})\quad \text{for }\text{sector = Catholic}" in shown.latex
    )
    ET.fromstring(shown.mathml)
    public, catholic = np.square(fit.residual.sd)
    numbers = fit.equations(numbers=True).text
    assert f"N(0, {public:.3f}) for sector = Public" in numbers
    assert f"N(0, {catholic:.3f}) for sector = Catholic" in numbers


@pytest.mark.parametrize(
    ("residual", "law"),
    [
        ("ar1(Days | Subject)", "corr(r_ij, r_hj) = φ^|Days_ij - Days_hj| within Subject"),
        ("ar1(1 | Subject)", "corr(r_ij, r_hj) = φ^|i - h| within Subject"),
        ("cs(1 | half)", "corr(r_ij, r_hj) = ρ within half"),
    ],
)
def test_correlated_residuals_have_a_line(residual, law):
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    sleep["half"] = sleep.Subject.astype(str) + (sleep.Days > 4).astype(str)
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual=residual)
    shown = fit.equations()
    assert f"  {law}\n" in shown.text
    assert r"\operatorname{corr}(r_{ij},\ r_{hj})" in shown.latex
    ET.fromstring(shown.mathml)
    assert f"{fit.residual.phi:.3f}" in fit.equations(numbers=True).text


def test_a_negative_correlation_keeps_its_sign_under_a_power():
    sleep = ec.datasets.load("sleepstudy", quiet=True)
    sleep["Reaction"] += 60.0 * (-1.0) ** sleep["Days"]
    fit = ec.lmer("Reaction ~ Days + (1 | Subject)", sleep, residual="ar1(Days | Subject)")
    shown = fit.equations(numbers=True)
    assert fit.residual.phi < 0
    assert f"= (-{-fit.residual.phi:.3f})^|Days_ij" in shown.text
    ET.fromstring(shown.mathml)
