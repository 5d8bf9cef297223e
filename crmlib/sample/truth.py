"""The ground truth: the declared parameters, and what follows from them and from the latent simulation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from crmlib.sample import measures, membership, purchases, surveys
from crmlib.sample.clock import DAYS, day_number
from crmlib.sample.parameters import AURORA


def second_order_probability(r: float, alpha: float, days: float) -> float:
    """P(second order within ``days`` of the first), BG/NBD: 1 - (alpha / (alpha + t))^r; nobody leaves before it."""
    return 1.0 - (alpha / (alpha + days / 7.0)) ** r


def rounded(value: Any, digits: int = 6) -> Any:
    """``value`` for JSON: numpy numbers as Python's, floats rounded, containers kept."""
    if isinstance(value, dict):
        return {str(key): rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [rounded(item, digits) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return round(float(value), digits)
    return value


def customer_base(people: pd.DataFrame, events: pd.DataFrame, base: pd.DataFrame) -> dict[str, Any]:
    """Per acquisition channel: parameters, who is alive, what to expect. ``base`` is the process without measures."""
    alive = purchases.still_active(base, len(people))
    expected = purchases.future_orders(people, alive)
    later = base[base["at"] >= DAYS].groupby("person").size().reindex(people.index).fillna(0).to_numpy()
    within = _second_order_delays(people, events)
    channels = {}
    for name, channel in AURORA.channels.items():
        mine = (people["channel"] == name).to_numpy()
        channels[name] = {
            "sold_in": "shops" if channel.shop else "web",
            "pure_bg_nbd": not channel.shop,
            "customers": mine.sum(),
            "bg_nbd": {
                "r": channel.r,
                "alpha": channel.alpha,
                "a": channel.a,
                "b": channel.b,
                "unit_of_time": "week",
            },
            "gamma_gamma": {
                "p": channel.p,
                "q": channel.q,
                "v": channel.v,
                "mean_spend": channel.p * channel.v / (channel.q - 1),
            },
            "alive_at_end": alive[mine].sum(),
            "expected_orders_next_365_days": expected[mine].sum(),
            "simulated_orders_next_365_days": later[mine].sum(),
            "second_order": {
                f"within_{days}_days": {
                    "model_without_measures_or_trend": second_order_probability(channel.r, channel.alpha, days),
                    "simulated": np.mean(within[mine] <= days),
                }
                for days in (90, 180)
            },
        }
    shop = people["shop"].to_numpy()
    totals = {
        part: {
            "customers": mask.sum(),
            "alive_at_end": alive[mask].sum(),
            "expected_orders_next_365_days": expected[mask].sum(),
            "simulated_orders_next_365_days": later[mask].sum(),
            "second_order_within_90_days": np.mean(within[mask] <= 90),
            "second_order_within_180_days": np.mean(within[mask] <= 180),
        }
        for part, mask in (("all", np.ones(len(people), dtype=bool)), ("shops", shop), ("web", ~shop))
    }
    cohorts = {
        f"{2024 + quarter // 4}Q{quarter % 4 + 1}": {
            "customers": mask.sum(),
            "second_order_within_90_days": np.mean(within[mask] <= 90),
            "second_order_within_180_days": np.mean(within[mask] <= 180),
        }
        for quarter, mask in ((q, _quarter(people) == q) for q in range(8))
    }
    return {
        "about": (
            "Buying process by acquisition channel. Web channels are pure BG/NBD (up to seasons, a warp of time): no "
            "measure and no complaint touches them. In shops the parameters are the base only: rates are multiplied by "
            "the shop's rate and the cohort trend, and complaints and measures act. Expected orders come from latent "
            "rates and drop-out, without further measures; 'simulated' is the same process run on for a year. Second "
            "orders are followed past the window: no censoring."
        ),
        "channels": channels,
        "totals": totals,
        "cohorts_by_quarter_of_first_order": cohorts,
        "shops": {code: asdict(shop) for code, shop in AURORA.shops.items()},
    }


def customer_truth(people: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    """Per buyer: home shop, still active at the end of the window, expected orders in the next 365 days."""
    alive = purchases.still_active(base, len(people))
    return pd.DataFrame(
        {
            "customer_id": people["customer_id"],
            "home": people["home"],
            "alive": alive,
            "expected_orders": np.round(purchases.future_orders(people, alive), 4),
        }
    )


def _quarter(people: pd.DataFrame) -> np.ndarray:
    return measures.month_of(people["first"].to_numpy()) // 3


def _second_order_delays(people: pd.DataFrame, events: pd.DataFrame) -> np.ndarray:
    """Days from first to second order of every customer, measures included, uncensored; inf if none."""
    ordered = events.sort_values(["person", "at"])
    second = ordered[ordered.groupby("person").cumcount() == 1].set_index("person")["at"]
    return (second.reindex(people.index) - people["first"]).fillna(np.inf).to_numpy()


def _declared(section: Any, **facts: Any) -> dict[str, Any]:
    """A parameter section followed by facts that the simulation adds."""
    return asdict(section) | facts


def _gap(before: pd.Series, after: pd.Series) -> dict[str, float]:
    return {"before": before.mean(), "after": after.mean(), "difference": after.mean() - before.mean()}


def gift_truth(people: pd.DataFrame, orders: pd.DataFrame, gifted: pd.Series, added: pd.DataFrame) -> dict[str, Any]:
    """What the first-order gift truly changed, and what a before/after comparison would say."""
    table = measures.second_order_table(people, orders, gifted)
    staged = table[table["shop"].map(measures.starts("gift")) < np.inf]
    return _declared(
        AURORA.first_order_gift,
        outcome="second paid order within 90 days of the first, among shop customers whose 90 days lie in the window",
        design="staged roll-out by shop",
        shops={code: shop.gift_starts_on for code, shop in AURORA.shops.items()},
        treated_first_orders=gifted.sum(),
        orders_added=len(added),
        naive_before_after=_gap(staged.loc[~staged["gift"], "second"], staged.loc[staged["gift"], "second"]),
    )


def set_table(orders: pd.DataFrame, categories: list[list[str]]) -> pd.DataFrame:
    """Paid orders with a serum at a home shop: shop, month, set (offered), mask (in the basket)."""
    table = pd.DataFrame(
        {
            "shop": orders["home"],
            "month": measures.month_of(orders["at"].to_numpy()),
            "set": orders["at"] >= orders["home"].map(measures.starts("set")),
            "mask": ["mask" in basket for basket in categories],
            "serum": ["serum" in basket for basket in categories],
        }
    )
    ours = (
        (orders["person"] >= 0)
        & (orders["status"] == "paid")
        & (orders["store"] == orders["home"])
        & (orders["home"] != "web")
    )
    return table[ours & table["serum"]]


def guide_table(orders: pd.DataFrame, categories: list[list[str]]) -> pd.DataFrame:
    """Sunscreen orders of shop customers with a next order soon: shop, month, guide, after_sun (in the next order)."""
    paid = orders["status"].isin(["paid", "open"]) & (orders["person"] >= 0)
    table = pd.DataFrame({"person": orders["person"], "at": orders["at"], "shop": orders["home"]})[paid]
    table["sun"] = np.array(["sunscreen" in basket for basket in categories])[paid]
    holds = pd.Series(["after_sun" in basket for basket in categories], index=orders.index)[paid]
    table["next_at"] = table.groupby("person")["at"].shift(-1)
    table["after_sun"] = holds.groupby(table["person"]).shift(-1)
    table["month"] = measures.month_of(table["at"].to_numpy())
    table["guide"] = table["at"] >= table["shop"].map(measures.starts("guide"))
    soon = table["next_at"] - table["at"] <= AURORA.after_sun_guide.within_days
    return table[table["sun"] & soon & (table["shop"] != "web")].astype({"after_sun": bool})


def measure_effects(
    people: pd.DataFrame,
    orders: pd.DataFrame,
    categories: list[list[str]],
    gifted: pd.Series,
    gift_orders: pd.DataFrame,
    silent: pd.DataFrame,
    actions: pd.DataFrame,
) -> dict[str, Any]:
    """The true effects of all measures, each with its design and its naive figure."""
    sets, guides = set_table(orders, categories), guide_table(orders, categories)
    set_staged = sets[sets["shop"].map(measures.starts("set")) < np.inf]
    guide_staged = guides[guides["shop"].map(measures.starts("guide")) < np.inf]
    return {
        "about": "What was done and what it truly changed. Naive figures are what the tables show without a control.",
        "first_order_gift": gift_truth(people, orders, gifted, gift_orders),
        "serum_mask_set": _declared(
            AURORA.serum_mask_set,
            outcome="share of paid shop orders with a serum that also hold a mask (attach rate)",
            design="by shop, all at once",
            shops={code: shop.set_starts_on for code, shop in AURORA.shops.items()},
            naive_before_after=_gap(
                set_staged.loc[~set_staged["set"], "mask"], set_staged.loc[set_staged["set"], "mask"]
            ),
        ),
        "after_sun_guide": _declared(
            AURORA.after_sun_guide,
            outcome="share of sunscreen orders whose next order, within 120 days, holds after-sun care",
            design="by shop, all at once",
            shops={code: shop.guide_starts_on for code, shop in AURORA.shops.items()},
            naive_before_after=_gap(
                guide_staged.loc[~guide_staged["guide"], "after_sun"],
                guide_staged.loc[guide_staged["guide"], "after_sun"],
            ),
        ),
        "win_back": _play_truth(AURORA.win_back, orders, actions)
        | {
            "return_anyway": silent["returns_anyway"].mean(),
            "orders_added": silent["moved"].sum(),
        },
        "birthday_greeting": _play_truth(AURORA.birthday_greeting, orders, actions),
        "loyalty_programme": _loyalty_truth(people, orders),
    }


def _play_truth(rules: Any, orders: pd.DataFrame, actions: pd.DataFrame) -> dict[str, Any]:
    mine = actions[actions["play"] == rules.play].reset_index(drop=True)
    hit = pd.Series(measures.returned_within(orders, mine, rules.within_days))
    arms = hit.groupby(mine["arm"]).mean()
    return _declared(
        rules,
        outcome=f"a paid order within {rules.within_days} days of assigned_at",
        design="randomised by customer (actions.arm)",
        assigned=mine["arm"].value_counts().sort_index().to_dict(),
        naive_rate_of_treated=arms["treat"],
        rate_of_control=arms["control"],
    )


def _loyalty_truth(people: pd.DataFrame, orders: pd.DataFrame) -> dict[str, Any]:
    paid = orders[(orders["person"] >= 0) & (orders["status"] == "paid")]
    spent = paid.groupby("person")["amount"].sum().reindex(people.index).fillna(0.0)
    mean = spent.groupby(membership.members(people)).mean()
    return _declared(AURORA.loyalty, naive_spend_ratio_member_to_other=mean[True] / mean[False])


def survey_truth(people: pd.DataFrame, opinions: pd.DataFrame) -> dict[str, Any]:
    """The true score of all who were asked, of those who answered, and the coefficients behind it."""
    answered = opinions[opinions["answers"]]
    by_channel = opinions.assign(channel=people["channel"].to_numpy()[opinions["person"]]).groupby("channel")["score"]
    return _declared(
        AURORA.surveys,
        asked=len(opinions),
        answered=len(answered),
        nps_of_all_asked=surveys.nps_of(opinions["score"].to_numpy()),
        nps_of_respondents=surveys.nps_of(answered["score"].to_numpy()),
        nps_weighted_by_true_propensity=100
        * np.average(
            (answered["score"] >= 9).astype(float) - (answered["score"] <= 6),
            weights=1 / answered["propensity"].to_numpy(),
        ),
        nps_of_all_asked_by_wave={wave: surveys.nps_of(s.to_numpy()) for wave, s in opinions.groupby("wave")["score"]},
        nps_of_all_asked_by_channel={name: surveys.nps_of(s.to_numpy()) for name, s in by_channel},
        need_groups=surveys.NEED_GROUPS,
    )


def subscription_truth(table: pd.DataFrame) -> dict[str, Any]:
    """The parameters by which contracts end, and how many did."""
    rules = AURORA.refill_box
    survival, share = [1.0], 1.0
    for period in range(1, 25):  # Fader & Hardie (2007): retention rate r_t = (beta + t - 1) / (alpha + beta + t - 1)
        share *= (rules.beta + period - 1) / (rules.alpha + rules.beta + period - 1)
        survival.append(share)
    return _declared(
        rules,
        started=len(table),
        active_at_end=table["ended_at"].isna().sum(),
        true_survival_by_month=survival,
        simulated_survival_by_month=[np.mean(table["periods"] > month) for month in range(25)],
    )


def acquisition_truth(lead_table: pd.DataFrame, people: pd.DataFrame, spend: pd.DataFrame) -> dict[str, Any]:
    """Funnel rates and what a new customer cost, by channel."""
    cost = spend.groupby("channel")["cost"].sum()
    won = people.groupby("channel").size()
    return {
        "about": "Conversion from stage to stage (new, contacted, skin_test, offer, won) and cost per customer.",
        "channels": {
            name: {
                "stage_conversion": channel.stage_conversion,
                "lead_conversion": float(np.prod(channel.stage_conversion)),
                "leads": (lead_table["channel"] == name).sum(),
                "cost_per_customer_declared": channel.cost_per_customer,
                "cost_per_customer_in_data": cost[name] / won[name],
            }
            for name, channel in AURORA.channels.items()
        },
    }


def complaint_truth(people: pd.DataFrame, base: pd.DataFrame, tickets: pd.DataFrame) -> dict[str, Any]:
    """How complaints changed the chance to stay, fast and slow resolved."""
    complaints = tickets[tickets["is_complaint"]]
    ordered = base.assign(next_at=base.groupby("person")["at"].shift(-1))
    again = (ordered["next_at"] - ordered["at"]) <= 180
    inside = (ordered["at"] < DAYS) & people["shop"].to_numpy()[ordered["person"]]
    fast = ordered["resolution_hours"] <= AURORA.complaints.fast_hours
    return _declared(
        AURORA.complaints,
        tickets=len(tickets),
        complaints=len(complaints),
        share_resolved_fast=np.mean(complaints["hours"] <= AURORA.complaints.fast_hours),
        open_at_end=tickets["resolved_at"].isna().sum(),
        shop_order_again_within_180_days={
            "after_order_without_complaint": again[inside & ~ordered["complaint"]].mean(),
            "after_complaint_resolved_fast": again[inside & ordered["complaint"] & fast].mean(),
            "after_complaint_resolved_slow": again[inside & ordered["complaint"] & ~fast].mean(),
        },
        extra_leaving_when_slow=AURORA.complaints.leaves_if_slow - AURORA.complaints.leaves_if_fast,
    )


def window() -> dict[str, Any]:
    """The days that the sample covers, its seed and the rule of what counts as a purchase."""
    return {
        "about": "Synthetic data of python -m crmlib.sample. Parameters as declared in crmlib/sample/parameters.py.",
        "seed": AURORA.seed,
        "first_day": AURORA.first_day,
        "as_of": AURORA.as_of,
        "days": day_number(AURORA.as_of) + 1,
        "margin": AURORA.margin,
        "status_rule": "Paid orders follow the process; cancelled and refunded ones are additional rows just before.",
    }
