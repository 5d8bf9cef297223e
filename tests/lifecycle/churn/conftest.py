"""The sample brand's tables, and what the chapter makes of them."""

from __future__ import annotations

import datetime as dt
import json
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import crmlib
from crmlib.lifecycle import churn
from crmlib.words import use

WITHIN = 90


@pytest.fixture(scope="package")
def aurora(repository) -> Any:
    return crmlib.begin("06_churn", client=repository / "data/aurora/client.yaml")


@pytest.fixture(scope="package")
def truth(repository) -> dict[str, Any]:
    return json.loads((repository / "data/aurora/truth.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="package")
def tables(aurora) -> dict[str, Any]:
    return {name: aurora.table(name) for name in ("tickets", "surveys", "order_lines", "subscriptions")}


@pytest.fixture(scope="package")
def made(aurora, tables) -> SimpleNamespace:
    """The chapter's tables of the sample, as its notebook makes them."""
    orders, day, margin = aurora.table("orders"), aurora.as_of, aurora.client.margin
    days = [day - dt.timedelta(days=n * WITHIN) for n in (2, 1)]
    train, test = (
        churn.with_outcomes(
            churn.features(churn.moments(orders, as_of=one, most=churn.MOST_MODELLED), orders, **tables),
            orders, within=WITHIN,
        ).to_pandas()
        for one in days
    )  # fmt: skip
    judged, risks = churn.judge(train, test)
    model = churn.fit_model(test, within=WITHIN)
    now = churn.with_risk(churn.features(churn.moments(orders, as_of=day), orders, **tables), model)
    customers = churn.customer_risks(now, orders, as_of=day, silent_after=204, margin=margin)
    outcomes = churn.complaint_outcomes(orders, tables["tickets"], as_of=day, margin=margin)
    silent = churn.silent_customers(
        orders, aurora.table("actions"), tables["tickets"], as_of=day, silent_after=204, margin=margin
    )
    return SimpleNamespace(
        orders=orders, train=train, test=test, judged=judged, risks=risks, model=model, customers=customers,
        outcomes=outcomes, slow=churn.slow_complaints(outcomes, as_of=day), silent=silent,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def english():
    use("en", "USD")
    yield
    use()


def orders_of(**days: list[str]) -> pd.DataFrame:
    """Orders of 10 each, by customer, on the days given."""
    rows = [(name, pd.Timestamp(day), 10.0) for name, bought in days.items() for day in bought]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return frame.assign(order_id=[f"o{n}" for n in range(len(frame))])
