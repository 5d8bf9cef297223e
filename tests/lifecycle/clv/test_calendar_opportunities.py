"""Opportunities counted by hand, in pandas and in DuckDB."""

import ibis
import pandas as pd
import pytest

from crmlib.lifecycle.clv import opportunities

# Customer: days of orders.
DAYS = {
    "a": ["2015-03-01", "2015-11-30", "2016-01-01", "2018-12-31"],
    "b": ["2016-12-31"],
    "c": ["2019-02-01"],
    "d": ["2014-06-01", "2015-06-01", "2019-01-15"],
}
COLUMNS = ["customer_id", "frequency", "recency", "periods"]


def orders():
    rows = [(customer, pd.Timestamp(day), 5.0) for customer, days in DAYS.items() for day in days]
    return pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])


def counted(**how):
    return [tuple(row) for row in opportunities(orders(), **how)[COLUMNS].itertuples(index=False)]


def test_years_after_the_first_are_counted_once_each():
    assert counted(as_of="2018-12-31") == [("a", 2, 3, 3), ("b", 0, 0, 2), ("d", 1, 1, 4)]


def test_a_period_that_is_not_over_does_not_count():
    # Of 2018 one day is missing, so that the order in it is not looked at; in 2019 nothing has ended yet.
    assert counted(as_of="2018-12-30") == [("a", 1, 1, 2), ("b", 0, 0, 1), ("d", 1, 1, 3)]
    assert counted(as_of="2019-11-01") == counted(as_of="2018-12-31")


def test_one_who_bought_in_every_year_has_taken_all():
    assert counted(as_of="2019-12-31")[-1] == ("d", 2, 5, 5)
    assert ("c", 0, 0, 0) in counted(as_of="2019-12-31")


def test_quarters_and_months():
    assert counted(as_of="2016-03-31", period="quarters") == [("a", 2, 4, 4), ("d", 1, 4, 7)]
    assert counted(as_of="2016-02-29", period="months") == [("a", 2, 10, 11), ("d", 1, 12, 20)]


def test_customers_whose_first_order_is_too_old_are_left_out():
    assert counted(as_of="2018-12-31", first="2015-01-01") == [("a", 2, 3, 3), ("b", 0, 0, 2)]


def test_what_is_no_purchase_is_no_opportunity_taken():
    changed = orders().assign(status="paid")
    changed.loc[changed.ordered_at == "2016-01-01", "status"] = "cancelled"
    first = opportunities(changed, as_of="2018-12-31").iloc[0]
    assert (first.frequency, first.recency, first.periods) == (1, 3, 3)


def test_duckdb_answers_in_kind_and_the_same():
    table = ibis.duckdb.connect().create_table("orders", ibis.memtable(orders()))
    answer = opportunities(table, as_of="2018-12-31")
    assert isinstance(answer, ibis.Table)
    pd.testing.assert_frame_equal(answer.to_pandas(), opportunities(orders(), as_of="2018-12-31"))


def test_an_unknown_period_is_refused():
    with pytest.raises(ValueError, match="years, quarters, months"):
        opportunities(orders(), as_of="2018-12-31", period="weeks")
