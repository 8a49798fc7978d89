"""All figures at once, and what happens without matplotlib."""

from __future__ import annotations

import subprocess
import sys
from inspect import unwrap

import pytest

from echelon import plot
from echelon.errors import FileFormatError, MissingDependency, UnknownOption
from echelon.plot.words import label, number

ROWS = ["distributions", "observed", "weights"]
RESIDUALS = ["residuals", "scale_location", "qq"]
GROUPS = ["group_qq", "group_residuals"]


def test_the_figures_that_apply(timss, eclsk, hsb, summaries):
    names = {
        key: [name for name, _, _ in plot.figures(fit)]
        for key, fit in (("timss", timss), ("eclsk", eclsk), ("hsb", hsb), ("summaries", summaries))
    }
    own = [*ROWS, "shrinkage", "caterpillar", "league"]
    assert names["timss"] == [*own, *RESIDUALS, *GROUPS]
    assert names["eclsk"] == [*own, "means_by_schmeansesc", *RESIDUALS, *GROUPS]
    assert names["summaries"] == [*own[1:], *GROUPS]
    assert names["hsb"][3:] == [
        "shrinkage_intercept",
        "caterpillar_intercept",
        "league_intercept",
        "shrinkage_cses",
        "caterpillar_cses",
        "league_cses",
        "means_by_meanses",
        *RESIDUALS,
        *GROUPS,
        "effects_scatter",
        "mahalanobis",
    ]


@pytest.mark.parametrize("name", ["timss", "eclsk", "hsb", "summaries"])
def test_each_is_drawn_with_a_caption_and_nothing_outside_the_figure(name, request):
    for _, caption, draw in plot.figures(request.getfixturevalue(name)):
        figure = plot.new_figure()
        ax = figure.subplots()
        assert draw(ax) is ax
        assert caption.endswith(".")
        figure.draw_without_rendering()
        inner, outer = figure.get_tightbbox(), figure.bbox_inches
        assert inner.x0 >= outer.x0 and inner.x1 <= outer.x1
        assert inner.y0 >= outer.y0 and inner.y1 <= outer.y1
        assert ax.get_title(loc="left") and ax.get_ylabel()


@pytest.mark.parametrize("name", ["timss", "eclsk", "hsb"])
def test_labels_do_not_overlap(name, request):
    for _, _, draw in plot.figures(request.getfixturevalue(name)):
        figure = plot.new_figure()
        ax = draw(figure.subplots())
        figure.draw_without_rendering()
        ticks = [*_shown(ax.xaxis), *_shown(ax.yaxis)]
        texts = [*ticks, *ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]
        boxes = [t.get_window_extent() for t in texts if t.get_text() and t.get_visible()]
        for i, box in enumerate(boxes):
            inside = [other for other in boxes[i + 1 :] if _overlap(box, other) > 2.0]
            assert not inside


def _shown(axis):
    low, high = sorted(axis.get_view_interval())
    pairs = zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
    return [text for place, text in pairs if low <= place <= high]


def _overlap(a, b):
    """Pixels by which two boxes run into each other, 0 when they do not."""
    across = min(a.x1, b.x1) - max(a.x0, b.x0)
    up = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0.0, min(across, up))


def test_files_are_written_whole_and_alike(timss, tmp_path):
    folder = tmp_path / "new" / "figures"
    paths = timss.plot.save_all(folder, formats=("svg",))
    assert sorted(paths) == sorted(folder.iterdir())  # no temporary file is left
    assert len(paths) == 11
    assert all(path.stat().st_size > 1000 for path in paths)
    before = {path: path.read_bytes() for path in paths}
    timss.plot.save_all(folder, formats=("svg",))
    assert {path: path.read_bytes() for path in paths} == before


def test_pixels(eclsk, tmp_path):
    paths = plot.save_all(eclsk, tmp_path, dpi=40)
    assert {path.name for path in paths} >= {"caterpillar.png", "means_by_schmeansesc.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)


def test_what_cannot_be_written(timss, tmp_path):
    with pytest.raises(UnknownOption, match="png"):
        timss.plot.save_all(tmp_path, formats=("pgn",))
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(FileFormatError, match="taken"):
        timss.plot.save_all(taken)


def test_without_matplotlib(timss, tmp_path, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (timss.plot.caterpillar, timss.plot.weights, timss.plot.distributions):
        with pytest.raises(MissingDependency, match=r"echelon\[plot\]"):
            draw()
    with pytest.raises(MissingDependency, match=r"echelon\[plot\]"):
        timss.plot.save_all(tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_importing_the_figures_does_not_load_matplotlib():
    code = "import sys, echelon.plot; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_methods_are_the_functions(timss):
    assert unwrap(timss.plot.caterpillar.__func__) is plot.caterpillar
    assert plot.FitPlots.weights is plot.weights
    assert "caterpillar" in repr(timss.plot)
    with pytest.raises(AttributeError):
        timss.plot.fit = None


def test_words():
    assert [number(x) for x in (482.757, -0.01234, 1234567.0, 0.0)] == [
        "482.8",
        "−0.01234",
        "1,234,567",
        "0",
    ]
    assert [label(x) for x in (5036.0, 7, "x" * 30)] == ["5036", "7", "x" * 21 + "…"]
