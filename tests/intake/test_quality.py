"""Quality scores, gaps and lost keys, each computed a second way in pandas."""

import datetime as dt
import itertools
import math

import numpy as np
import pandas as pd
import pytest

from crmlib.intake import take_in
from crmlib.intake.quality import gaps


@pytest.fixture(scope="module")
def dirty():
    """Orders, customers, lines and tickets with known faults, as pandas frames of what the exports say."""
    draw = np.random.default_rng(3)
    n = 400
    days = pd.to_datetime("2025-01-01") + pd.to_timedelta(np.sort(draw.integers(0, 200, n)), unit="D")
    days = days.where((days < "2025-03-01") | (days > "2025-04-10"), pd.Timestamp("2025-02-10"))
    orders = pd.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(n)],
            "customer_id": [f"c{i}" for i in draw.integers(0, 80, n)],
            "ordered_at": days.strftime("%Y-%m-%d 12:00"),
            "amount": np.where(draw.random(n) < 0.05, "n/z", draw.integers(1, 99, n).astype(str)),
            "discount": np.where(draw.random(n) < 0.5, "", np.where(draw.random(n) < 0.2, "-1", "2")),
            "store": np.where(draw.random(n) < 0.3, "", "Ulm"),
        }
    )
    orders.loc[5:9, "order_id"] = "o1"
    opened = pd.Timestamp("2025-06-01 12:00")
    late = [opened + pd.Timedelta(hours=h) for h in (1, -5, 2, 3)]
    tickets = pd.DataFrame({"ticket_id": list("abcde"), "opened_at": opened, "resolved_at": [*late, None]})
    return {
        "orders": orders,
        "customers": pd.DataFrame({"customer_id": [f"c{i}" for i in range(70)]}),
        "tickets": tickets,
        "surveys": pd.DataFrame(
            {"response_id": range(6), "answered_at": "2025-01-05", "kind": "nps", "score": [1, 9, 11, -1, 10, 7]}
        ),
    }


@pytest.fixture(scope="module")
def measured(dirty, tmp_path_factory):
    from crmlib.client import load_client
    from tests.conftest import write_client

    folder = tmp_path_factory.mktemp("quality")
    tables = {name: frame.to_csv(index=False).encode() for name, frame in dirty.items()}
    workspace = take_in(load_client(write_client(folder, "max_set_aside: 1\n", **tables)), folder / "w")
    return workspace


def usable(orders: pd.DataFrame) -> pd.DataFrame:
    good = orders[pd.to_numeric(orders.amount, errors="coerce").notna()]
    return good.drop_duplicates("order_id")


def test_scores_are_shares_that_can_be_counted_by_hand(dirty, measured):
    scores = measured.account["quality"]["columns"]["orders"]
    read = dirty["orders"]
    made = usable(read)
    unread = pd.to_numeric(read.amount, errors="coerce").isna().sum()
    assert scores["amount"]["valid"] == pytest.approx(len(made) / (len(made) + unread))
    assert scores["amount"]["complete"] == 1
    assert scores["store"]["complete"] == pytest.approx((made.store != "").mean())
    assert "complete" not in scores["discount"]  # empty means: nothing was taken off
    filled, wrong = (made.discount == "2").sum(), (made.discount == "-1").sum()
    assert wrong > 10
    assert scores["discount"]["valid"] == pytest.approx(filled / (filled + wrong))
    good = read[pd.to_numeric(read.amount, errors="coerce").notna()]
    repeated = good.order_id.duplicated().sum()
    assert repeated >= 4
    assert scores["order_id"]["unique"] == pytest.approx(len(made) / (len(made) + repeated))
    known = made.customer_id.isin(dirty["customers"].customer_id)
    assert scores["customer_id"]["consistent"] == pytest.approx(known.mean())
    for column in scores.values():
        parts = [value for name, value in column.items() if name != "score"]
        assert column["score"] == pytest.approx(math.prod(parts))
        assert all(0 <= part <= 1 for part in parts)


def test_times_out_of_order_and_scores_beyond_their_scale_lower_the_score(measured):
    columns = measured.account["quality"]["columns"]
    assert columns["tickets"]["resolved_at"]["consistent"] == 3 / 4
    assert columns["surveys"]["score"]["valid"] == 4 / 6


def test_a_table_that_ends_long_before_the_others_is_not_timely(measured):
    columns = measured.account["quality"]["columns"]
    last = dt.date.fromisoformat(measured.account["as_of"])
    assert columns["surveys"]["answered_at"]["timely"] == pytest.approx(31 / (last - dt.date(2025, 1, 5)).days)
    assert columns["orders"]["ordered_at"]["timely"] == 1


def test_months_and_gaps_are_those_of_the_rows(dirty, measured):
    covered = measured.account["quality"]["coverage"]["orders"]
    days = pd.to_datetime(usable(dirty["orders"]).ordered_at).dt
    counted = days.strftime("%Y-%m").value_counts().to_dict()
    assert {month: rows for month, rows in covered["months"].items() if rows} == counted
    assert list(covered["months"]) == [str(p) for p in pd.period_range(covered["first"], covered["last"], freq="M")]
    dates = sorted(set(days.date))
    longest = max(itertools.pairwise(dates), key=lambda pair: pair[1] - pair[0])
    (gap,) = covered["gaps"]
    assert dt.date.fromisoformat(gap["from"]) == longest[0] + dt.timedelta(days=1)
    assert dt.date.fromisoformat(gap["to"]) == longest[1] - dt.timedelta(days=1)
    assert gap["days"] == (longest[1] - longest[0]).days - 1 >= 39
    length = (dates[-1] - dates[0]).days + 1
    assert covered["covered"] == pytest.approx(1 - gap["days"] / length)


def test_keys_that_lead_nowhere_are_counted_with_the_different_ones(dirty, measured):
    made = usable(dirty["orders"])
    lost = made[~made.customer_id.isin(dirty["customers"].customer_id)]
    found = {(key["table"], key["column"]): key for key in measured.account["quality"]["foreign_keys"]}
    assert found["orders", "customer_id"] == {
        "table": "orders",
        "column": "customer_id",
        "into": "customers",
        "rows": len(made),
        "lost": len(lost),
        "keys": lost.customer_id.nunique(),
    }


@pytest.mark.parametrize(("rows", "found"), [(8, 0), (17, 0), (18, 1), (160, 1)])
def test_a_stretch_is_a_gap_only_where_chance_does_not_explain_it(rows, found):
    days = [dt.date(2025, 1, n) for n in (1, 2, 3, 4, 5, 16, 17, 18)]
    assert (18 * math.exp(-rows / 18 * 10) < 0.001) == bool(found)
    assert [gap["days"] for gap in gaps(days, rows)] == [10] * found


def test_where_many_rows_become_one_valid_counts_the_values_that_were_read(make_client, tmp_path):
    settings = (
        "max_set_aside: 1\ntables: {orders: {from: a.csv, one_row_per: order_id, adds_up: amount, duplicates: keep}}\n"
    )
    export = "order_id,ordered_at,amount\n" + "1,2025-01-01,5\n" * 9 + "1,2025-01-01,abc\n"
    account = take_in(make_client(settings, a=export), tmp_path / "w").account
    assert account["quality"]["columns"]["orders"]["amount"]["valid"] == 0.9
