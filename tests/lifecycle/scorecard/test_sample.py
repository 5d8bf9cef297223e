"""The sample brand's truth is found again."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from crmlib.lifecycle import clv, scorecard
from crmlib.purchases import purchases


def test_the_samples_active_customers_are_those_who_bought_in_the_last_180_days(aurora, counted):
    bought = purchases(aurora.table("orders"), as_of=aurora.as_of).to_pandas()
    last = pd.to_datetime(bought["day"]).groupby(bought["customer_id"]).max()
    by_hand = int((pd.Timestamp(aurora.as_of) - last <= pd.Timedelta(days=180)).sum())
    assert counted[0]["active_customers"].iloc[-1] == by_hand == 3954


def test_the_value_of_a_customer_is_that_of_the_chapter_on_customer_lifetime_value(aurora, counted):
    orders, rate = aurora.table("orders"), aurora.client.discount_rate
    margin = float(clv.contribution_margin(orders, as_of=aurora.as_of, fallback=aurora.client.margin)["margin"].iloc[0])
    histories = clv.summary(orders, as_of=aurora.as_of).to_pandas()
    values = clv.customer_values(histories, **clv.fit_models(histories).models, margin=margin, discount_rate=rate)
    assert counted[0]["expected_value"].iloc[-1] == pytest.approx(values["clv"].sum(), rel=1e-6)
    assert counted[0]["expected_value"].notna().sum() == 3


def test_retention_and_churn_add_up_to_one(counted):
    measures, kpis = counted
    values = scorecard.kpi_values(measures, kpis).pivot(index="period", columns="kpi", values="value")
    assert (values["retention_rate"] + values["churn_rate"]).dropna().to_numpy() == pytest.approx(1)


def test_the_samples_truth_is_found_again(counted, truth):
    measures, kpis = counted
    over = {}
    for key in ("complaint_resolution", "nps", "lead_conversion"):
        known = measures[list(kpis[key].formula.measures)].dropna()
        over[key] = scorecard.kpi_over(measures, kpis[key], periods=len(known))
    assert over["complaint_resolution"] == pytest.approx(truth["complaints"]["share_resolved_fast"], abs=0.005)
    assert over["nps"] == pytest.approx(truth["surveys"]["nps_of_respondents"], abs=1.5)
    channels = truth["acquisition"]["channels"].values()
    leads = sum(channel["leads"] for channel in channels)
    conversion = sum(channel["leads"] * channel["lead_conversion"] for channel in channels) / leads
    counted_leads = measures.dropna(subset=["converted_leads"])["leads"].sum()
    assert over["lead_conversion"] == pytest.approx(
        conversion, abs=3 * math.sqrt(conversion * (1 - conversion) / counted_leads)
    )


def test_the_expected_value_of_a_customer_is_near_that_of_the_true_process(counted, truth):
    measures, _kpis = counted
    last = measures.iloc[-1]
    channels = truth["customer_base"]["channels"].values()
    expected = sum(c["expected_orders_next_365_days"] * c["gamma_gamma"]["mean_spend"] for c in channels)
    # Discounting takes about 5%; spend and dropping out differ between customers of a channel, so near is near enough.
    assert last["expected_value"] == pytest.approx(0.55 * 0.95 * expected, rel=0.15)
    assert last["expected_value_low"] < last["expected_value"] < last["expected_value_high"]
