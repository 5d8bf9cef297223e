"""Orders become one row per customer."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.calendar import as_day
from crmlib.engine import to_pandas
from crmlib.lifecycle.clv import account_table, summary, summary_account
from crmlib.lifecycle.clv.assumptions import successive_gaps
from crmlib.lifecycle.clv.preparation import RULES
from crmlib.models import BetaGeoNBD, CustomerBaseInvalid
from crmlib.purchases import purchases


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
    assert list(table.columns) == ["customer_id", "frequency", "recency", "T", "monetary", "unit"]
    assert table.drop(columns="unit").to_numpy().tolist() == [
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


def test_a_month_is_a_twelfth_of_a_mean_year_and_not_thirty_days() -> None:
    orders = orders_of([(1, "2021-01-01", 1.0), (1, "2023-01-01", 2.0), (1, "2025-01-01", 3.0)])
    row = summary(orders, as_of="2025-01-01", unit="months").iloc[0]
    assert (row["recency"], row["T"]) == (48.0, 48.0)  # four years with their leap day
    days = summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="days")
    months = summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="months")
    assert np.array_equal(months["T"], days["T"] / 30.4375)


@pytest.mark.parametrize("unit", ["days", "weeks", "months"])
def test_the_unit_travels_with_the_table_into_the_model(unit: str) -> None:
    random = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 700, 600), "D")
    orders = pd.DataFrame({"customer_id": random.integers(0, 200, 600), "ordered_at": days, "amount": 5.0})
    for table in (orders, ibis.memtable(orders)):
        prepared = summary(table, as_of="2025-12-31", unit=unit)  # type: ignore[arg-type]
        assert set(to_pandas(prepared)["unit"]) == {unit}
        assert BetaGeoNBD.fit(prepared, prior_spread=2.0).unit == unit


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="unit 'years' is not known; use one of days, weeks, months"):
        summary(SIX_CUSTOMERS, as_of="2015-02-07", unit="years")  # type: ignore[arg-type]


def test_orders_that_cannot_be_read_are_told_of_all_at_once() -> None:
    orders = pd.DataFrame({"ordered_at": ["1st of May", "2015-01-01"], "amount": ["9.50", "nine"]})
    with pytest.raises(CustomerBaseInvalid) as refused:
        summary(orders, as_of="2015-02-07")
    message = str(refused.value)
    assert message.startswith("3 things are wrong:\n- the orders have no column customer_id; ")
    assert "ordered_at holds string; dates or times are expected" in message
    assert "amount is text and no number in 1 order ('nine')" in message


def test_amounts_that_are_no_number_never_reach_the_summary() -> None:
    orders = pd.DataFrame(
        {"customer_id": [1, 1], "ordered_at": pd.to_datetime(["2015-01-01", "2015-01-09"]), "amount": [5.0, 1.0]}
    )
    table = ibis.memtable(orders)
    # Not a missing value, but a number in the table that is none.
    table = table.mutate(amount=ibis.ifelse(table.amount == 1, float("nan"), table.amount))
    assert summary(table, as_of="2015-02-07").to_pandas()[["frequency", "monetary"]].to_numpy().tolist() == [[0, 0]]
    account = summary_account(table, as_of="2015-02-07").to_pandas().set_index("rule")["orders"]
    assert account[account > 0].to_dict() == {"counted": 1, "without amount": 1}


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


def test_free_orders_are_no_purchases_unless_asked_for() -> None:
    orders = orders_of([(1, "2015-01-01", 10.0), (1, "2015-01-05", 0.0), (1, "2015-01-06", 4.0)])
    counted = summary(orders, as_of="2015-01-10", free_orders="count")
    assert counted.loc[0, ["frequency", "monetary"]].tolist() == [2, 2.0]
    ignored = summary(orders, as_of="2015-01-10")
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
        if status in ("cancelled", "open") or day > as_of or left <= 0:
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
    assert set(from_frame.pop("unit")) <= {"days"}
    np.testing.assert_allclose(
        from_frame.to_numpy(dtype=float).reshape(-1, 9), np.reshape(expected, (-1, 9)), rtol=1e-12
    )


def test_each_order_is_accounted_for_by_one_rule() -> None:
    orders = orders_of(
        [
            (1, "2015-01-01 08:00", 10.0, "paid", None),
            (1, "2015-01-01 09:00", 6.0, "paid", None),
            (1, "2015-01-01 10:00", 7.0, "cancelled", None),
            (1, "2015-01-03", 10.0, "open", None),
            (1, "2015-01-04", 10.0, "refunded", None),
            (1, "2015-01-05", 10.0, "paid", 12.0),
            (1, "2015-01-06", 10.0, "paid", 4.0),
            (1, "2015-01-07", 0.0, "paid", None),
            (1, "2015-01-08", -5.0, "paid", None),
            (2, "2015-01-09", 3.0, None, None),
            (2, "2015-01-10", None, "paid", None),
            (None, "2015-01-09", 10.0, "paid", None),
            (2, "2015-01-11 00:00:01", 2.5, "paid", None),
            (2, None, 1.0, "paid", None),
            (3, "2015-01-08", 8.0, "paid", None),
        ],
        "status",
        "refunded_amount",
    )
    counting: Any = {"as_of": "2015-01-10", "free_orders": "count"}
    account = summary_account(orders, **counting)
    assert account["rule"].tolist() == list(RULES)
    assert account["orders"].sum() == len(orders)
    found = account.set_index("rule")[["orders", "amount"]]
    assert {rule: tuple(row) for rule, row in found[found["orders"] > 0].iterrows()} == {
        "counted": (3, 21.0),
        "partly refunded": (1, 10.0),
        "free, counted": (1, 0.0),
        "same day": (1, 6.0),
        "cancelled or open": (2, 17.0),
        "refunded in full": (2, 20.0),
        "negative amount": (1, -5.0),
        "without amount": (1, 0.0),
        "after as_of": (1, 2.5),
        "without customer": (1, 10.0),
        "without time": (1, 1.0),
    }
    rows = account_table(account).fields["rows"]
    assert rows[0][0] == "Counted in full"
    assert len(rows) == (account["orders"] > 0).sum()
    ignored = summary_account(orders, as_of="2015-01-10").set_index("rule")["orders"]
    assert (ignored["free, counted"], ignored["free, ignored"]) == (0, 1)
    held = summary_account(orders, calibration_end="2015-01-06", **counting).set_index("rule")["orders"]
    assert held["counted"] == 1  # of customer 1, on the first day
    assert held["held out"] == 1  # the free one of customer 1
    assert held["new after calibration_end"] == 2  # customers 2 and 3
    assert held.sum() == len(orders)
    in_database = summary_account(ibis.memtable(orders), **counting)
    assert isinstance(in_database, ibis.Table)
    pd.testing.assert_frame_equal(in_database.to_pandas(), account)


MESSY_ORDERS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3, None]),
        st.none() | st.datetimes(pd.Timestamp("2020-01-01"), pd.Timestamp("2020-01-12")),
        st.sampled_from([-2.0, 0.0, 1.25, 5.0, 7.5, None]),
        st.sampled_from(["paid", "paid", "cancelled", "open", "refunded", None]),
        st.sampled_from([None, -1.0, 0.0, 1.25, 5.0]),
    ),
    min_size=1,
    max_size=40,
)


@given(MESSY_ORDERS, st.sampled_from(["count", "ignore"]), st.sampled_from([None, "2020-01-05"]))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_account_follows_the_rule_of_purchases_and_adds_up_to_the_summary(
    rows: list[tuple], free_orders: str, end: str | None
) -> None:
    frame = orders_of(rows, "status", "refunded_amount")
    frame = frame.astype(
        {"status": "string", "customer_id": "Int64", "amount": "float64", "refunded_amount": "float64"}
    )
    options = {"as_of": "2020-01-10", "free_orders": free_orders}
    account = summary_account(frame, calibration_end=end, **options)
    orders = account.set_index("rule")["orders"]
    assert orders.sum() == len(frame)
    assert account["amount"].sum() == frame["amount"].sum()
    bought = ["counted", "partly refunded", "free, counted"]
    kept = [*bought, "same day", "held out", "new after calibration_end"]
    assert orders[kept].sum() == len(purchases(frame, **options))
    prepared = summary(frame, calibration_end=end, **options)
    assert orders[bought].sum() == (prepared["frequency"] + 1).sum()
    if end:
        assert orders["held out"] == prepared["holdout_orders"].sum()


def in_shanghai(*times: str) -> pd.DataFrame:
    return orders_of([(1, time, 2.0) for time in times]).assign(
        ordered_at=lambda orders: orders["ordered_at"].dt.tz_localize("Asia/Shanghai")
    )


def test_days_are_those_of_the_time_zone_that_times_carry() -> None:
    # 01:00 in Shanghai is still the day before in UTC.
    orders = in_shanghai("2020-01-01 01:00", "2020-01-01 23:30", "2020-01-20 01:00", "2020-01-31 00:30")
    on_31 = [1, 2, 30.0, 30.0]
    for table in (orders, ibis.memtable(orders), ibis.memtable(orders).filter(lambda table: table.amount > 0)):
        columns = ["customer_id", "frequency", "recency", "T"]
        assert to_pandas(summary(table, as_of="2020-01-31", unit="days"))[columns].iloc[0].tolist() == on_31
        # What happens on the 31st there is not known on the 30th, although it is the 30th in UTC.
        assert to_pandas(summary(table, as_of="2020-01-30", unit="days"))["frequency"].tolist() == [1]
        account = to_pandas(summary_account(table, as_of="2020-01-30")).set_index("rule")["orders"]
        assert account[["counted", "same day", "after as_of"]].tolist() == [2, 1, 1]
        gaps = successive_gaps(table, as_of="2020-01-31")
        assert gaps[["first_gap", "both_gaps"]].to_numpy().tolist() == [[19, 30]]
    bought = purchases(orders)
    assert bought["ordered_at"].tolist() == orders["ordered_at"].dt.tz_localize(None).tolist()
    fixed = orders.assign(ordered_at=orders["ordered_at"].dt.tz_convert("UTC").dt.tz_convert("+08:00"))
    assert summary(fixed, as_of="2020-01-31", unit="days")["recency"].tolist() == [30.0]


def test_nanoseconds_are_cut_off() -> None:
    times = pd.to_datetime([1579011722330058276, 1579111722330058999])
    orders = pd.DataFrame({"customer_id": [1, 1], "ordered_at": times, "amount": [2.0, 3.0], "shipped_at": times})
    for zone in (None, "UTC"):
        table = orders.assign(ordered_at=orders["ordered_at"].dt.tz_localize(zone))
        assert summary(table, as_of="2020-01-20", unit="days")["frequency"].tolist() == [1]
        assert summary_account(table, as_of="2020-01-20")["orders"].iloc[0] == 2
        assert purchases(table)["ordered_at"].tolist() == list(times.floor("us"))
        assert len(successive_gaps(table, as_of="2020-01-20")) == 0


@pytest.mark.parametrize(("first", "later"), [(1e12, 0.001), (1e17, 1.0), (1e300, 1e-5)])
def test_a_large_first_order_does_not_swallow_the_others(first: float, later: float) -> None:
    orders = orders_of(
        [(1, "2015-01-01", first), (1, "2015-01-02", later), (1, "2015-01-03", later), (2, "2015-01-01", 5.0)]
    )
    assert summary(orders, as_of="2015-01-09")["monetary"].tolist() == [later, 0.0]
    held = summary(orders, as_of="2015-01-09", calibration_end="2015-01-02")
    assert held[["monetary", "holdout_spend"]].to_numpy().tolist() == [[later, later], [0.0, 0.0]]


def test_infinite_amounts_are_left_out_and_accounted_for() -> None:
    orders = orders_of(
        [(1, "2015-01-01", 4.0), (1, "2015-01-02", np.inf), (1, "2015-01-03", -np.inf), (1, "2015-01-04", 2.0)]
    )
    for table in (orders, ibis.memtable(orders)):
        of_one = to_pandas(summary(table, as_of="2015-01-05", unit="days")).iloc[0]
        assert of_one[["frequency", "recency", "monetary"]].tolist() == [1, 3.0, 2.0]
        account = to_pandas(summary_account(table, as_of="2015-01-05")).set_index("rule")
        assert account.loc[["counted", "infinite amount"], "orders"].tolist() == [2, 2]
        assert account["amount"].sum() == 6.0


@pytest.mark.parametrize("day", [None, pd.NaT, "2015/02/07", "", "soon"])
def test_a_day_that_is_none_is_refused_in_words(day: object) -> None:
    for table in (summary, summary_account):
        with pytest.raises(ValueError, match="is no day; give a date, or text written YYYY-MM-DD"):
            table(SIX_CUSTOMERS, as_of=day)


def test_days_are_read_from_dates_timestamps_and_text() -> None:
    for day in ("2015-02-07", "2015-02-07 08:00", pd.Timestamp("2015-02-07 08:00"), pd.Timestamp("2015-02-07").date()):
        assert as_day(day) == pd.Timestamp("2015-02-07").date()


def test_an_unknown_way_with_free_orders_is_refused() -> None:
    for table in (summary, summary_account, purchases):
        with pytest.raises(ValueError, match="free_orders is 'drop'; it is \"count\""):
            table(SIX_CUSTOMERS, as_of="2015-02-07", free_orders="drop")


def test_statuses_are_read_in_any_case() -> None:
    orders = orders_of(
        [
            (1, "2015-01-01", 4.0, "Paid"),
            (1, "2015-01-02", 4.0, " Cancelled"),
            (1, "2015-01-03", 4.0, "OPEN "),
            (1, "2015-01-04", 4.0, "Refunded"),
        ],
        "status",
    )
    for table in (orders, ibis.memtable(orders)):
        assert to_pandas(purchases(table))["ordered_at"].tolist() == [pd.Timestamp("2015-01-01")]
        account = to_pandas(summary_account(table, as_of="2015-01-05")).set_index("rule")["orders"]
        assert account[["counted", "cancelled or open", "refunded in full"]].tolist() == [1, 2, 1]
