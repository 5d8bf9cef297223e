"""What the chapter concludes: what the base is worth, where, what is at risk, and when not to believe it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib.finding import Direction, Finding, tell
from crmlib.lifecycle.clv.figures import tells_of_all, typical_error_saved
from crmlib.lifecycle.clv.trust import FAILED_MISS, TOLERABLE_MISS, UNTESTED, Trust, better_rule, is_test, within
from crmlib.statistics import bonferroni, standard_errors
from crmlib.words import Words, money

words = Words(__file__)

# Whoever is less likely still there is lost: calling them is no plan.
LOST = 0.05
# With fewer one-time buyers, what rests on them is no finding.
FEWEST_ONE_TIME_BUYERS = 30
# With less than this share, the most valuable fifth is no group to be treated differently.
EVEN_SHARE = 0.3
# More customers than these nobody can look after one by one.
MOST_KNOWN_BY_NAME = 2000


def finding_equity(
    equity: pd.DataFrame, margin: pd.DataFrame, *, customers: int, discount_rate: float, trust: Trust = UNTESTED
) -> Finding | None:
    """What today's customers will bring in the next 12 months, and each on average; None if nothing.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`; ``margin``: from
    :func:`~crmlib.lifecycle.clv.contribution_margin`; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`. Names no money where the model is not to be trusted with it, and
    revenue where no margin is set.
    """
    by = equity.set_index("measure")
    if by.empty or not by.loc["customer_equity", "value"] > 0:
        return None
    worth, orders = by.loc["customer_equity"], by.loc["expected_orders"]
    values = {
        "customers": customers, "value": worth["value"], "value_low": worth["low"], "value_high": worth["high"],
        "each": worth["value"] / customers, "orders": orders["value"], "orders_low": orders["low"],
        "orders_high": orders["high"], "margin": margin["margin"].iloc[0], "rate": discount_rate, "verdict": trust.said,
    }  # fmt: skip
    told = "told" if trust.money else "untold"
    revenue = trust.money and values["margin"] == 1 and margin["source"].iloc[0] == "client"
    source = "revenue" if revenue else str(margin["source"].iloc[0])
    return tell(
        words, "equity", values, direction="neutral", sentence="revenue" if revenue else told, action=told,
        certainty=source if trust.money else "untold", money="value" if trust.money else "",
    )  # fmt: skip


def finding_value_at_risk(equity: pd.DataFrame, values: pd.DataFrame, *, trust: Trust = UNTESTED) -> Finding | None:
    """What is lost because customers may be gone, and with how many it lies; None if nothing is.

    ``values``: from :func:`~crmlib.lifecycle.clv.customer_values`; ``trust`` as for :func:`finding_equity`.
    Customers who are less than 5 % likely to be still there are lost: their part is told, and no money at stake.
    Where the model cannot tell of those who bought once (BG/NBD), it is said that they are not in it.
    """
    each = values["value_at_risk"].to_numpy(dtype=float)
    by = equity.set_index("measure")
    if by.empty or not (by.loc["value_at_risk", "value"] > 0 and each.sum() > 0):
        return None
    risk = by.loc["value_at_risk"]
    lost = values["p_alive"].to_numpy(dtype=float) < LOST
    kept = np.sort(each[~lost])[::-1]
    lost_share = float(each[lost].sum() / each.sum())
    some_lost = lost_share >= 0.005
    said: dict[str, Any] = {
        "risk": risk["value"], "risk_low": risk["low"], "risk_high": risk["high"], "lost": lost_share, "bound": LOST,
        "half": int(np.searchsorted(np.cumsum(kept), kept.sum() / 2)) + 1, "customers": len(values),
        "stake": risk["value"] * (1 - lost_share), "worth": by.loc["customer_equity", "value"], "verdict": trust.said,
    }  # fmt: skip
    of_whom = "all" if tells_of_all(equity) else "back"
    direction: Direction = "bad"
    sentence, certainty, action = "some_lost" if some_lost else "whole", of_whom, "call"
    if not kept.sum() > 0:
        sentence, certainty, action, direction = f"lost.{of_whom}", "verdict", "lost", "neutral"
    elif not trust.money or trust.regular:
        sentence, certainty, action = "untold", "verdict", "regular"
    elif not some_lost:  # the interval is of the whole; that of the part without the lost is not known
        said |= {"stake_low": risk["low"], "stake_high": risk["high"]}
    if not trust.money:
        action, direction = "untold", "neutral"
    call = action == "call"
    return tell(
        words, "value_at_risk", said, direction=direction, sentence=sentence, certainty=certainty, action=action,
        money="stake" if call else "", plays=("win_back",) if call else (),
    )  # fmt: skip


def finding_concentration(shares: pd.DataFrame, *, trust: Trust = UNTESTED) -> Finding | None:
    """How much of the future value the most valuable fifth of customers holds; None with fewer than ten customers.

    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by
    :func:`~crmlib.lifecycle.clv.top_fifth`; ``trust`` as for :func:`finding_equity`.
    """
    top = shares[shares["group"].astype(bool)]
    if shares["customers"].sum() < 10 or top.empty or not top["equity"].iloc[0] > 0:
        return None
    one = top.iloc[0]
    few = one["customers"] <= MOST_KNOWN_BY_NAME
    action = "untold" if not trust.money else "even" if one["share"] < EVEN_SHARE else "named" if few else "served"
    return tell(
        words, "concentration", one, direction="neutral", sentence="told" if trust.money else "untold", action=action,
        money="equity" if trust.money else "", plays=("core_care",) if action in ("named", "served") else (),
        verdict=trust.said,
    )  # fmt: skip


def finding_one_time_buyers(
    shares: pd.DataFrame, *, trust: Trust = UNTESTED, equity: pd.DataFrame | None = None
) -> Finding | None:
    """How much of the equity rests on customers who bought once, and what the model knows of who of them left.

    ``shares``: from :func:`~crmlib.lifecycle.clv.equity_shares` by ``frequency == 0``; ``trust`` as for
    :func:`finding_equity`; ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`, to say how many of them are
    probably still there, or that the model cannot tell (BG/NBD); without it, nothing is said of that. None with fewer
    than 30 of them.
    """
    once = shares[shares["group"].astype(bool)]
    if once.empty or once["customers"].iloc[0] < FEWEST_ONE_TIME_BUYERS or not once["equity"].iloc[0] > 0:
        return None
    one = once.iloc[0]
    each = one["equity"] / one["customers"]
    values = {
        **one, "people": one["customers"] / shares["customers"].sum(),
        "each": money(each, digits=0 if each >= 10 else 2),
        "known": [*trust.said, *_who_of_them_left(equity, int(one["customers"]))],
    }  # fmt: skip
    told = "told" if trust.money else "untold"
    return tell(
        words, "one_time_buyers", values, direction="neutral", sentence=told, certainty=told, action=told,
        money="equity" if trust.money else "", plays=("second_order",) if trust.money else (),
    )  # fmt: skip


def _who_of_them_left(equity: pd.DataFrame | None, once: int) -> list[str]:
    if equity is None:
        return []
    if not tells_of_all(equity):
        return [words.say("left.untold")]
    value = equity.set_index("measure")["value"]
    alive = float(value["alive"] - value["came_back_alive"])
    return [words.say("left.told", alive=alive, alive_share=alive / once)]


def finding_groups(table: pd.DataFrame, *, by: str = "channel", trust: Trust = UNTESTED) -> Finding | None:
    """The groups whose newcomers are worth most and least, if they surely differ; None with fewer than two.

    None, too, where no money may be named (``trust`` as for :func:`finding_equity`): there is nothing else in it.

    ``table``: from :func:`~crmlib.lifecycle.clv.value_by_group`. The interval of the difference allows for
    having picked the best and the worst of all pairs (Bonferroni).
    """
    known = table[table["new_customer_value"].notna() & table[by].notna()]
    if len(known) < 2 or not trust.money:
        return None
    best, worst = known.iloc[0], known.iloc[-1]
    pairs = len(known) * (len(known) - 1) // 2
    difference = float(best["new_customer_value"] - worst["new_customer_value"])
    width = standard_errors(bonferroni(pairs)) * float(np.hypot(best["new_error"], worst["new_error"]))
    values = {
        "best": best[by], "best_value": best["new_customer_value"], "worst": worst[by],
        "worst_value": worst["new_customer_value"], "difference": difference, "difference_low": difference - width,
        "difference_high": difference + width, "pairs": pairs,
    }  # fmt: skip
    said = "apart" if difference > width else "chance"
    return tell(words, "groups", values, direction="neutral", sentence=said, action=said)


def finding_holdout(total: pd.DataFrame, baselines: pd.DataFrame, equity: pd.DataFrame | None = None) -> Finding | None:
    """Whether the model's forecast would have been right, and better than simple rules.

    ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`; ``baselines``: from
    :func:`~crmlib.lifecycle.clv.baseline_comparison`, of the same model and holdout; ``equity``: to say what
    such a miss would mean in money. None without a holdout, or where fewer than 30 orders came and were expected.
    """
    if not is_test(total):
        return None
    one = total.iloc[0]
    rule, worse = better_rule(baselines)
    missed, chance = float(one["missed"]), within(total)
    better = bool(rule["saved_low"] > 0)
    failed = chance != "chance" and abs(missed) > FAILED_MISS
    values = {
        "customers": int(one["customers"]), "weeks": round(float(one["weeks"])), "missed": abs(missed),
        "expected": one["expected_orders"], "actual": one["actual_orders"], "low": one["expected_low"],
        "high": one["expected_high"], "top": baselines["top_fifth_share"].iloc[0],
        "saved_by_rule": 1 - 1 / (1 - typical_error_saved(rule["error_saved"])), "saved": _saved(rule),
    }  # fmt: skip
    if equity is not None and len(equity):
        values["reserve"] = abs(missed) * float(equity.set_index("measure").loc["customer_equity", "value"])
    if not one["actual_orders"] > 0:
        sentence = "none"
    elif worse and not failed:
        sentence = "rule"
    else:
        sentence = "more" if missed >= 0 else "fewer"
    # No advice may speak against the verdict: what failed is not planned with, and only a change is looked into.
    as_forecast = chance == "small" or (chance == "chance" and abs(missed) < FAILED_MISS)
    if failed:
        action = "failed"
    elif worse:
        action = "rule"
    else:
        totals = "use" if as_forecast else "reserve" if "reserve" in values else "rank"
        action = f"{'better' if better else 'alike'}.{totals}"
    good = better and abs(missed) < (FAILED_MISS if chance == "chance" else TOLERABLE_MISS)
    direction: Direction = "good" if good else "bad" if worse or failed else "neutral"
    return tell(words, "holdout", values, direction=direction, sentence=sentence, certainty=chance, action=action)


def _saved(rule: Any) -> str:
    """Whose typical error is smaller, the model's or the rule's, in one sentence; percentages within ±100 %."""
    low, high = typical_error_saved(rule["saved_low"]), typical_error_saved(rule["saved_high"])
    if np.isinf(high):
        return words.say("saved.no_error")
    if low > 0:
        return words.say("saved.smaller", least=min(low, 1.0), most=min(high, 1.0))
    if high <= -1:
        return words.say("saved.twice")
    if high < 0:
        return words.say("saved.larger", least=min(-high, 1.0), most=min(-low, 1.0))
    return words.say("saved.apart")


def finding_contracts(equity: pd.DataFrame, outlook: pd.DataFrame | None = None, *, term: str) -> Finding | None:
    """What the contracts that run today will still bring, and how much may be spent on winning one; None without.

    ``equity``: from :func:`~crmlib.lifecycle.clv.contract_equity` of the contracts of one ``term`` (month, quarter,
    year); ``outlook``, from :func:`~crmlib.lifecycle.retention.renewal_outlook`: the coming year, which is the money
    named.
    """
    if equity.empty or not equity["value"].iloc[0] > 0:
        return None
    row = equity.iloc[0]
    values = {**row, "each": row["value"] / max(row["contracts"], 1), "term": term}
    priced = outlook is not None and bool((outlook["contribution"] > 0).any())
    if outlook is not None and priced:
        year = outlook.iloc[0]
        for end, lost in (("", "lost"), ("_low", "lost_high"), ("_high", "lost_low")):
            values[f"year{end}"] = year["contribution"] - year[lost]
    return tell(
        words, "contracts", values, direction="neutral", money="year" if priced else "",
        action="range" if row["new_low"] < row["new_high"] else "sure",
    )  # fmt: skip
