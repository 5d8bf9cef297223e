"""Every measure says the same on DuckDB and on Spark, whatever the tables hold."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib.engine import keep_in, open_engine, to_pandas
from tests.spark.finding import MEASURES
from tests.spark.measures import ASKED, Tables
from tests.spark.tables import write_tables

KINDS = {
    "random": ("America/New_York", lambda folder: write_tables(folder, seed=1)),
    "empty": ("UTC", lambda folder: write_tables(folder, seed=4, share=0)),
}


def test_every_measure_is_asked_for():
    assert set(MEASURES) == set(ASKED)


@pytest.fixture(scope="module", params=KINDS)
def both(request, tmp_path_factory, spark_address):
    """The same tables on DuckDB and on Spark."""
    zone, made = KINDS[request.param]
    folder = made(tmp_path_factory.mktemp("tables") / "tables")
    engines = []
    for address in ("duckdb", spark_address):
        connection = open_engine(address, folder)
        keep_in(connection, tmp_path_factory.mktemp("made"), content=request.param)
        engines.append(Tables(connection, folder, zone))
    yield engines
    engines[1].connection._session.stop()


@pytest.mark.parametrize("name", ASKED)
def test_a_measure_says_the_same_on_both_engines(name, both):
    here, there = (answer(ASKED[name], tables) for tables in both)
    assert_same(here, there)


def answer(ask: Any, tables: Tables) -> Any:
    """What a measure answers, or why it refuses to."""
    try:
        return plain(ask(tables))
    except ValueError as refused:
        return f"refused: {refused}"


def plain(found: Any) -> Any:
    """What was found, as frames, lists and values; rows of Ibis tables, which need not be in order, in one."""
    if hasattr(found, "to_pandas") and not isinstance(found, pd.DataFrame | pd.Series):
        return in_order(to_pandas(found))
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {field.name: plain(getattr(found, field.name)) for field in dataclasses.fields(found)}
    if isinstance(found, pd.Series):
        return found.to_frame()
    if isinstance(found, Mapping):
        return {key: plain(value) for key, value in found.items()}
    return found


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a frame in an order that the last digits of numbers do not change."""
    by = pd.DataFrame(
        {
            c: frame[c].map(lambda v: "" if v is None or v != v else f"{v:.6g}" if isinstance(v, float) else str(v))
            for c in frame.columns
        },
        index=frame.index,
    )
    return frame.loc[by.sort_values(list(by.columns), kind="stable").index].reset_index(drop=True)


def assert_same(here: Any, there: Any) -> None:
    if isinstance(here, pd.DataFrame):
        assert isinstance(there, pd.DataFrame)
        assert list(here.columns) == list(there.columns)
        assert len(here) == len(there)
        for column in here.columns:
            for one, other in zip(here[column], there[column], strict=True):
                assert same(one, other), (column, one, other)
    elif isinstance(here, Mapping):
        assert here.keys() == there.keys()
        for key in here:
            assert_same(here[key], there[key])
    elif isinstance(here, list | tuple | np.ndarray):
        assert len(here) == len(there)
        for one, other in zip(here, there, strict=True):
            assert_same(one, other)
    else:
        assert same(here, there), (here, there)


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal: numbers to nine digits, a missing value to any other."""
    if is_missing(one) or is_missing(other):
        return is_missing(one) and is_missing(other)
    if isinstance(one, float | np.floating) or isinstance(other, float | np.floating):
        return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other) and isinstance(one, str) == isinstance(other, str)


def is_missing(value: Any) -> bool:
    return (
        value is None
        or value is pd.NaT
        or value is pd.NA
        or (isinstance(value, float | np.floating) and value != value)
    )
