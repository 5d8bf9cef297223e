"""An analyst who reads the tables well finds the truth again; one who compares before and after does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.optimize import minimize
from scipy.special import betaln
from scipy.stats import chi2
from statsmodels.miscmodels.ordinal_model import OrderedModel

END = pd.Timestamp("2026-01-01")


def started(dates: pd.Series, shops: pd.Series, starts: dict[str, str | None]) -> pd.Series:
    """Whether a measure had started in the shop on the date."""
    begin = shops.map({shop: pd.Timestamp(day) for shop, day in starts.items() if day})
    return (dates >= begin).astype(int)


def difference_in_differences(table: pd.DataFrame) -> tuple[float, float]:
    """95 % interval of ``treated`` on ``outcome``, with an effect for each shop and month, robust errors."""
    table = table.assign(month=table["date"].dt.strftime("%Y-%m"))
    fit = smf.ols("outcome ~ treated + C(shop) + C(month)", table).fit(cov_type="HC1")
    low, high = fit.conf_int().loc["treated"]
    return low, high


@pytest.fixture(scope="module")
def first_orders(purchases: pd.DataFrame, truth: dict[str, Any]) -> pd.DataFrame:
    """First orders in shops with 90 days to follow: shop, date, treated (gift), outcome (second order in 90 days)."""
    rank = purchases.groupby("customer_id").cumcount()
    first = purchases[rank == 0].set_index("customer_id")
    second = purchases[rank == 1].set_index("customer_id")["ordered_at"].reindex(first.index)
    table = pd.DataFrame({"shop": first["store"], "date": first["ordered_at"]})
    table["outcome"] = (second - table["date"] <= pd.Timedelta(days=90)).astype(int)
    table["treated"] = started(table["date"], table["shop"], truth["measures"]["first_order_gift"]["shops"])
    return table[(table["shop"] != "web") & (table["date"] < END - pd.Timedelta(days=90))]


@pytest.fixture(scope="module")
def baskets(aurora: dict[str, pd.DataFrame], purchases: pd.DataFrame) -> pd.DataFrame:
    held = aurora["order_lines"].groupby("order_id")["category"].agg(set)
    return purchases.assign(categories=purchases["order_id"].map(held))


def test_shops_differ_in_differences_find_the_gifts_effect(first_orders: pd.DataFrame, truth: dict[str, Any]) -> None:
    gift = truth["measures"]["first_order_gift"]
    low, high = difference_in_differences(first_orders)
    assert low < gift["effect"] < high
    assert low > 0


def test_before_and_after_overstates_the_gift(first_orders: pd.DataFrame, truth: dict[str, Any]) -> None:
    gift = truth["measures"]["first_order_gift"]
    staged = first_orders[first_orders["shop"].map(gift["shops"]).notna()]
    before, after = staged.groupby("treated")["outcome"].mean()
    assert after - before == pytest.approx(gift["naive_before_after"]["difference"], abs=0.005)
    assert after - before > 1.8 * gift["effect"]
    assert after - before > difference_in_differences(first_orders)[1]


def test_before_and_after_overstates_the_set_and_shops_do_not(baskets: pd.DataFrame, truth: dict[str, Any]) -> None:
    measure = truth["measures"]["serum_mask_set"]
    serums = baskets[baskets["categories"].map(lambda c: "serum" in c) & (baskets["store"] != "web")]
    table = pd.DataFrame({"shop": serums["store"], "date": serums["ordered_at"]})
    table["outcome"] = serums["categories"].map(lambda c: "mask" in c).astype(int)
    table["treated"] = started(table["date"], table["shop"], measure["shops"])
    low, high = difference_in_differences(table)
    assert low < measure["effect"] < high
    assert measure["naive_before_after"]["difference"] > 1.4 * measure["effect"]


def test_shops_find_the_effect_of_the_after_sun_guide(baskets: pd.DataFrame, truth: dict[str, Any]) -> None:
    measure = truth["measures"]["after_sun_guide"]
    following = baskets.groupby("customer_id")[["categories", "ordered_at"]].shift(-1)
    soon = following["ordered_at"] - baskets["ordered_at"] <= pd.Timedelta(days=measure["within_days"])
    sun = baskets["categories"].map(lambda c: "sunscreen" in c) & soon & (baskets["home"] != "web")
    table = pd.DataFrame({"shop": baskets["home"], "date": baskets["ordered_at"]})[sun]
    table["outcome"] = following.loc[sun, "categories"].map(lambda c: "after_sun" in c).astype(int)
    table["treated"] = started(table["date"], table["shop"], measure["shops"])
    low, high = difference_in_differences(table)
    assert low < measure["effect"] < high


@pytest.mark.parametrize("play", ["win_back", "birthday_greeting"])
def test_the_random_arms_find_the_effect_of_a_play(
    play: str, aurora: dict[str, pd.DataFrame], purchases: pd.DataFrame, truth: dict[str, Any]
) -> None:
    stated = truth["measures"][play]
    actions = aurora["actions"].query("play == @stated['play']")
    later = actions.merge(purchases[["customer_id", "ordered_at"]], on="customer_id")
    lag = later["ordered_at"] - later["assigned_at"]
    inside = (lag >= pd.Timedelta(0)) & (lag < pd.Timedelta(days=stated["within_days"]))
    returned = actions["action_id"].isin(later.loc[inside, "action_id"])
    share, size = returned.groupby(actions["arm"]).mean(), actions["arm"].value_counts()
    uplift = share["treat"] - share["control"]
    error = 1.96 * np.sqrt((share * (1 - share) / size).sum())
    assert uplift - error < stated["effect"] < uplift + error
    assert share["treat"] == pytest.approx(stated["naive_rate_of_treated"], abs=0.003)


def test_a_win_back_rate_alone_doubles_the_uplift(truth: dict[str, Any]) -> None:
    play = truth["measures"]["win_back"]
    assert play["naive_rate_of_treated"] > 2 * play["effect"]
    assert play["rate_of_control"] > 0.05


def test_an_ordered_logit_finds_what_drives_the_recommendation(
    aurora: dict[str, pd.DataFrame], truth: dict[str, Any]
) -> None:
    answers = aurora["surveys"].query("kind == 'nps'")
    stated = truth["surveys"]["coefficients"]
    model = OrderedModel(answers["score"].astype(int), answers[list(stated)].astype(float), distr="logit")
    interval = model.fit(method="bfgs", disp=0, maxiter=200).conf_int()
    for item, coefficient in stated.items():
        assert interval.loc[item, 0] < coefficient < interval.loc[item, 1], item


def test_those_who_answer_are_happier_and_weighting_mends_most_of_it(
    aurora: dict[str, pd.DataFrame], purchases: pd.DataFrame, truth: dict[str, Any]
) -> None:
    stated = truth["surveys"]
    asked = aurora["touches"].query("kind == 'survey_sent'").sort_values("touched_at")[["customer_id", "touched_at"]]
    scores = aurora["surveys"].query("kind == 'nps'").sort_values("answered_at")
    table = pd.merge_asof(
        asked,
        scores[["customer_id", "answered_at", "score"]],
        left_on="touched_at",
        right_on="answered_at",
        by="customer_id",
        direction="forward",
        tolerance=pd.Timedelta(days=10),
    )
    last = pd.merge_asof(
        asked,
        purchases[["customer_id", "ordered_at"]].sort_values("ordered_at"),
        left_on="touched_at",
        right_on="ordered_at",
        by="customer_id",
    )["ordered_at"]
    tiers = aurora["loyalty"][["customer_id", "at", "tier"]].sort_values("at")
    tier = pd.merge_asof(asked, tiers, left_on="touched_at", right_on="at", by="customer_id")["tier"]
    silence = (table["touched_at"] - last).dt.days
    table["silence"] = pd.cut(silence, [-1, 90, 180, 1000], labels=["recent", "between", "silent"]).astype(str)
    table["tier"] = tier.fillna("none").to_numpy()
    table["acquired"] = table["customer_id"].map(purchases.groupby("customer_id")["acquired"].first())
    table["answered"] = table["score"].notna().astype(int)
    propensity = smf.logit("answered ~ C(acquired) + C(silence) + C(tier)", table).fit(disp=0).predict(table)
    answered = table["answered"] == 1
    scored = (table["score"] >= 9).astype(float) - (table["score"] <= 6)
    raw = 100 * scored[answered].mean()
    weighted = 100 * np.average(scored[answered], weights=1 / propensity[answered])
    assert raw == pytest.approx(stated["nps_of_respondents"], abs=1e-4)
    assert raw - stated["nps_of_all_asked"] > 5
    assert weighted - stated["nps_of_all_asked"] < 0.5 * (raw - stated["nps_of_all_asked"])


def test_the_refill_boxes_follow_their_beta_geometric(aurora: dict[str, pd.DataFrame], truth: dict[str, Any]) -> None:
    boxes = aurora["subscriptions"]
    until = boxes["ended_at"].fillna(pd.Timestamp("2025-12-31"))
    begin = boxes["started_at"]
    months = (until.dt.year - begin.dt.year) * 12 + until.dt.month - begin.dt.month - (until.dt.day < begin.dt.day)
    ended = boxes["ended_at"].notna().to_numpy()
    months = months.to_numpy()

    def minus_log_likelihood(logs: np.ndarray) -> float:  # Fader & Hardie (2007), equations 5 and 6
        alpha, beta = np.exp(logs)
        died = betaln(alpha + 1, beta + np.maximum(months, 1) - 1) - betaln(alpha, beta)
        survived = betaln(alpha, beta + months) - betaln(alpha, beta)
        return -np.where(ended, died, survived).sum()

    # By heights of the likelihood alone: slopes by differences, and so an inverse Hessian, end in lost digits.
    best = minimize(minus_log_likelihood, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-8})
    assert best.success
    stated = np.log([truth["refill_box"]["alpha"], truth["refill_box"]["beta"]])
    assert 2 * (minus_log_likelihood(stated) - best.fun) < chi2(2).ppf(0.95)


def test_second_orders_in_the_web_shop_follow_the_model(purchases: pd.DataFrame, truth: dict[str, Any]) -> None:
    rank = purchases.groupby("customer_id").cumcount()
    first = purchases[rank == 0].set_index("customer_id")
    second = purchases[rank == 1].set_index("customer_id")["ordered_at"].reindex(first.index)
    for channel, stated in truth["customer_base"]["channels"].items():
        if stated["sold_in"] != "web":
            continue
        mine = first[(first["acquired"] == channel) & (first["ordered_at"] < END - pd.Timedelta(days=90))]
        share = (second.loc[mine.index] - mine["ordered_at"] <= pd.Timedelta(days=90)).mean()
        expected = stated["second_order"]["within_90_days"]["model_without_measures_or_trend"]
        assert abs(share - expected) < 3 * np.sqrt(expected * (1 - expected) / len(mine)), channel


def test_slow_answers_to_complaints_cost_customers_in_the_shops(
    aurora: dict[str, pd.DataFrame], purchases: pd.DataFrame, truth: dict[str, Any]
) -> None:
    home = purchases.groupby("customer_id")["home"].first()
    complaints = aurora["tickets"].query("is_complaint").assign(home=lambda t: t["customer_id"].map(home))
    complaints = complaints[(complaints["home"] != "web") & (complaints["opened_at"] < END - pd.Timedelta(days=180))]
    later = complaints.merge(purchases[["customer_id", "ordered_at"]], on="customer_id")
    lag = later["ordered_at"] - later["opened_at"]
    again = later.loc[(lag > pd.Timedelta(0)) & (lag < pd.Timedelta(days=180)), "ticket_id"]
    slow = complaints["resolved_at"] - complaints["opened_at"] > pd.Timedelta(hours=24)
    share = complaints["ticket_id"].isin(again).groupby(slow).mean()
    known = truth["complaints"]["shop_order_again_within_180_days"]
    stated = known["after_complaint_resolved_fast"] - known["after_complaint_resolved_slow"]
    assert share[False] - share[True] == pytest.approx(stated, abs=0.08)
    assert stated > 0.12


def test_the_lead_funnel_converts_as_stated(aurora: dict[str, pd.DataFrame], truth: dict[str, Any]) -> None:
    settled = aurora["leads"][aurora["leads"]["created_at"] < END - pd.Timedelta(days=75)]
    won = (settled["stage"] == "won").groupby(settled["channel"]).agg(["mean", "size"])
    for channel, stated in truth["acquisition"]["channels"].items():
        expected = stated["lead_conversion"]
        error = np.sqrt(expected * (1 - expected) / won.loc[channel, "size"])
        assert abs(won.loc[channel, "mean"] - expected) < 3.5 * error, channel


def test_spend_per_order_follows_the_channel(purchases: pd.DataFrame, truth: dict[str, Any]) -> None:
    mean = purchases.groupby(["acquired", "customer_id"])["amount"].mean().groupby("acquired").agg(["mean", "sem"])
    for channel, stated in truth["customer_base"]["channels"].items():
        gap = mean.loc[channel, "mean"] - stated["gamma_gamma"]["mean_spend"]
        assert abs(gap) < 3.5 * mean.loc[channel, "sem"], channel
