"""Fixtures of the data room: the example table in each library."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest
from example_tables import BACKENDS, MAKERS, MORE


@pytest.fixture(params=[*MAKERS, *MORE])
def any_table(request: pytest.FixtureRequest) -> object:
    """The table in each library, and in the less usual shapes of some."""
    return {**MAKERS, **MORE}[request.param]()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def snapshot() -> object:
    """A function that copies what a table holds, to compare before and after."""

    def taken(table: object) -> object:
        if isinstance(table, pd.DataFrame):
            return table.to_json(), dict(table.attrs)
        if isinstance(table, pl.LazyFrame):
            table = table.collect()
        return repr(
            table.to_dict(as_series=False) if isinstance(table, pl.DataFrame) else table.to_pylist()
        )

    return taken
