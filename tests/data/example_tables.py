"""One small table in every library, with every kind of column, and what should come of it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

BACKENDS = ("pandas", "polars", "pyarrow")
TEXT = ["b", None, "é", "a", "b"]
NUMBERS = [2.0, None, 1.0, 2.0, 7.0]
TRUTH = [True, None, False, True, False]
ORDER = ["é", "b", "unused", "a"]
NAN = float("nan")

# kind of column -> (numbers or None, codes or None, levels or None, ordered)
EXPECTED = {
    "float": (NUMBERS, None, None, False),
    "int": ([2.0, 5.0, 1.0, 2.0, 7.0], None, None, False),
    "small": ([2.0, 5.0, 1.0, 2.0, 7.0], None, None, False),
    "nullable": (NUMBERS, None, None, False),
    "decimal": ([1.5, None, 0.5, 1.5, 2.5], None, None, False),
    "bool": (None, [1, 0, 0, 1, 0], (False, True), False),
    "nullable_bool": (None, [1, -1, 0, 1, 0], (False, True), False),
    "text": (None, [1, -1, 2, 0, 1], ("a", "b", "é"), False),
    "category": (None, [1, -1, 0, 3, 1], tuple(ORDER), False),
}
DECIMALS = [Decimal("1.5"), None, Decimal("0.5"), Decimal("1.5"), Decimal("2.5")]
COMMON = {
    "float": np.array([2.0, NAN, 1.0, 2.0, 7.0]),
    "int": np.array([2, 5, 1, 2, 7]),
    "small": np.array([2, 5, 1, 2, 7], dtype=np.int8),
    "bool": np.array([True, False, False, True, False]),
    "text": TEXT,
}


def pandas_table() -> pd.DataFrame:
    more = {
        "nullable": pd.array([2, None, 1, 2, 7], dtype="Int64"),
        "nullable_bool": pd.array(TRUTH, dtype="boolean"),
        "decimal": pd.Series(DECIMALS, dtype=object),
        "category": pd.Categorical(TEXT, categories=ORDER),
    }
    return pd.DataFrame({**COMMON, **more})


def polars_table() -> pl.DataFrame:
    more = {
        "nullable": pl.Series([2, None, 1, 2, 7], dtype=pl.Int64),
        "nullable_bool": TRUTH,
        "decimal": pl.Series(DECIMALS),
        "category": pl.Series(TEXT, dtype=pl.Enum(ORDER)),
    }
    return pl.DataFrame({**COMMON, **more})


def arrow_table() -> pa.Table:
    codes = pa.array([1, None, 0, 3, 1], type=pa.int8())
    more = {
        "nullable": pa.array([2, None, 1, 2, 7]),
        "nullable_bool": pa.array(TRUTH),
        "decimal": pa.array(DECIMALS),
        "category": pa.DictionaryArray.from_arrays(codes, pa.array(ORDER)),
    }
    return pa.table({**COMMON, **more})


MAKERS = {"pandas": pandas_table, "polars": polars_table, "pyarrow": arrow_table}
MORE = {
    "pandas-arrow": lambda: arrow_table().to_pandas(types_mapper=pd.ArrowDtype),
    "pandas-objects": lambda: pandas_table().astype({"text": object}),
    "polars-lazy": lambda: polars_table().lazy(),
    "pyarrow-chunks": lambda: pa.concat_tables([arrow_table()[:2], arrow_table()[2:]]),
}
