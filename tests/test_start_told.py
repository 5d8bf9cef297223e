"""What a chapter says of the start of the data is what was found of it."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from crmlib.chapter.start import start_told
from crmlib.newcomers import customers_start
from crmlib.words import use

AS_OF = "2025-12-31"


def orders_of(*, customers=60, strays=0):
    """Each customer buys every month from January 2024 on; strays bought in 2015 only."""
    months = pd.date_range("2024-01-05", "2025-12-05", freq="MS") + pd.Timedelta(days=4)
    rows = [(f"c{i}", month + pd.Timedelta(days=i % 20)) for i in range(customers) for month in months]
    rows += [(f"s{i}", pd.Timestamp("2015-03-01") + pd.Timedelta(days=i)) for i in range(strays)]
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at"]).assign(amount=10.0)


def told(orders, **how):
    start = customers_start(orders, as_of=AS_OF, **how)
    return start, start_told(start).reading


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nobody_is_said_to_have_been_told_by_the_client_where_a_gap_told(language):
    use(language, "CNY")
    for basis, said in (("few", None), ("said", "with_data")):
        start, reading = told(orders_of(strays=2), said=said)
        assert (start.basis, start.cut, start.left_out, start.customers) == (basis, True, 2, 62)
        assert ("2 customers ordered before it" if language == "en" else "2位客户在此之前下过单") in reading
        assert ("client" if language == "en" else "据客户说明") not in reading


def test_those_left_out_are_some_of_all_who_bought():
    start, reading = told(orders_of(customers=200, strays=2))
    assert (start.basis, start.left_out, start.customers) == ("unclear", 202, 202)
    assert "202 of 202 customers" in reading


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_strays_the_rule_that_decided_is_said(language):
    use(language, "CNY")
    assert told(orders_of())[1] == told(orders_of(customers=70))[1]
    for said, word in (("with_data", ("The client says", "客户已确认")), (None, ("so few customers", "客户太少"))):
        start, reading = told(orders_of(), said=said)
        assert not start.cut
        assert word[language == "zh"] in reading
    start, reading = told(orders_of(), said=dt.date(2024, 6, 1))
    assert start.cut
    assert ("By the client's word" if language == "en" else "据客户说明") in reading
