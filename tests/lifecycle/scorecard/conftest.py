"""Orders, series and counts made by hand, and the sample brand's."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

import crmlib
from crmlib.lifecycle import clv, scorecard


def orders_of(*rows):
    """Orders from (customer, day, amount)."""
    return pd.DataFrame(
        {
            "order_id": [str(i) for i in range(len(rows))],
            "customer_id": pd.Series([row[0] for row in rows], dtype="str"),
            "ordered_at": pd.to_datetime([row[1] for row in rows]),
            "amount": [float(row[2]) for row in rows],
        }
    )


def months(count, start="2024-01-01"):
    return [day.date() for day in pd.date_range(start, periods=count, freq="MS")]


def series(values, kpi="average_order_value", **columns):
    frame = pd.DataFrame({"kpi": kpi, "period": months(len(values)), "value": np.asarray(values, float)})
    return frame.assign(**{"judged": frame["value"].notna(), **columns})


def measured(**columns):
    count = len(next(iter(columns.values())))
    if "nps_answers" in columns:
        columns.setdefault("nps_effective_answers", columns["nps_answers"])
    if "revenue_squares" in columns:  # amounts that lean to neither side
        revenue, squares, orders = (np.asarray(columns[n], float) for n in ("revenue", "revenue_squares", "orders"))
        mean = revenue / np.maximum(orders, 1)
        columns.setdefault("revenue_cubes", 3 * mean * squares - 2 * orders * mean**3)
    return pd.DataFrame({"period": months(count), **{k: np.asarray(v, float) for k, v in columns.items()}})


def grown(change):
    """Orders of two years, the second with ``change`` times as many customers."""
    early = [(f"a{i}", dt.date(2024, 1, 1) + dt.timedelta(days=i % 360), 100) for i in range(100)]
    late = [(f"b{i}", dt.date(2025, 1, 1) + dt.timedelta(days=i % 360), 100) for i in range(round(100 * change))]
    return orders_of(*early, *late)


@pytest.fixture(scope="package")
def aurora(repository):
    return crmlib.begin("13_scorecard", client=repository / "data" / "aurora" / "client.yaml", language="en")


@pytest.fixture(scope="package")
def counted(aurora):
    """Aurora's base measures and scorecard."""
    others = ("leads", "spend", "surveys", "tickets", "subscriptions", "touches", "usage", "loyalty")
    tables = {name: aurora.table(name) for name in ("orders", *others)}
    client, orders = aurora.client, tables["orders"]
    margin = float(clv.contribution_margin(orders, as_of=aurora.as_of, fallback=client.margin)["margin"].iloc[0])
    days, money = scorecard.value_days(aurora.as_of), {"margin": margin, "discount_rate": client.discount_rate}
    measures = scorecard.base_measures(**tables, equity=clv.equity_on(orders, days=days, **money), as_of=aurora.as_of)
    return measures, scorecard.load_kpis(targets=client.targets)


@pytest.fixture(scope="package")
def truth(repository):
    return json.loads((repository / "data" / "aurora" / "truth.json").read_text(encoding="utf-8"))


def rows_of(card, kpis):
    """The scorecard as it is shown: texts by KPI and heading."""
    exhibit = scorecard.scorecard_table(card, kpis)
    return pd.DataFrame(exhibit.fields["rows"], columns=exhibit.fields["headings"]).set_index("KPI")
