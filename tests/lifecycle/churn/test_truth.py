"""What is planted in the sample and must be found again, each with the interval that a right method has."""

import pandas as pd
import pytest

from crmlib.lifecycle import churn
from crmlib.lifecycle.experiments import play_effect

WIN_BACK = "win_back_friend_half_price"


def test_the_half_price_offer_brings_customers_back_and_earns_nothing(aurora, truth):
    planted = truth["measures"]["win_back"]
    found = play_effect(
        aurora.table("actions"), aurora.table("orders"), within_days=planted["within_days"], as_of=aurora.as_of,
        margin=aurora.client.margin,
    ).set_index("play").loc[WIN_BACK]  # fmt: skip
    assert (round(found.effect, 3), round(found.low, 3), round(found.high, 3)) == (0.084, 0.055, 0.113)
    assert found.low < planted["effect"] < found.high
    assert round(found.profit, 2) == -1.88
    assert found.profit_low < 0 < found.profit_high


def test_a_slow_complaint_costs_customers_in_the_shops_and_none_online(made, truth):
    shop = truth["complaints"]["shop_order_again_within_180_days"]
    planted = shop["after_complaint_resolved_slow"] - shop["after_complaint_resolved_fast"]
    at = made.slow.set_index("place")
    assert at.low["shops"] < planted < at.high["shops"]
    assert [round(at[name]["shops"], 2) for name in ("difference", "low", "high")] == [-0.21, -0.29, -0.12]
    assert at.slow_again["shops"] == pytest.approx(shop["after_complaint_resolved_slow"], abs=0.05)
    assert at.low["online"] < 0 < at.high["online"]
    assert abs(at.difference["online"]) < 0.02
    assert made.slow.place[0] == "shops"


def test_the_complaints_are_counted_a_second_way(made, repository):
    """Plain pandas on the files, from the definition."""
    folder = repository / "data/aurora"
    orders = pd.read_csv(folder / "orders.csv", parse_dates=["ordered_at"])
    tickets = pd.read_csv(folder / "tickets.csv", parse_dates=["opened_at", "resolved_at"]).query(
        "is_complaint == True"
    )
    orders = orders[orders.customer_id.notna() & ~orders.status.isin(["cancelled", "open", "refunded"])]
    tickets = tickets[tickets.opened_at.dt.normalize() <= pd.Timestamp("2025-12-31") - pd.Timedelta(days=180)]
    hours = (tickets.resolved_at - tickets.opened_at).dt.total_seconds() / 3600
    tickets = tickets.assign(slow=~(hours <= 24))
    pairs = tickets[["ticket_id", "customer_id", "opened_at", "slow"]].merge(orders, on="customer_id")
    days = (pairs.ordered_at.dt.normalize() - pairs.opened_at.dt.normalize()).dt.days
    before = pairs[days <= 0].sort_values("ordered_at").groupby("ticket_id").tail(1).set_index("ticket_id")
    shops = before[before.store != "web"]
    again = shops.index.isin(pairs.ticket_id[(days > 0) & (days <= 180)])
    rates = pd.Series(again, shops.index).groupby(shops.slow).mean()
    row = made.slow.set_index("place").loc["shops"]
    assert row.quick_again == pytest.approx(rates[False], abs=0.02)
    assert row.slow_again == pytest.approx(rates[True], abs=0.02)


def test_the_daily_chance_falls_where_waiting_makes_customers_leave(aurora, made):
    spells = churn.return_spells(made.orders, aurora.table("tickets"), as_of=aurora.as_of)
    cox = churn.cox_model(spells).set_index(["place", "term"])
    slow, quick = cox.loc[("shops", "slow")], cox.loc[("shops", "quick")]
    assert slow.high < quick.low
    # Of those who wait, 40 % leave for good, and 5 % of the others: the rate of the rest stays.
    assert 0.3 < slow.hazard_ratio < 0.6
    assert cox.loc[("online", "slow")].low < cox.loc[("online", "quick")].hazard_ratio
    assert cox.loc[("online", "slow")].low > slow.high


def test_waiting_is_the_one_sign_that_goes_with_leaving_and_plain_shares_hide_it(made):
    found = churn.reasons(made.test, made.model)
    assert found.reason[0] == "waited"
    assert found[found.low > 0].reason.tolist() == ["waited"]
    assert found.share_left[0] < found.others_left[0]


def test_complaints_are_about_what_was_planted(aurora, made):
    """Waiting 272, late delivery 262, staff 171; quality 344 and skin 155; price 128, of 1,332."""
    tickets = aurora.table("tickets").to_pandas().query("is_complaint")
    text = (tickets.category + " " + tickets.reason + " " + tickets.text.fillna("")).str.lower()
    named = {name: text.str.contains("|".join(words), regex=True) for name, words in churn.reason_words().items()}
    assert len(tickets) == 1332
    for reason, kinds in {"service": ["service", "delivery"], "quality": ["product"], "price": ["price"]}.items():
        assert named[reason][tickets.category.isin(kinds)].all()
    assert named["quality"].sum() == pytest.approx(344 + 155, abs=40)
    assert named["service"].sum() == pytest.approx(272 + 262 + 171, abs=40)


def test_the_arms_of_the_offer_are_thirds_whose_effects_mean_the_whole(aurora, made, tables):
    actions = aurora.table("actions")
    known = {"within_days": 90, "as_of": aurora.as_of, "margin": aurora.client.margin}
    effects = play_effect(actions, made.orders, **known)
    thirds = churn.effect_by_risk(actions, made.orders, made.model, effects=effects, tables=tables, **known)
    whole = effects.set_index("play").loc[WIN_BACK]
    assert len(thirds) == 3
    assert thirds.treated.sum() == whole.treated
    weights = (thirds.treated + thirds.control) / (whole.treated + whole.control)
    assert (weights * thirds.effect).sum() == pytest.approx(whole.effect, abs=0.003)
    assert thirds.control_rate.is_monotonic_decreasing  # who is likelier gone comes back less without help
    assert not (thirds.profit_low > 0).any()
    assert churn.effect_by_risk(actions, made.orders, None, effects=effects, tables=tables, **known).empty
