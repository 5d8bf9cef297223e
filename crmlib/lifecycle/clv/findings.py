"""What the chapter tells a manager: what the base is worth, where, what is at risk, and when not to believe it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.finding import Finding

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.fitting import FittedModels

# How far the model may miss the orders of the holdout before its totals are not to be planned with.
TOLERABLE_MISS = 0.10
# With less than this share, the most valuable fifth is no group to be treated differently.
EVEN_SHARE = 0.3


def _row(equity: pd.DataFrame, measure: str) -> Any:
    return equity.set_index("measure").loc[measure]


def finding_equity(
    equity: pd.DataFrame,
    margin: pd.DataFrame,
    *,
    customers: int,
    discount_rate: float,
    total: pd.DataFrame | None = None,
    fitted: FittedModels | None = None,
) -> Finding | None:
    """What today's customers will bring in the next 12 months; None if nothing is expected.

    ``equity``: from :func:`~crmlib.lifecycle.clv.prediction.customer_equity`; ``margin``: from
    :func:`~crmlib.lifecycle.clv.margin.contribution_margin`; ``total``: from
    :func:`~crmlib.lifecycle.clv.validation.holdout_total`, where there was a holdout; ``fitted``: the models, to say so
    where they needed a weak prior.
    """
    worth, orders = _row(equity, "customer_equity"), _row(equity, "expected_orders")
    if not worth["value"] > 0:
        return None
    values = {
        "customers": customers,
        "orders": text.number(orders["value"]),
        "worth": text.money(worth["value"]),
        "margin": text.percent(float(margin["margin"].iloc[0]), digits=1),
        "rate": text.percent(discount_rate, digits=1),
    }
    if margin["source"].iloc[0] == "cost":
        sentence = text.say(
            "Today's {customers} customers are expected to place {orders} orders in the next 12 months, worth {worth} "
            "of contribution (margin {margin}, from the cost of orders; discounted by {rate} a year).",
            **values,
        )
    else:
        sentence = text.say(
            "Today's {customers} customers are expected to place {orders} orders in the next 12 months, worth {worth} "
            "of contribution (margin {margin}, as set for the client; discounted by {rate} a year).",
            **values,
        )
    interval = text.interval(worth["low"], worth["high"], text.money)
    if fitted is not None and fitted.weak_prior:
        certainty = text.say(
            "95% interval {interval}, and take it as rough: the data alone did not settle all parameters of the model, "
            "so a weak prior from typical customer bases was used.",
            interval=interval,
        )
    elif total is None or not np.isfinite(total["missed"].iloc[0]):
        certainty = text.say(
            "95% interval {interval}: parameters and chance. It could not be tested on a holdout, and holds only while "
            "the business stays as it is.",
            interval=interval,
        )
    else:
        certainty = text.say(
            "95% interval {interval}: parameters and chance, if the business stays as it is; in the holdout, orders "
            "differed from the forecast by {missed}.",
            interval=interval,
            missed=text.percent(abs(float(total["missed"].iloc[0]))),
        )
    return Finding(
        "clv.equity",
        sentence,
        "neutral",
        certainty=certainty,
        action=text.say(
            "Take this as what happens if nothing is done: plan what marketing must add to it, and do not pay more for "
            "keeping a customer than that customer is worth."
        ),
        money=float(worth["value"]),
        money_low=float(worth["low"]),
        money_high=float(worth["high"]),
    )


def finding_value_at_risk(equity: pd.DataFrame, values: pd.DataFrame) -> Finding | None:
    """What is lost because customers who came back may be gone, and with how many it lies; None if nothing is.

    ``values``: from :func:`~crmlib.lifecycle.clv.groups.customer_values`.
    """
    risk, worth = _row(equity, "value_at_risk"), _row(equity, "customer_equity")
    if not risk["value"] > 0:
        return None
    sorted_risk = np.sort(values["value_at_risk"].to_numpy(dtype=float))[::-1]
    half = int(np.searchsorted(np.cumsum(sorted_risk), sorted_risk.sum() / 2)) + 1
    return Finding(
        "clv.value_at_risk",
        text.say(
            "Customers who may already be gone would bring {risk} more in the next 12 months if they were surely still "
            "there; half of it lies with {half} of {customers} customers.",
            risk=text.money(risk["value"]),
            half=half,
            customers=len(values),
        ),
        "bad",
        certainty=text.say(
            "95% interval {interval} (parameters only). It is the most that winning back could bring, not what it will "
            "bring; those who bought once are not in it, because the model cannot see them leave. For comparison, "
            "customer equity is {worth}.",
            interval=text.interval(risk["low"], risk["high"], text.money),
            worth=text.money(worth["value"]),
        ),
        action=text.say(
            "Call those with the highest value at risk first, not those with the lowest probability of being there, "
            "and keep a control group to see what calling really brings."
        ),
        money=float(risk["value"]),
        money_low=float(risk["low"]),
        money_high=float(risk["high"]),
        plays=("win_back",),
    )


def finding_concentration(shares: pd.DataFrame) -> Finding | None:
    """How much of the future value the most valuable fifth of customers holds; None with fewer than ten customers.

    ``shares``: from :func:`~crmlib.lifecycle.clv.groups.equity_shares` by
    :func:`~crmlib.lifecycle.clv.groups.top_fifth`.
    """
    top = shares[shares["group"].astype(bool)]
    if shares["customers"].sum() < 10 or top.empty or not top["equity"].iloc[0] > 0:
        return None
    one = top.iloc[0]
    if one["share"] < EVEN_SHARE:
        action = text.say("Value is spread evenly: treat customers alike, and look for what raises the value of all.")
    else:
        action = text.say("Give these customers a name to turn to and watch them one by one; serve the others by rule.")
    return Finding(
        "clv.concentration",
        text.say(
            "The most valuable fifth, {customers} customers, is expected to bring {share} of the next 12 months' value "
            "({equity}).",
            customers=int(one["customers"]),
            share=text.percent(one["share"]),
            equity=text.money(one["equity"]),
        ),
        "neutral",
        certainty=text.say(
            "95% interval of the share {interval} (parameters only). What they really spend will be spread even more "
            "unevenly, because chance adds to it.",
            interval=text.interval(one["share_low"], one["share_high"], text.percent, digits=1),
        ),
        action=action,
        money=float(one["equity"]),
        money_low=float(one["equity_low"]),
        money_high=float(one["equity_high"]),
        plays=("core_care",) if one["share"] >= EVEN_SHARE else (),
    )


def finding_one_time_buyers(shares: pd.DataFrame) -> Finding | None:
    """How much of the equity rests on customers who bought once, of whom the model cannot tell who left.

    ``shares``: from :func:`~crmlib.lifecycle.clv.groups.equity_shares` by ``frequency == 0``. None if there are none.
    """
    once = shares[shares["group"].astype(bool)]
    if once.empty or not once["equity"].iloc[0] > 0:
        return None
    one = once.iloc[0]
    return Finding(
        "clv.one_time_buyers",
        text.say(
            "{customers} customers ({people} of all) bought once only; {share} of the expected value ({equity}) rests "
            "on them, about {each} each.",
            customers=int(one["customers"]),
            people=text.percent(one["customers"] / shares["customers"].sum()),
            share=text.percent(one["share"]),
            equity=text.money(one["equity"]),
            each=text.money(one["equity"] / one["customers"], digits=2),
        ),
        "neutral",
        certainty=text.say(
            "95% interval of the value {interval} (parameters only). The model takes each of them for a customer "
            "still, by construction: nobody leaves before a second order. What they bring on average can be tested on "
            "a holdout; who of them has left, the model does not know.",
            interval=text.interval(one["equity_low"], one["equity_high"], text.money),
        ),
        action=text.say(
            "Choose whom to ask back among them by the days since their first order, and spend no more on one than the "
            "value above."
        ),
        money=float(one["equity"]),
        money_low=float(one["equity_low"]),
        money_high=float(one["equity_high"]),
        plays=("second_order",),
    )


def finding_groups(table: pd.DataFrame, *, by: str = "channel") -> Finding | None:
    """The groups whose newcomers are worth most and least, if they surely differ; None with fewer than two.

    ``table``: from :func:`~crmlib.lifecycle.clv.groups.value_by_group`. The interval of the difference allows for
    having picked the best and the worst of all pairs (Bonferroni).
    """
    from scipy.special import ndtri

    known = table[table["new_customer_value"].notna() & table[by].notna()]
    if len(known) < 2:
        return None
    best, worst = known.iloc[0], known.iloc[-1]
    pairs = len(known) * (len(known) - 1) // 2
    difference = float(best["new_customer_value"] - worst["new_customer_value"])
    width = float(ndtri(1 - 0.025 / pairs)) * float(np.hypot(best["new_error"], worst["new_error"]))
    values = {
        "best": str(best[by]),
        "worst": str(worst[by]),
        "best_value": text.money(best["new_customer_value"]),
        "worst_value": text.money(worst["new_customer_value"]),
    }
    certainty = text.say(
        "The difference is {difference} a customer; interval {interval}, which holds for all {pairs} pairs of groups "
        "at once. It is no proof that the channel is the cause: channels bring different people.",
        difference=text.money(difference),
        interval=text.interval(difference - width, difference + width, text.money),
        pairs=pairs,
    )
    if difference <= width:
        return Finding(
            "clv.groups",
            text.say(
                "Newcomers of {best} look most valuable ({best_value} in the year after the first order) and those of "
                "{worst} least ({worst_value}), but the difference may be chance.",
                **values,
            ),
            "neutral",
            certainty=certainty,
            action=text.say("Do not move money between channels on these figures."),
        )
    return Finding(
        "clv.groups",
        text.say(
            "A new customer of {best} is worth {best_value} in the year after the first order, one of {worst} "
            "{worst_value}.",
            **values,
        ),
        "neutral",
        certainty=certainty,
        action=text.say(
            "Let what may be paid for a new customer differ by channel, and move budget in small steps that are tested."
        ),
    )


def finding_holdout(total: pd.DataFrame, baselines: pd.DataFrame, equity: pd.DataFrame | None = None) -> Finding | None:
    """Whether the model's forecast would have been right, and better than simple rules; None with fewer than 30 orders.

    ``total``: from :func:`~crmlib.lifecycle.clv.validation.holdout_total`; ``baselines``: from
    :func:`~crmlib.lifecycle.clv.validation.baseline_comparison`, of the same model and holdout; ``equity``: to say what
    such a miss would mean in money.
    """
    one = total.iloc[0]
    if not one["actual_orders"] >= 30 or not one["expected_orders"] > 0:
        return None
    rule = baselines.iloc[1:].sort_values("root_mean_squared_error", kind="stable").iloc[0]
    within = one["expected_low"] <= one["actual_orders"] <= one["expected_high"]
    better, worse = rule["saved_low"] > 0, rule["saved_high"] < 0
    values = {
        "customers": int(one["customers"]),
        "weeks": round(float(one["weeks"])),
        "expected": text.number(one["expected_orders"]),
        "actual": text.number(one["actual_orders"]),
        "missed": text.percent(abs(one["missed"]), digits=1),
        "saved": text.percent(abs(rule["error_saved"])),
        "top": text.percent(baselines["top_fifth_share"].iloc[0]),
    }
    if worse:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came; customer by customer, a simple rule forecast better (squared error {saved} smaller).",
            **values | {"saved": text.percent(1 - 1 / (1 - rule["error_saved"]))},
        )
    elif one["missed"] >= 0:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came, {missed} more; the fifth ranked first placed {top} of them.",
            **values,
        )
    else:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came, {missed} fewer; the fifth ranked first placed {top} of them.",
            **values,
        )
    interval = text.interval(one["expected_low"], one["expected_high"])
    saved = text.interval(rule["saved_low"], rule["saved_high"], text.percent)
    if within:
        certainty = text.say(
            "By chance alone, {interval} orders were to be expected. Against the better of two simple rules, the "
            "model's squared error per customer is {saved} smaller (95% interval; below 0: larger).",
            interval=interval,
            saved=saved,
        )
    else:
        certainty = text.say(
            "Chance alone explains {interval} orders only: the business changed, or has seasons, which the model does "
            "not know. Against the better of two simple rules, its squared error per customer is {saved} smaller (95% "
            "interval; below 0: larger).",
            interval=interval,
            saved=saved,
        )
    action = _how_far_to_trust(bool(within), bool(better), float(one["missed"]), equity)
    good = better and (within or abs(one["missed"]) < TOLERABLE_MISS)
    return Finding("clv.holdout", sentence, "good" if good else "bad" if worse else "neutral", certainty, action)


def _how_far_to_trust(within: bool, better: bool, missed: float, equity: pd.DataFrame | None) -> str:
    if not better:
        return text.say("Do not choose customers by this model; use the simple rule, and find out what has changed.")
    if within:
        return text.say("Use the model to rank customers and to plan totals for a time as long as the one tested.")
    if equity is None:
        return text.say("Use the model to rank customers; do not plan totals with it before you know what has changed.")
    return text.say(
        "Use the model to rank customers; plan totals with a reserve: a miss as large as this one would move customer "
        "equity by {money}.",
        money=text.money(abs(missed) * float(_row(equity, "customer_equity")["value"])),
    )
