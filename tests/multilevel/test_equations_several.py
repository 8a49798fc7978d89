"""Equations of three levels in HLM3's notation, and of crossed factors."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import echelon as ec
from several_factors import CROSSED_SLOPES, THREE, THREE_SLOPES, answers, schools

EXPECTED = {
    THREE: """\
Level 1
  y_ijk = π_0jk + π_1jk ses_ijk + e_ijk
  e_ijk ~ N(0, σ²)
Level 2: room:school
  π_0jk = β_00k + β_01k skill_jk + r_0jk
  π_1jk = β_10k
  r_0jk ~ N(0, τ_π00)
Level 3: school
  β_00k = γ_000 + γ_001 funds_k + u_00k
  β_01k = γ_010
  β_10k = γ_100
  u_00k ~ N(0, τ_β00)
Combined
  y_ijk = γ_000 + γ_001 funds_k + γ_010 skill_jk + γ_100 ses_ijk + u_00k + r_0jk + e_ijk""",
    "y ~ ses*skill + ses:funds + funds + (1 | school:room) + (ses + skill | school)": """\
Level 1
  y_ijk = π_0jk + π_1jk ses_ijk + e_ijk
  e_ijk ~ N(0, σ²)
Level 2: school:room
  π_0jk = β_00k + β_01k skill_jk + r_0jk
  π_1jk = β_10k + β_11k skill_jk
  r_0jk ~ N(0, τ_π00)
Level 3: school
  β_00k = γ_000 + γ_001 funds_k + u_00k
  β_01k = γ_010 + u_01k
  β_10k = γ_100 + γ_101 funds_k + u_10k
  β_11k = γ_110
  (u_00k, u_01k, u_10k) ~ N(0, T), T = [τ_β00 τ_β01 τ_β02; τ_β10 τ_β11 τ_β12; τ_β20 τ_β21 τ_β22]
Combined
  y_ijk = γ_000 + γ_001 funds_k + γ_010 skill_jk + γ_100 ses_ijk + γ_101 funds_k ses_ijk \
+ γ_110 skill_jk ses_ijk + u_00k + u_01k skill_jk + u_10k ses_ijk + r_0jk + e_ijk""",
    "y ~ sector + (1 | district/school/room)": """\
Combined
  y_ijkl = θ_0 + θ_1 sector[T.public]_kl + b_0jkl + c_0kl + d_0l + e_ijkl
  e_ijkl ~ N(0, σ²)
Groups of room:school:district
  b_0jkl ~ N(0, τ_b00)
Groups of school:district
  c_0kl ~ N(0, τ_c00)
Groups of district
  d_0l ~ N(0, τ_d00)""",
    "y ~ load + (load | pupil) + (0 + load || item)": """\
Combined
  y_ijk = θ_0 + θ_1 load_ijk + b_0j + b_1j load_ijk + c_1k load_ijk + e_ijk
  e_ijk ~ N(0, σ²)
Groups of pupil
  (b_0j, b_1j) ~ N(0, T), T = [τ_b00 τ_b01; τ_b10 τ_b11]
Groups of item
  c_1k ~ N(0, τ_c11)""",
}


@pytest.mark.parametrize("formula", EXPECTED)
def test_text(formula):
    data = answers() if "pupil" in formula else schools()
    assert str(ec.lmer(formula, data).equations()) == EXPECTED[formula]


def test_the_formula_s_order_does_not_matter_for_the_levels():
    one = ec.lmer("y ~ ses + (1 | room:school) + (1 | school)", schools()).equations()
    other = ec.lmer("y ~ ses + (1 | school) + (1 | room:school)", schools()).equations()
    assert str(one) == str(other)


def test_numbers_are_the_estimates():
    fit = ec.lmer(THREE_SLOPES, schools())
    text = fit.equations(numbers=True).text
    assert not set("γτσ") & set(text)
    combined = text.splitlines()[-1]
    found = [abs(float(x)) for x in re.findall(r"(?<![_\d])\d+\.\d+", combined)]
    np.testing.assert_allclose(sorted(found), sorted(abs(fit.optimum.beta)), atol=6e-4)
    laws = [line for line in text.splitlines() if "~ N(0, T)" in line]
    entries = [[float(x) for x in re.findall(r"-?\d+\.\d+", law.split("T = ")[1])] for law in laws]
    T = fit.optimum.covariance
    np.testing.assert_allclose(entries, [T[:2, :2].ravel(), T[2:, 2:].ravel()], atol=6e-4)


def test_offset_and_precision_weights_are_shown():
    data = schools().assign(known=1.0, w=np.linspace(1, 2, len(schools())))
    nested = str(ec.lmer(THREE, data, offset="known", precision="w").equations())
    assert "offset_ijk + e_ijk" in nested and "N(0, σ²/w_ijk)" in nested
    crossed = answers().assign(known=1.0)
    assert "offset_ijk" in str(ec.lmer(CROSSED_SLOPES, crossed, offset="known").equations())


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize("formula", [THREE_SLOPES, CROSSED_SLOPES])
def test_mathml_and_latex_are_well_formed(formula, numbers):
    data = answers() if "pupil" in formula else schools()
    found = ec.lmer(formula, data).equations(numbers=numbers)
    ET.fromstring(found.mathml)
    assert found.latex.count("{") == found.latex.count("}")
    assert found.latex.isascii()
    assert found.latex.count(r"\begin") == found.latex.count(r"\end")


def test_many_factors_have_letters_of_their_own():
    rng = np.random.default_rng(2)
    data = {f"f{k}": rng.integers(0, 5 + k, 400) for k in range(7)} | {"y": rng.normal(size=400)}
    formula = "y ~ 1 + " + " + ".join(f"(1 | f{k})" for k in range(7))
    combined = str(ec.lmer(formula, data).equations()).splitlines()[1]
    terms = combined.split(" = ")[1].split(" + ")
    assert len(set(terms)) == len(terms) == 9


def test_a_model_of_moments_alone_has_equations():
    from echelon.multilevel import equations, null_model

    assert "Level 3: school" in str(equations(null_model(ec.lmer(THREE, schools()))))
