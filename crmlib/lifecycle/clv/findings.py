"""What the chapter tells a manager: what the base is worth, where, what is at risk, and when not to believe it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.finding import Finding
from crmlib.lifecycle.clv.figures import tells_of_all, typical_error_saved
from crmlib.lifecycle.clv.validation.verdict import (
    FAILED_MISS,
    TOLERABLE_MISS,
    Trust,
    better_rule,
    is_test,
    saved_in_words,
    trust_in_model,
    within_chance,
)
from crmlib.statistics import bonferroni, standard_errors

# Whoever is less likely still there is lost: calling them is no plan.
LOST = 0.05
# With fewer one-time buyers, what rests on them is no finding.
FEWEST_ONE_TIME_BUYERS = 30
# With less than this share, the most valuable fifth is no group to be treated differently.
EVEN_SHARE = 0.3
# More customers than these nobody can look after one by one.
MOST_KNOWN_BY_NAME = 2000


def _row(equity: pd.DataFrame, measure: str) -> Any:
    return equity.set_index("measure").loc[measure]


def _no_money_yet() -> str:
    return text.say(
        "Do not plan or spend by this: use a simple rule until the model has passed a test on a time held out."
    )


def finding_equity(
    equity: pd.DataFrame, margin: pd.DataFrame, *, customers: int, discount_rate: float, trust: Trust | None = None
) -> Finding | None:
    """What today's customers will bring in the next 12 months, each on average, and what is at risk; None if nothing.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`; ``margin``: from
    :func:`~crmlib.lifecycle.clv.contribution_margin`; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`, None if nothing was tested. Names no money where the model is
    not to be trusted with it.
    """
    trust = trust or trust_in_model()
    worth, orders, risk = (_row(equity, name) for name in ("customer_equity", "expected_orders", "value_at_risk"))
    if not worth["value"] > 0:
        return None
    if not trust.money:
        return Finding(
            "clv.equity",
            text.say(
                "What today's {customers} customers will bring in the next 12 months cannot be told well enough to put "
                "money on it; the model expects {orders} orders.",
                customers=customers,
                orders=text.number(orders["value"]),
            ),
            "neutral",
            certainty=text.say(
                "{verdict} If the model were right: {interval} orders (95% interval, includes chance; several on one "
                "day count once).",
                verdict=trust.said,
                interval=text.interval(orders["low"], orders["high"]),
            ),
            action=_no_money_yet(),
        )
    values = {
        "customers": customers,
        "orders": text.number(orders["value"]),
        "worth": text.money(worth["value"]),
        "each": text.money(worth["value"] / customers),
        "margin": text.percent(float(margin["margin"].iloc[0]), digits=1),
        "rate": text.percent(discount_rate, digits=1),
    }
    if margin["source"].iloc[0] == "cost":
        sentence = text.say(
            "Today's {customers} customers are expected to bring {worth} of contribution in the next 12 months, about "
            "{each} each, with {orders} orders (margin {margin}, from the cost of orders; discounted by {rate} a "
            "year).",
            **values,
        )
    else:
        sentence = text.say(
            "Today's {customers} customers are expected to bring {worth} of contribution in the next 12 months, about "
            "{each} each, with {orders} orders (margin {margin}, as set for the client; discounted by {rate} a year).",
            **values,
        )
    if risk["value"] > 0:
        said = {"sentence": sentence, "risk": text.money(risk["value"])}
        sentence = (
            text.say("{sentence} If all were surely still customers, it would be {risk} more.", **said)
            if tells_of_all(equity)
            else text.say(
                "{sentence} If all who came back before were surely still customers, it would be {risk} more.",
                **said,
            )
        )
    return Finding(
        "clv.equity",
        sentence,
        "neutral",
        certainty=text.say(
            "95% interval {interval} (includes chance). {verdict} Orders: several on one day count once.",
            interval=text.interval(worth["low"], worth["high"], text.money),
            verdict=trust.said,
        ),
        action=text.say(
            "Take this as what happens if nothing is done: plan what marketing must add to it, and do not pay more for "
            "keeping a customer than that customer is worth."
        ),
        money=float(worth["value"]),
        money_low=float(worth["low"]),
        money_high=float(worth["high"]),
    )


def finding_value_at_risk(equity: pd.DataFrame, values: pd.DataFrame, *, trust: Trust | None = None) -> Finding | None:
    """What is lost because customers may be gone, and with how many it lies; None if nothing is.

    ``values``: from :func:`~crmlib.lifecycle.clv.customer_values`; ``trust`` as for :func:`finding_equity`.
    Customers who are less than 5 % likely to be still there are lost: their part is told, and no money at stake.
    Where the model cannot tell of those who bought once (BG/NBD), it is said that they are not in it.
    """
    trust = trust or trust_in_model()
    risk, worth = _row(equity, "value_at_risk"), _row(equity, "customer_equity")
    each = values["value_at_risk"].to_numpy(dtype=float)
    if not (risk["value"] > 0 and each.sum() > 0):
        return None
    lost = values["p_alive"].to_numpy(dtype=float) < LOST
    kept = np.sort(each[~lost])[::-1]
    lost_share = float(each[lost].sum() / each.sum())
    some_lost = lost_share >= 0.005
    said = {
        "risk": text.money(risk["value"]),
        "half": int(np.searchsorted(np.cumsum(kept), kept.sum() / 2)) + 1,
        "customers": len(values),
        "lost": text.percent(lost_share),
        "bound": text.percent(LOST),
        "rest": text.money(risk["value"] * (1 - lost_share)),
    }
    if not kept.sum() > 0:
        sentence = (
            text.say(
                "No value is left to be saved by winning back: all customers who may be gone are as good as lost (less "
                "than {bound} likely to be still there).",
                **said,
            )
            if tells_of_all(equity)
            else text.say(
                "No value is left to be saved by winning back: of the customers who came back before, all who may be "
                "gone are as good as lost (less than {bound} likely to be still there).",
                **said,
            )
        )
    elif not trust.money or trust.regular:
        sentence = text.say(
            "Half of the value that could still be won back lies, by the model, with {half} of {customers} customers; "
            "how much it is cannot be told well enough to put money on it.",
            **said,
        )
    elif some_lost:
        sentence = text.say(
            "Customers who may already be gone would bring {risk} more contribution in the next 12 months if they were "
            "surely still there. But {lost} of it lies with customers who are as good as lost (less than {bound} "
            "likely to be still there); half of the other {rest} lies with {half} of {customers} customers.",
            **said,
        )
    else:
        sentence = text.say(
            "Customers who may already be gone would bring {risk} more contribution in the next 12 months if they were "
            "surely still there; half of it lies with {half} of {customers} customers.",
            **said,
        )
    if trust.regular and trust.money and kept.sum() > 0:
        return Finding(
            "clv.value_at_risk",
            sentence,
            "bad",
            certainty=trust.said,
            action=text.say(
                "Do not go by the model here: call at once who is overdue by their own rhythm, before they are lost."
            ),
        )
    if not (trust.money and kept.sum() > 0):
        return Finding(
            "clv.value_at_risk",
            sentence,
            "neutral",
            certainty=trust.said,
            action=text.say("Do not call those who are lost; look after those who still come.")
            if trust.money
            else _no_money_yet(),
        )
    known = {
        "interval": text.interval(risk["low"], risk["high"], text.money),
        "verdict": trust.said,
        "worth": text.money(worth["value"]),
    }
    return Finding(
        "clv.value_at_risk",
        sentence,
        "bad",
        certainty=text.say(
            "95% interval of the whole {interval} (does not include chance). {verdict} It is the most that winning "
            "back could bring, not what it will bring. The contribution expected of all customers anyway is {worth}.",
            **known,
        )
        if tells_of_all(equity)
        else text.say(
            "95% interval of the whole {interval} (does not include chance). {verdict} It is the most that winning "
            "back could bring, not what it will bring; those who bought once are not in it, because the model cannot "
            "see them leave. The contribution expected of all customers anyway is {worth}.",
            **known,
        ),
        action=text.say(
            "Of those at least {bound} likely to be still there, call first whose value at risk is highest, not those "
            "with the lowest probability of being there, and keep a control group to see what calling really brings.",
            bound=text.percent(LOST),
        ),
        money=float(risk["value"]) * (1 - lost_share),
        # The interval is of the whole; that of the part without the lost is not known.
        money_low=None if some_lost else float(risk["low"]),
        money_high=None if some_lost else float(risk["high"]),
        plays=("win_back",),
    )


def finding_concentration(shares: pd.DataFrame, *, trust: Trust | None = None) -> Finding | None:
    """How much of the future value the most valuable fifth of customers holds; None with fewer than ten customers.

    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by
    :func:`~crmlib.lifecycle.clv.top_fifth`; ``trust`` as for :func:`finding_equity`.
    """
    trust = trust or trust_in_model()
    top = shares[shares["group"].astype(bool)]
    if shares["customers"].sum() < 10 or top.empty or not top["equity"].iloc[0] > 0:
        return None
    one = top.iloc[0]
    values = {
        "customers": int(one["customers"]),
        "share": text.percent(one["share"]),
        "equity": text.money(one["equity"]),
    }
    certainty = text.say(
        "95% interval of the share {interval} (includes chance). Those who turn out to be the best fifth, whom nobody "
        "knows yet, will hold even more. {verdict}",
        interval=text.interval(one["share_low"], one["share_high"], text.percent, digits=1),
        verdict=trust.said,
    )
    if not trust.money:
        return Finding(
            "clv.concentration",
            text.say(
                "By the model, the most valuable fifth, {customers} customers, holds {share} of the next 12 months' "
                "value.",
                **values,
            ),
            "neutral",
            certainty=certainty,
            action=_no_money_yet(),
        )
    if one["share"] < EVEN_SHARE:
        action = text.say("Value is spread evenly: treat customers alike, and look for what raises the value of all.")
    elif one["customers"] <= MOST_KNOWN_BY_NAME:
        action = text.say("Give these customers a name to turn to and watch them one by one; serve the others by rule.")
    else:
        action = text.say(
            "Serve these customers better than the others, and watch every month how many of them still order; serve "
            "the others by rule."
        )
    return Finding(
        "clv.concentration",
        text.say(
            "The most valuable fifth, {customers} customers, is expected to bring {share} of the next 12 months' value "
            "({equity} of contribution).",
            **values,
        ),
        "neutral",
        certainty=certainty,
        action=action,
        money=float(one["equity"]),
        money_low=float(one["equity_low"]),
        money_high=float(one["equity_high"]),
        plays=("core_care",) if one["share"] >= EVEN_SHARE else (),
    )


def finding_one_time_buyers(
    shares: pd.DataFrame, *, trust: Trust | None = None, equity: pd.DataFrame | None = None
) -> Finding | None:
    """How much of the equity rests on customers who bought once, and what the model knows of who of them left.

    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by ``frequency == 0``; ``trust`` as for
    :func:`finding_equity`; ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`, to say how many of them are
    probably still there, or that the model cannot tell (BG/NBD); without it, nothing is said of that. None with fewer
    than 30 of them.
    """
    trust = trust or trust_in_model()
    once = shares[shares["group"].astype(bool)]
    if once.empty or once["customers"].iloc[0] < FEWEST_ONE_TIME_BUYERS or not once["equity"].iloc[0] > 0:
        return None
    one = once.iloc[0]
    values = {
        "customers": int(one["customers"]),
        "people": text.percent(one["customers"] / shares["customers"].sum()),
        "share": text.percent(one["share"]),
        "equity": text.money(one["equity"]),
        "each": text.money(one["equity"] / one["customers"], digits=0 if one["equity"] >= 10 * one["customers"] else 2),
    }
    known = {"verdict": trust.said, "left": _who_of_them_left(equity, int(one["customers"]))}
    if not trust.money:
        return Finding(
            "clv.one_time_buyers",
            text.say(
                "{customers} customers ({people} of all) bought once only; by the model, {share} of the expected value "
                "rests on them.",
                **values,
            ),
            "neutral",
            certainty=text.say("{verdict} {left}", **known).rstrip(),
            action=_no_money_yet(),
        )
    return Finding(
        "clv.one_time_buyers",
        text.say(
            "{customers} customers ({people} of all) bought once only; {share} of the expected value ({equity} of "
            "contribution) rests on them, about {each} each.",
            **values,
        ),
        "neutral",
        certainty=text.say(
            "95% interval of the value {interval} (includes chance). {verdict} {left}",
            interval=text.interval(one["equity_low"], one["equity_high"], text.money),
            **known,
        ).rstrip(),
        action=text.say(
            "Choose whom to ask back among them by the days since their first order, and spend no more on one than the "
            "value above."
        ),
        money=float(one["equity"]),
        money_low=float(one["equity_low"]),
        money_high=float(one["equity_high"]),
        plays=("second_order",),
    )


def _who_of_them_left(equity: pd.DataFrame | None, once: int) -> str:
    if equity is None:
        return ""
    if not tells_of_all(equity):
        return text.say(
            "The model takes each of them for a customer still, whatever the data say: in it, nobody leaves before a "
            "second order. What they bring on average can be tested; who of them has left, it does not know."
        )
    alive = float(_row(equity, "alive")["value"] - _row(equity, "came_back_alive")["value"])
    return text.say(
        "By the model, about {alive} of them ({share}) are still customers. All it knows of each is how long ago the "
        "order was.",
        alive=text.number(alive),
        share=text.percent(alive / once),
    )


def finding_groups(table: pd.DataFrame, *, by: str = "channel") -> Finding | None:
    """The groups whose newcomers are worth most and least, if they surely differ; None with fewer than two.

    ``table``: from :func:`~crmlib.lifecycle.clv.value_by_group`. The interval of the difference allows for
    having picked the best and the worst of all pairs (Bonferroni).
    """
    known = table[table["new_customer_value"].notna() & table[by].notna()]
    if len(known) < 2:
        return None
    best, worst = known.iloc[0], known.iloc[-1]
    pairs = len(known) * (len(known) - 1) // 2
    difference = float(best["new_customer_value"] - worst["new_customer_value"])
    width = standard_errors(bonferroni(pairs)) * float(np.hypot(best["new_error"], worst["new_error"]))
    values = {
        "best": str(best[by]),
        "worst": str(worst[by]),
        "best_value": text.money(best["new_customer_value"]),
        "worst_value": text.money(worst["new_customer_value"]),
    }
    won_by = by == "channel"
    apart = {
        "difference": text.money(difference),
        "interval": text.interval(difference - width, difference + width, text.money),
        "pairs": pairs,
    }
    certainty = (
        text.say(
            "The difference is {difference} a customer; 95% interval {interval}, which holds for all {pairs} pairs of "
            "groups at once. It is no proof that the channel is the cause: channels bring different people.",
            **apart,
        )
        if won_by
        else text.say(
            "The difference is {difference} a customer; 95% interval {interval}, which holds for all {pairs} pairs of "
            "groups at once. It is no proof that the group is the cause: groups hold different people.",
            **apart,
        )
    )
    if difference <= width:
        return Finding(
            "clv.groups",
            text.say(
                "New customers won by {best} look most valuable ({best_value} of contribution in the year after the "
                "first order) and those won by {worst} least ({worst_value}), but the difference may be chance.",
                **values,
            )
            if won_by
            else text.say(
                "New customers of {best} look most valuable ({best_value} of contribution in the year after the first "
                "order) and those of {worst} least ({worst_value}), but the difference may be chance.",
                **values,
            ),
            "neutral",
            certainty=certainty,
            action=text.say("Do not move money between channels on these figures.")
            if won_by
            else text.say("Do not move money between groups on these figures."),
        )
    return Finding(
        "clv.groups",
        text.say(
            "A new customer won by {best} is worth {best_value} of contribution in the year after the first order, one "
            "won by {worst} {worst_value}.",
            **values,
        )
        if won_by
        else text.say(
            "A new customer of {best} is worth {best_value} of contribution in the year after the first order, one of "
            "{worst} {worst_value}.",
            **values,
        ),
        "neutral",
        certainty=certainty,
        action=text.say(
            "Let what may be paid for a new customer differ by channel, and move budget in small steps that are tested."
        )
        if won_by
        else text.say(
            "Let what may be paid for a new customer differ by group, and move budget in small steps that are tested."
        ),
    )


def finding_holdout(total: pd.DataFrame, baselines: pd.DataFrame, equity: pd.DataFrame | None = None) -> Finding | None:
    """Whether the model's forecast would have been right, and better than simple rules.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`; ``baselines``: from
    :func:`~crmlib.lifecycle.clv.baseline_comparison`, of the same model and holdout; ``equity``: to say what
    such a miss would mean in money. None where fewer than 30 orders came and fewer than 30 were expected.
    """
    one = total.iloc[0]
    if not is_test(total):
        return None
    rule, worse = better_rule(baselines)
    within = within_chance(total)
    better = rule["saved_low"] > 0
    failed = not within and abs(one["missed"]) > FAILED_MISS
    values = {
        "customers": int(one["customers"]),
        "weeks": round(float(one["weeks"])),
        "expected": text.number(one["expected_orders"]),
        "actual": text.number(one["actual_orders"]),
        "missed": text.percent(abs(one["missed"]), digits=1),
        "top": text.percent(baselines["top_fifth_share"].iloc[0]),
    }
    if not one["actual_orders"] > 0:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers, and none "
            "came.",
            **values,
        )
    elif worse and not failed:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came; customer by customer, a simple rule forecast better (typical error {saved} smaller).",
            **values,
            saved=text.percent(1 - 1 / (1 - typical_error_saved(rule["error_saved"]))),
        )
    elif one["missed"] >= 0:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came, {missed} more; the fifth that it ranked first placed {top} of them.",
            **values,
        )
    else:
        sentence = text.say(
            "Tested on {weeks} weeks held out, the model expected {expected} orders of {customers} customers and "
            "{actual} came, {missed} fewer; the fifth that it ranked first placed {top} of them.",
            **values,
        )
    known = {
        "interval": text.interval(one["expected_low"], one["expected_high"]),
        "saved": saved_in_words(typical_error_saved(rule["saved_low"]), typical_error_saved(rule["saved_high"])),
    }
    if within:
        certainty = text.say(
            "By chance alone, {interval} orders were to be expected (several on one day count once). {saved}", **known
        )
    elif abs(one["missed"]) < TOLERABLE_MISS:
        certainty = text.say(
            "Chance alone explains {interval} orders only (several on one day count once), but the difference is "
            "smaller than what matters. {saved}",
            **known,
        )
    else:
        certainty = text.say(
            "Chance alone explains {interval} orders only (several on one day count once): the business changed, or "
            "has seasons, which the model does not know. {saved}",
            **known,
        )
    short = failed and one["missed"] < 0
    if short:
        action = text.say(
            "Do not plan with this model before you know what has changed; what rests on it is told without money."
        )
    else:
        action = _how_far_to_trust(within, bool(better), float(one["missed"]), equity)
    good = better and abs(one["missed"]) < (FAILED_MISS if within else TOLERABLE_MISS)
    return Finding(
        "clv.holdout", sentence, "good" if good else "bad" if worse or short else "neutral", certainty, action
    )


def _how_far_to_trust(within: bool, better: bool, missed: float, equity: pd.DataFrame | None) -> str:
    if not better:
        return text.say("Do not choose customers by this model; use the simple rule, and find out what has changed.")
    if within and abs(missed) < FAILED_MISS:
        return text.say("Use the model to rank customers and to plan totals for a time as long as the one tested.")
    if equity is None:
        return text.say("Use the model to rank customers; do not plan totals with it before you know what has changed.")
    return text.say(
        "Use the model to rank customers; plan totals with a reserve: a miss as large as this one would move customer "
        "equity by {money} of contribution.",
        money=text.money(abs(missed) * float(_row(equity, "customer_equity")["value"])),
    )
