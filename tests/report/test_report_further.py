"""Further results in a report: tables, figures, and what is refused."""

from __future__ import annotations

import re
import sys

import pandas as pd
import pytest
from test_report_page import SECTIONS, Page

import echelon as ec
from echelon.errors import DataError
from echelon.report.further import further_section, results_of

pytestmark = pytest.mark.usefixtures("one_figure")

FORMULA = "mathach ~ ses * sector + meanses + (1 | school)"


def words(html: str) -> str:
    return re.sub(r"<[^>]+>", "", html).replace("&#x27;", "'")


@pytest.fixture(scope="module")
def fit():
    return ec.lmer(FORMULA, ec.datasets.load("hsb", quiet=True))


@pytest.fixture(scope="module")
def results(fit):
    means = fit.emmeans("sector")
    moderated = ec.lmer(
        "mathach ~ ses * meanses + (1 | school)", ec.datasets.load("hsb", quiet=True)
    )
    smaller = ec.lmer("mathach ~ ses + (1 | school)", ec.datasets.load("hsb", quiet=True))
    return [
        fit.anova(type="II"), ec.anova(smaller, fit), ec.contrast(fit, "ses = meanses"), means,
        means.contrasts(), fit.slopes("ses", by="sector"), moderated.johnson_neyman("ses", "meanses"),
        fit.predictions({"ses": [0, 1]}), fit.profile("variance"), fit.bootstrap(n=39, rng=1),
        fit.drop1(), ec.compare(smaller, fit),
    ]  # fmt: skip


def test_every_kind_of_result_is_shown(fit, results, tmp_path):
    path = fit.report(tmp_path / "r.html", also=results)
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    sections = [a["id"] for a in page.all("section")]
    place = SECTIONS.index("checks") + 1
    assert sections == [*SECTIONS[:place], "further", *SECTIONS[place:]]
    links = [a["href"].removeprefix("#") for a in page.all("a") if a["href"] != "#main"]
    assert links[: len(sections)] == sections
    tables = {a["id"] for a in page.all("table")}
    assert {f"further-{k}" for k in range(1, len(results) + 1)} <= tables
    for result in results:
        table = result if hasattr(result, "sections") else result.table()
        assert table.title in words(text)
    ids = page.ids()
    assert len(ids) == len(set(ids))


def test_figures_are_numbered_through_the_page(fit, results, tmp_path, monkeypatch):
    monkeypatch.undo()  # all figures
    text = fit.report(tmp_path / "r.html", also=results).read_text(encoding="utf-8")
    page = Page(text)
    numbers = [a["id"] for a in page.all("figure")]
    assert numbers == [f"figure-{k}" for k in range(1, len(numbers) + 1)]
    assert len(numbers) == 4 + len(fit.plot.figures())  # means, regions, profile, bootstrap
    assert all(a["alt"] and a["src"].startswith("data:image/") for a in page.all("img"))
    further = text.split('id="further"')[1].split("</section>")[0]
    assert further.count("<figure") == 4
    assert 'alt="Plot: Marginal means of mathach by sector."' in further


def test_one_result_needs_no_list(fit):
    means = fit.emmeans("sector")
    assert results_of(means) == (means,)
    assert results_of(None) == () == results_of([])
    assert further_section(()) == ""


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_any_library_of_tables(library, tmp_path):
    data = ec.datasets.load("sleepstudy", backend=library, quiet=True)
    fit = ec.lmer("Reaction ~ Days + (Days | Subject)", data)
    also = [fit.emmeans("Days", at={"Days": [0, 9]}), fit.anova(), fit.ranova()]
    text = fit.report(tmp_path / "r.html", also=also, robust="CR2", intervals="profile").read_text(
        encoding="utf-8"
    )
    assert "Marginal means of Reaction by Days" in text and "Robust SE" in text


@pytest.mark.parametrize("wrong", ["anova", 3, [None], {"a": 1}, pd.DataFrame({"a": [1]}), ec.LMM])
def test_what_has_no_table_is_refused(fit, wrong, tmp_path):
    with pytest.raises(DataError, match="which has no table"):
        fit.report(tmp_path / "r.html", also=wrong)
    assert not list(tmp_path.iterdir())


def test_a_frame_is_no_result(fit):
    with pytest.raises(DataError, match="DataFrame"):
        results_of(fit.coefficients())


def test_names_cannot_become_markup(tmp_path):
    import numpy as np

    rng = np.random.default_rng(1)
    f, g = "<script>alert(1)</script>", "a\"b'<img src=x onerror=alert(2)>"
    levels = rng.choice(["<i>one", "two&", '"three'], 120)
    data = pd.DataFrame({"y": rng.normal(size=120), f: levels, g: np.arange(120) // 10})
    fit = ec.lmer(f"y ~ `{f}` + (1 | `{g}`)", data)
    means = fit.emmeans(f)
    also = [means, means.contrasts(), fit.profile("variance"), fit.anova(type="I")]
    text = fit.report(tmp_path / "r.html", also=also).read_text(encoding="utf-8")
    page = Page(text)
    assert len(page.scripts) == 1
    assert all(a["src"].startswith("data:") for a in page.all("img"))
    assert not page.all("i")
    assert text.count("onerror") == text.count("&lt;img src=x onerror")


def test_a_result_without_a_figure_says_why(fit):
    html = further_section(results_of(fit.emmeans()))
    assert "No figure: An overall mean is no figure" in html
    assert "<figure" not in html


def test_without_matplotlib_the_tables_stay(fit, tmp_path, monkeypatch):
    means = fit.emmeans("sector")
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    text = fit.report(tmp_path / "r.html", also=means).read_text(encoding="utf-8")
    assert "<img" not in text and 'id="further-1"' in text


def test_a_long_table_is_cut_and_says_so(fit):
    from echelon.show import Heading, Section, Table

    rows = tuple((f"row {k}", float(k)) for k in range(1500))
    long = Table((Heading("", "text"), Heading("x")), (Section(rows),), "Long")
    html = further_section((long,))
    assert html.count("<tr") == 1000 + 1
    assert "The first 1,000 of 1,500 rows." in html


def test_a_fit_may_stand_beside_another(fit, tmp_path):
    other = ec.lmer("mathach ~ 1 + (1 | school)", ec.datasets.load("hsb", quiet=True))
    text = fit.report(tmp_path / "r.html", also=[other]).read_text(encoding="utf-8")
    assert "mathach ~ 1 + (1 | school)" in text
