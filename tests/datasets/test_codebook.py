from __future__ import annotations

import pytest

from echelon import datasets
from echelon.errors import UnknownOption


def test_the_bundled_names():
    wanted = ("dyestuff", "eclsk", "hsb", "sleepstudy", "timss", "timss_summaries")
    assert datasets.names() == wanted


@pytest.mark.parametrize("name", datasets.names())
def test_a_codebook_says_what_is_needed(name):
    book = datasets.codebook(name)
    text = str(book)
    assert book.source in " ".join(text.split())
    assert ("SYNTHETIC" in text) == book.synthetic
    assert "GPL" in book.licence or "MIT" in book.licence
    assert max(map(len, text.splitlines())) <= 88
    assert all(variable.meaning and variable.name in text for variable in book.columns)


def test_which_are_synthetic():
    synthetic = [name for name in datasets.names() if datasets.codebook(name).synthetic]
    assert synthetic == ["eclsk", "timss", "timss_summaries"]


def test_unknown_name():
    with pytest.raises(UnknownOption, match="Did you mean 'sleepstudy'"):
        datasets.codebook("sleep_study")
