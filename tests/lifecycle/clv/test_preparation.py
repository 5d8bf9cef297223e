"""Orders become one row per customer."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.lifecycle.clv import summary


def orders_of(rows: list[tuple], *more: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount", *more])
    return frame.assign(ordered_at=pd.to_datetime(frame["ordered_at"].astype(str), format="ISO8601"))


SIX_CUSTOMERS = orders_of(
    [
        (1, "2015-01-01", 1.0),
        (1, "2015-02-06", 2.0),
        (2, "2015-01-01", 2.0),
        (3, "2015-01-01", 3.0),
        (3, "2015-01-02", 1.0),
        (3, "2015-01-05", 5.0),
        (4, "2015-01-16", 6.0),
        (4, "2015-02-02", 3.0),
        (4, "2015-02-05 08:00", 3.0),
        (4, "2015-02-05 20:00", 6.0),
        (5, "2015-01-16", 3.0),
        (5, "2015-01-17", 3.0),
        (5, "2015-01-18", 6.0),
        (6, "2015-02-02", 5.0),
    ]
)


def test_six_published_customers_are_reproduced() -> None:
    table = summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="days")
    assert list(table.columns) == ["customer_id", "frequency", "recency", "T", "monetary"]
    assert table.to_numpy().tolist() == [
        [1, 1, 36, 37, 2],
        [2, 0, 0, 37, 0],
        [3, 2, 4, 37, 3],
        [4, 2, 20, 22, 6],
        [5, 2, 2, 22, 4.5],
        [6, 0, 0, 5, 0],
    ]


def test_cdnow_has_its_published_sums(cdnow: pd.DataFrame) -> None:
    assert len(cdnow) == 2357
    assert (cdnow["frequency"] > 0).sum() == 946
    assert cdnow["frequency"].sum() == 2457
    assert cdnow["holdout_orders"].sum() == 1882
    assert (cdnow["holdout_length"] == 39).all()
    assert len(cdnow[["frequency", "recency", "T"]].drop_duplicates()) == 1016
    assert cdnow["T"].max() == pytest.approx(272 / 7)


def test_first_order_counts_for_spend_only_when_asked() -> None:
    table = summary(SIX_CUSTOMERS, as_of="2015-02-07", first_order=True).set_index("customer_id")
    assert table["monetary"].to_dict() == {1: 1.5, 2: 2.0, 3: 3.0, 4: 6.0, 5: 4.0, 6: 5.0}
    assert table["frequency"].to_dict() == {1: 1, 2: 0, 3: 2, 4: 2, 5: 2, 6: 0}


def test_a_week_is_seven_days() -> None:
    days = summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="days")
    weeks = summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="weeks")
    assert np.array_equal(weeks["T"], days["T"] / 7)
    assert np.array_equal(weeks["recency"], days["recency"] / 7)


def test_months_are_refused_because_they_are_not_equally_long() -> None:
    with pytest.raises(ValueError, match="unit 'months' is not known; use one of days, weeks"):
        summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="months")  # type: ignore[arg-type]


def test_the_last_day_counts_until_midnight_and_later_orders_do_not() -> None:
    orders = orders_of([(1, "2015-01-01", 1.0), (1, "2015-02-07 23:59:59", 2.0), (1, "2015-02-08", 4.0)])
    row = summary(orders, as_of="2015-02-07", unit="days").iloc[0]
    assert (row["frequency"], row["recency"], row["T"], row["monetary"]) == (1, 37, 37, 2)


def test_cancelled_open_refunded_and_anonymous_orders_are_no_purchases() -> None:
    orders = orders_of(
        [
            (1, "2015-01-01", 10.0, "paid", None),
            (1, "2015-01-02", 10.0, "cancelled", None),
            (1, "2015-01-03", 10.0, "open", None),
            (1, "2015-01-04", 10.0, "refunded", None),
            (1, "2015-01-05", 10.0, "refunded", 10.0),
            (1, "2015-01-06", 10.0, "paid", 4.0),
            (1, "2015-01-07", 8.0, None, None),
            (1, "2015-01-08", -5.0, "paid", None),
            (None, "2015-01-09", 10.0, "paid", None),
        ],
        "status",
        "refunded_amount",
    )
    table = summary(orders, as_of="2015-01-10", unit="days")
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["frequency"], row["recency"], row["monetary"]) == (2, 6, 7.0)  # 6.00 left of the 6th, 8.00


def test_free_orders_are_visits_unless_ignored() -> None:
    orders = orders_of([(1, "2015-01-01", 10.0), (1, "2015-01-05", 0.0), (1, "2015-01-06", 4.0)])
    assert summary(orders, as_of="2015-01-10").loc[0, ["frequency", "monetary"]].tolist() == [2, 2.0]
    ignored = summary(orders, as_of="2015-01-10", free_orders="ignore")
    assert ignored.loc[0, ["frequency", "monetary"]].tolist() == [1, 4.0]


def test_the_holdout_is_what_came_after_for_those_already_known() -> None:
    table = summary(SIX_CUSTOMERS, as_of="2015-02-07", calibration_end="2015-01-16", unit="days")
    table = table.set_index("customer_id")
    assert table.index.tolist() == [1, 2, 3, 4, 5]
    assert table["frequency"].tolist() == [0, 0, 2, 0, 0]
    assert table["holdout_orders"].tolist() == [1, 0, 0, 2, 2]
    assert table["holdout_spend"].tolist() == [2, 0, 0, 12, 9]
    assert (table["holdout_length"] == 22).all()
    assert table["last_period_orders"].tolist() == [0, 0, 2, 0, 0]


def test_a_holdout_must_be_left() -> None:
    with pytest.raises(ValueError, match="calibration_end 2015-02-07 must be before as_of 2015-02-07"):
        summary(SIX_CUSTOMERS, as_of="2015-02-07", calibration_end="2015-02-07")


def test_plain_dates_and_decimals_will_do() -> None:
    table = ibis.memtable(SIX_CUSTOMERS)
    as_dates = table.mutate(ordered_at=table.ordered_at.cast("date"), amount=table.amount.cast("decimal(12, 2)"))
    pd.testing.assert_frame_equal(
        summary(as_dates, as_of="2015-02-07").to_pandas(), summary(SIX_CUSTOMERS, as_of="2015-02-07")
    )


ORDERS = st.lists(
    st.tuples(
        st.integers(1, 6),
        st.datetimes(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-03-01")),
        st.integers(-2, 50).map(lambda cents: cents / 4),
        st.sampled_from(["paid", "cancelled", "open", "refunded", None]),
        st.sampled_from([None, 0.0, 1.25, 5.0]),
    ),
    min_size=1,
    max_size=40,
)


@given(ORDERS, st.booleans())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_database_counts_as_a_loop_by_hand_would(rows: list[tuple], first_order: bool) -> None:
    frame = orders_of(rows, "status", "refunded_amount").astype({"refunded_amount": "float64"})
    # A frame without any status or customer would have no type to tell the database.
    frame["status"] = frame["status"].astype("string")
    as_of, end = pd.Timestamp("2020-02-20"), pd.Timestamp("2020-02-01")
    connection = ibis.duckdb.connect()
    connection.con.register("orders", ibis.memtable(frame).to_pyarrow())
    table = connection.table("orders")
    options = {"as_of": "2020-02-20", "calibration_end": "2020-02-01", "unit": "days", "first_order": first_order}
    from_database = summary(table, **options)
    assert isinstance(from_database, ibis.Table)
    from_frame = summary(frame, **options)
    pd.testing.assert_frame_equal(from_database.to_pandas(), from_frame)

    spends: dict[int, dict[pd.Timestamp, float]] = {}
    for customer, time, amount, status, refunded in rows:
        back = amount if status == "refunded" and refunded is None else refunded or 0.0
        left = amount - back
        day = pd.Timestamp(time).normalize()
        if status in ("cancelled", "open") or day > as_of or not (left > 0 or (amount == 0 and left == 0)):
            continue
        days = spends.setdefault(customer, {})
        days[day] = days.get(day, 0.0) + left
    expected = []
    for customer, days in sorted(spends.items()):
        known = sorted(day for day in days if day <= end)
        if not known:
            continue
        counted = known if first_order else known[1:]
        monetary = sum(days[day] for day in counted) / len(counted) if counted else 0.0
        held = [day for day in days if day > end]
        recent = [day for day in known[1:] if day > end - pd.Timedelta(days=19)]
        expected.append(
            [customer, len(known) - 1, (known[-1] - known[0]).days, (end - known[0]).days, monetary, len(held),
             sum(days[day] for day in held), 19, len(recent)]
        )  # fmt: skip
    np.testing.assert_allclose(
        from_frame.to_numpy(dtype=float).reshape(-1, 9), np.reshape(expected, (-1, 9)), rtol=1e-12
    )
