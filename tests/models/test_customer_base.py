"""Equal histories are merged, impossible ones refused by name."""

from __future__ import annotations

from decimal import Decimal

import ibis
import numpy as np
import pandas as pd
import pytest

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv import predict, summary
from crmlib.models import BetaGeoNBD, CustomerBaseInvalid, GammaGamma, TooFewRepeatBuyers, customer_base
from crmlib.models.customer_base import check_enough, merge_histories, read_histories


@pytest.mark.parametrize(
    ("history", "complaint"),
    [
        ((2, 5.0, 4.0), "customer anna: T smaller than recency"),
        ((-1, 0.0, 4.0), "customer anna: a negative frequency"),
        ((1.5, 2.0, 4.0), "customer anna: a fractional frequency"),
        ((0, 2.0, 4.0), "customer anna: no repeat purchase but a recency above 0"),
        ((1, 0.0, 4.0), "customer anna: repeat purchases but recency 0"),
        ((1, -1.0, 4.0), "customer anna: a negative recency"),
        ((1, np.nan, 4.0), "customer anna: a missing or infinite value"),
        ((1, 1.0, np.inf), "customer anna: a missing or infinite value"),
        ((0, 0.0, -2.0), "customer anna: a negative T"),
    ],
)
def test_impossible_histories_are_named(history: tuple[float, float, float], complaint: str) -> None:
    x, t_x, T = history
    customers = pd.DataFrame(
        {"customer_id": ["anna", "bert"], "frequency": [x, 1], "recency": [t_x, 1.0], "T": [T, 2.0]}
    )
    for table in (customers, ibis.memtable(customers)):
        with pytest.raises(CustomerBaseInvalid, match=complaint):
            BetaGeoNBD.fit(table)


def in_words(table: object, **options: str) -> str:
    """What a refused summary is refused for."""
    with pytest.raises(CustomerBaseInvalid) as refused:
        read_histories(table, **options)  # type: ignore[arg-type]
    return str(refused.value)


def test_all_that_is_wrong_is_told_at_once_and_alike_from_a_frame_and_a_database() -> None:
    wrong = {
        "early": (1, 5.0, 4.0, "days"),
        "half": (1.5, 2.0, 4.0, "days"),
        "minus": (-1, 0.0, 4.0, "days"),
        "nothing": (np.nan, 0.0, 4.0, "days"),
        "once": (0, 2.0, 4.0, "days"),
        "weekly": (2, 2.0, 4.0, "weeks"),
        "yearly": (2, 2.0, 4.0, "years"),
    }
    fine = {f"x{i:02d}": (1, 1.0, 4.0, "days") for i in range(20)}
    late = {f"z{i}": (2, 6.0, 4.0, "days") for i in range(8)}
    rows = [(name, *history) for name, history in {**wrong, **fine, **late}.items()]
    customers = pd.DataFrame(rows, columns=["customer_id", "frequency", "recency", "T", "unit"])
    message = in_words(customers)
    assert message.splitlines() == [
        "7 things are wrong:",
        "- customer nothing: a missing or infinite value (frequency nan, recency 0, T 4); leave such rows out",
        "- customer minus: a negative frequency (frequency -1); count repeat purchases, 0 for none",
        "- customer half: a fractional frequency (frequency 1.5); count whole purchases",
        "- customers early, z0, z1, z2, z3 and 4 more: T smaller than recency (first: recency 5, T 4); measure both "
        "from the first purchase, in one unit, as of one day",
        "- customer once: no repeat purchase but a recency above 0 (frequency 0, recency 2); recency is 0 until the "
        "second purchase",
        "- customer weekly: times in weeks, where others are in days; make one summary, in one unit, with "
        "summary(…, unit=…)",
        "- customer yearly: a unit that is none of days, weeks, months (unit 'years'); make one summary, in one unit, "
        "with summary(…, unit=…)",
    ]
    assert in_words(ibis.memtable(customers)) == message
    assert in_words(ibis.memtable(customers.sample(frac=1, random_state=1))) == message


def test_a_database_without_customer_ids_says_how_many() -> None:
    customers = pd.DataFrame({"frequency": [1] * 7 + [2], "recency": [5.0] * 7 + [1.0], "T": 4.0})
    assert in_words(ibis.memtable(customers)).startswith("7 customers: T smaller than recency (recency 5, T 4); ")
    assert in_words(customers).startswith("customers 0, 1, 2, 3, 4 and 2 more: T smaller than recency (first: ")


def test_text_where_numbers_should_be_is_named() -> None:
    customers = pd.DataFrame(
        {"customer_id": list("abc"), "frequency": ["1", "two", None], "recency": ["1.5", "2", "0"], "T": [3.0] * 3}
    )
    for table in (customers, ibis.memtable(customers)):
        message = in_words(table)
        assert "customer b: text in the column frequency (frequency 'two'); mend it, then turn" in message
        assert "the column recency holds numbers written as text; turn the column into numbers" in message
    a_time = customers.assign(frequency=[1, 1, 1], recency=pd.to_timedelta([1, 1, 1], "D"))
    assert "the column recency holds timedelta64[" in in_words(a_time)


def test_numbers_of_any_kind_are_read() -> None:
    customers = pd.DataFrame({"frequency": [0, 1, 2], "recency": [0.0, 1.0, 2.0], "T": [4.0, 4.0, 4.0]})
    here = read_histories(customers)
    decimals = customers.map(lambda value: Decimal(str(value)))
    for kind in (customers.astype("Int64"), customers.astype("float32"), customers.astype(object), decimals):
        for table in (kind, ibis.memtable(kind)):
            there = read_histories(table)
            assert all(np.array_equal(getattr(here, name), getattr(there, name)) for name in ("x", "t_x", "T"))


@pytest.mark.parametrize("customers", [0, -1, 1.5, np.nan])
def test_a_row_stands_for_a_whole_number_of_customers(customers: float) -> None:
    base = pd.DataFrame(
        {"customer_id": ["a", "b"], "frequency": [1, 2], "recency": 1.0, "T": 4.0, "customers": [3, customers]}
    )
    for table in (base, ibis.memtable(base)):
        assert in_words(table).startswith(f"customer b: a wrong number of customers (customers {customers:g}); ")


def test_counted_rows_count_in_a_frame_and_in_a_database() -> None:
    counted = pd.DataFrame({"frequency": [1, 1, 0], "recency": [1.0, 1.0, 0.0], "T": 4.0, "customers": [3, 4, 5]})
    for table in (counted, ibis.memtable(counted)):
        base = read_histories(table)
        assert base.customers.tolist() == [5, 7]


def test_the_unit_is_the_tables_or_its_readers_but_never_two() -> None:
    customers = pd.DataFrame({"customer_id": list("abc"), "frequency": 1, "recency": 1.0, "T": 4.0})
    assert read_histories(customers).unit is None
    assert read_histories(customers, unit="days").unit == "days"
    in_months = customers.assign(unit="months")
    for table in (in_months, ibis.memtable(in_months)):
        assert read_histories(table).unit == "months"
        assert in_words(table, unit="weeks").startswith("the times are in months, and weeks are expected; make one")
    mixed = customers.assign(unit=["weeks", "days", "days"])
    assert in_words(mixed).startswith("customer a: times in weeks, where others are in days; ")
    # What the reader expects is what is right, however few rows have it.
    assert in_words(mixed, unit="weeks").startswith("customers b, c: times in days, where others are in weeks; ")
    assert in_words(customers.assign(unit=["days", None, "days"])).startswith("customer b: a unit that is none of")


def test_an_empty_table_is_refused_in_a_fit() -> None:
    nobody = pd.DataFrame({"frequency": [], "recency": [], "T": []}, dtype=float)
    for table in (nobody, ibis.memtable(nobody)):
        assert len(read_histories(table)) == 0
        with pytest.raises(TooFewRepeatBuyers, match="the customer summary has no rows"):
            BetaGeoNBD.fit(table)


def test_more_parameters_need_more_repeat_buyers() -> None:
    customers = pd.DataFrame({"frequency": [0, *[1] * 12], "recency": [0.0, *[1.0] * 12], "T": 4.0})
    base = read_histories(customers)
    check_enough(base)
    with pytest.raises(TooFewRepeatBuyers, match="only 12 of 13 customers bought again; at least 13 are needed"):
        check_enough(base, parameters=12)


def test_only_distinct_histories_leave_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = pd.DataFrame(
        {"customer_id": range(5000), "frequency": [0, 1] * 2500, "recency": [0.0, 1.0] * 2500, "T": 4.0}
    )
    fetched: list[int] = []

    def watched(table: object) -> pd.DataFrame:
        frame = to_pandas(table)
        fetched.append(len(frame))
        return frame

    monkeypatch.setattr(customer_base, "to_pandas", watched)
    assert read_histories(ibis.memtable(customers)).customers.tolist() == [2500, 2500]
    assert fetched == [2]
    message = in_words(ibis.memtable(customers.assign(T=0.5)))
    assert message.startswith("customers 1, 3, 5, 7, 9 and 2495 more: T smaller than recency (first: ")
    assert fetched == [2, 2, 10]


def test_missing_columns_and_wrong_rows_are_told_together() -> None:
    customers = pd.DataFrame({"customer_id": ["a", "b"], "frequency": [1, "x"], "T": 3.0, "customers": [0, 1]})
    for table in (customers, ibis.memtable(customers.astype({"frequency": "string"}))):
        message = in_words(table)
        assert "- the customer summary has no column recency; make it with summary" in message
        assert "- customer b: text in the column frequency (frequency 'x'); mend it" in message
        assert "- customer a: a wrong number of customers (customers 0); each row stands for" in message
    for rows in (False, True):
        with pytest.raises(CustomerBaseInvalid, match="no column frequency, recency, T"):
            read_histories(ibis.memtable({"age": [1]}), rows=rows)


def test_rows_of_a_database_keep_their_places() -> None:
    customers = pd.DataFrame({"customer_id": list("cab"), "frequency": [1, 0, 1], "recency": [1.0, 0, 1.0], "T": 4.0})
    base = read_histories(ibis.memtable(customers), rows=True)
    assert base.x[base.row].tolist() == [1, 0, 1]
    with pytest.raises(CustomerBaseInvalid, match="customers c, b: T smaller than recency"):
        read_histories(ibis.memtable(customers.assign(T=0.5)), rows=True)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(CustomerBaseInvalid, match=r"no column recency, T; make it with summary"):
        BetaGeoNBD.fit(pd.DataFrame({"frequency": [1]}))


def test_too_few_repeat_buyers_are_refused() -> None:
    customers = pd.DataFrame({"frequency": [0.0] * 95 + [1.0] * 5, "recency": [0.0] * 95 + [1.0] * 5, "T": 4.0})
    with pytest.raises(TooFewRepeatBuyers, match="only 5 of 100 customers bought again"):
        BetaGeoNBD.fit(customers)


def test_identical_customers_are_refused() -> None:
    with pytest.raises(TooFewRepeatBuyers, match="all 50 customers have the same history"):
        BetaGeoNBD.fit(pd.DataFrame({"frequency": [1.0] * 50, "recency": 1.0, "T": 4.0}))


def test_merging_keeps_every_customer_and_finds_them_again() -> None:
    random = np.random.default_rng(1)
    x = random.integers(0, 4, 1000).astype(float)
    T = random.integers(3, 6, 1000) / 7
    t_x = np.where(x > 0, random.integers(1, 3, 1000) / 7, 0.0)
    base = merge_histories(x, t_x, T, rows=True)
    assert base.customers.sum() == 1000
    for merged, original in ((base.x, x), (base.t_x, t_x), (base.T, T)):
        assert np.array_equal(merged[base.row], original)
    assert len(base) == len({*zip(x, t_x, T, strict=True)})


def test_merging_survives_very_many_distinct_times_and_huge_counts() -> None:
    random = np.random.default_rng(2)
    x = np.floor(10 ** random.uniform(0, 12, 3000))
    T = random.uniform(2, 3, 3000)
    t_x = random.uniform(1, 2, 3000)
    x, T, t_x = (np.concatenate([value, value]) for value in (x, T, t_x))
    base = merge_histories(x, t_x, T, rows=True)
    assert len(base) == 3000
    assert (base.customers == 2).all()
    assert np.array_equal(base.x[base.row], x)
    assert np.array_equal(base.T[base.row], T)


def test_a_database_counts_histories_itself(cdnow: pd.DataFrame) -> None:
    here, there = read_histories(cdnow), read_histories(ibis.memtable(cdnow))
    assert len(there) == 1016
    for name in ("x", "t_x", "T", "customers"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


TWICE = pd.DataFrame(
    {"customer_id": ["b", "a", "b", "c", "a"], "frequency": 1, "recency": 1.0, "T": [2.0, 3.0, 4.0, 5.0, 6.0]}
)


def test_customers_with_several_rows_are_named() -> None:
    for table in (TWICE, ibis.memtable(TWICE)):
        for options in ({}, {"rows": True}):
            with pytest.raises(CustomerBaseInvalid, match="customers a, b: several rows in the customer summary; one"):
                read_histories(table, **options)  # type: ignore[arg-type]
        with pytest.raises(CustomerBaseInvalid, match="customers a, b: several rows"):
            BetaGeoNBD.fit(table)
    many = pd.concat([TWICE.assign(customer_id=range(10, 15))] * 2 + [TWICE.assign(customer_id=range(5, 10))] * 3)
    for table in (many, ibis.memtable(many)):
        assert in_words(table).startswith("customers 5, 6, 7, 8, 9 and 5 more: several rows")
    mixed = TWICE.assign(customer_id=[1, "a", 1, None, 2])
    assert in_words(mixed).startswith("customer 1: several rows")
    assert in_words(TWICE.assign(customer_id=["a", None, None, "b", "c"])).startswith("customer ")


def test_rows_may_stand_for_several_customers_or_have_no_names() -> None:
    one_unnamed = TWICE.assign(customer_id=["a", None, "b", "c", "d"])
    for frame in (TWICE.assign(customers=2), TWICE.drop(columns="customer_id"), one_unnamed, TWICE.iloc[:0]):
        for table in (frame, ibis.memtable(frame.astype({"T": float}))):
            for rows in (False, True):
                assert read_histories(table, rows=rows).customers.sum() == len(frame) * (1 + ("customers" in frame))


def test_a_summary_in_a_database_is_not_asked_whether_its_customers_are_there_twice() -> None:
    orders = ibis.memtable(
        pd.DataFrame({"customer_id": [1, 1], "ordered_at": pd.to_datetime(["2015-01-01", "2015-02-01"]), "amount": 1.0})
    )
    made = summary(orders, as_of="2015-03-01")
    assert customer_base._by_customer(made.op())
    assert customer_base._by_customer(made.filter(made.frequency > 0).select("customer_id", "frequency").op())
    assert not customer_base._by_customer(made.mutate(customer_id=made.frequency).op())
    assert not customer_base._by_customer(made.union(made).op())
    assert in_words(made.union(made)).startswith("customer 1: several rows")


def test_spend_that_is_no_number_is_named_when_predicting() -> None:
    models = {
        "orders_model": BetaGeoNBD(r=0.6, alpha=5, a=0.8, b=2.5),
        "spend_model": GammaGamma(p=6.25, q=3.74, v=15.44),
    }
    customers = TWICE.iloc[:2]
    for bad, complaint in (
        (["abc", "1"], "customer b: text in the column monetary \\(monetary 'abc'\\)"),
        ([np.inf, 1.0], "customer b: a missing or infinite value \\(frequency 1, monetary inf\\)"),
        ([-np.inf, 1.0], "customer b: a missing or infinite value \\(frequency 1, monetary -inf\\)"),
        ([np.nan, 1.0], "customer b: a missing or infinite value \\(frequency 1, monetary nan\\)"),
    ):
        frame = customers.assign(monetary=bad)
        for table in (frame, ibis.memtable(frame)):
            with pytest.raises(CustomerBaseInvalid, match=complaint):
                predict(table, **models)  # type: ignore[arg-type]
    with pytest.raises(CustomerBaseInvalid, match="customers a, b: several rows"):
        predict(ibis.memtable(TWICE.assign(monetary=2.0)), **models)  # type: ignore[arg-type]
    nameless = customers.assign(monetary=2.0).drop(columns="customer_id")
    assert predict(nameless, **models)["customer_id"].tolist() == [0, 1]  # type: ignore[arg-type]
    with pytest.raises(CustomerBaseInvalid, match="has no column customer_id"):
        predict(ibis.memtable(nameless), **models)  # type: ignore[arg-type]
