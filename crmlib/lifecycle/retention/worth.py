"""What a second order is worth, and the findings on how many place one and when."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from crmlib import text
from crmlib.calendar import as_day
from crmlib.engine import to_ibis
from crmlib.finding import Finding
from crmlib.lifecycle.retention.cohort_tables import SMALL_BASE
from crmlib.lifecycle.retention.kaplan_meier import median_wait
from crmlib.purchases import purchases

if TYPE_CHECKING:
    import pandas as pd

_YEAR = 365


# Measures


def value_of_second_orders(
    orders: Any, *, as_of: Any, within: int = 90, margin: float = 1.0, since: Any = None
) -> pd.DataFrame | None:
    """What one more second order brings, and what one percentage point more of them would bring in a year.

    One row, money in the client's currency and as contribution: an order's spend less its ``cost`` where the
    orders have it, else times ``margin`` (0 to 1). ``second_orders`` placed within ``within`` days;
    ``value`` of one of them (all that was spent on that day) with its 95 % interval ``low, high``;
    ``with_a_year``, what these customers brought from that day through the following year, of the
    ``year_followed`` for whom that year is over (NaN for fewer than 30); ``new_customers_a_year``;
    ``one_point, one_point_low, one_point_high``: a hundredth of a year's new customers, times the value.

    ``value`` is what is sure of an additional second order; ``with_a_year`` is an upper bound, because those
    who return unasked are better customers than those who must be asked. None with fewer than 30 second
    orders. pandas or Ibis in, a pandas frame out.
    """
    import ibis
    import numpy as np
    import pandas as pd
    from scipy.special import stdtrit

    end = as_day(as_of)
    bought = purchases(to_ibis(orders), as_of=end, keep=("cost",))
    cost = bought.cost.cast("float64")
    bought = bought.mutate(contribution=ibis.ifelse(cost.notnull(), bought.spend - cost, bought.spend * margin))
    daily = bought.group_by("customer_id", "day").agg(contribution=bought.contribution.sum())
    daily = daily.mutate(n=ibis.row_number().over(group_by="customer_id", order_by="day"))
    each = daily.group_by("customer_id").agg(first_day=daily.day.min(), second_day=daily.day.max(where=daily.n == 1))
    if since is not None:
        each = each.filter(each.first_day >= ibis.literal(as_day(since)))
    a_year_ago = end - dt.timedelta(days=_YEAR)
    counts = each.agg(new=(each.first_day > ibis.literal(a_year_ago)).sum(), first=each.first_day.min()).to_pandas()
    quick = each.filter(each.second_day.delta(each.first_day, unit="day") <= within)
    joined = daily.join(quick.select("customer_id", "second_day"), "customer_id")
    after = joined.day.delta(joined.second_day, unit="day")
    per_customer = joined.group_by("customer_id", "second_day").agg(
        value=joined.contribution.sum(where=after == 0),
        year=joined.contribution.sum(where=(after >= 0) & (after < _YEAR)),
    )
    whole = per_customer.second_day <= ibis.literal(a_year_ago)
    sums = per_customer.agg(
        n=per_customer.count(),
        mean=per_customer.value.mean(),
        spread=per_customer.value.std(),
        year_n=whole.sum().fill_null(0),
        year_mean=per_customer.year.mean(where=whole),
    ).to_pandas()
    n = int(sums.n[0])
    if n < SMALL_BASE:
        return None
    mean, error = float(sums["mean"][0]), float(sums.spread[0]) / np.sqrt(n)
    half = float(stdtrit(n - 1, 0.975)) * error
    observed = (end - pd.Timestamp(counts["first"][0]).date()).days + 1
    new = int(counts.new[0]) * max(1.0, _YEAR / observed)
    year_n = int(sums.year_n[0])
    return pd.DataFrame(
        {
            "second_orders": [n],
            "value": [mean],
            "low": [mean - half],
            "high": [mean + half],
            "with_a_year": [float(sums.year_mean[0]) if year_n >= SMALL_BASE else np.nan],
            "year_followed": [year_n],
            "new_customers_a_year": [float(new)],
            "one_point": [new * 0.01 * mean],
            "one_point_low": [new * 0.01 * (mean - half)],
            "one_point_high": [new * 0.01 * (mean + half)],
        }
    )


# Findings


def finding_second_order(rate: pd.DataFrame, worth: pd.DataFrame | None = None, *, within: int = 90) -> Finding | None:
    """How many new customers order again in time, and what one percentage point more would be worth a year.

    ``rate``: the single row of ``repeat_rate``; ``worth``: that of :func:`value_of_second_orders`. None with
    fewer than 30 customers who have been followed long enough.
    """
    row = rate.iloc[0]
    if row.followed < SMALL_BASE:
        return None
    words = {
        "rate": text.percent(row.repeat_rate, digits=1),
        "days": within,
        "interval": text.interval(row.low, row.high, text.percent, digits=1),
        "followed": int(row.followed),
    }
    value = None if worth is None or worth.empty else worth.iloc[0]
    money = None if value is None or not value.one_point > 0 else float(value.one_point)
    certainty = [
        text.say("95% interval {interval}, from {followed} customers followed for {days} days or more.", **words),
        text.say("This counts new customers; the repurchase rate of the scorecard counts all buyers."),
    ]
    if value is None:
        sentence = text.say("{rate} of new customers order again within {days} days.", **words)
    elif money is None:
        sentence = text.say(
            "{rate} of new customers order again within {days} days; such an order brings {value}.",
            value=text.money(value.value),
            **words,
        )
        certainty.append(text.say("No worth a year is given, because there were no new customers in the last year."))
    else:
        sentence = text.say(
            "{rate} of new customers order again within {days} days; one percentage point more would be worth {money} "
            "a year.",
            money=text.money(money),
            **words,
        )
        certainty.append(
            text.say(
                "The worth is the contribution of the second order alone, for {new} new customers a year: {low} to "
                "{high}.",
                new=text.number(value.new_customers_a_year),
                low=text.money(value.one_point_low),
                high=text.money(value.one_point_high),
            )
        )
        if value.with_a_year == value.with_a_year:
            certainty.append(
                text.say(
                    "At most {most}, if the additional ones then bought like today's returners for a year.",
                    most=text.money(value.new_customers_a_year * 0.01 * value.with_a_year),
                )
            )
    return Finding(
        "retention.second_order",
        sentence,
        "neutral",
        certainty=" ".join(certainty),
        action=text.say(
            "Give new customers a reason to return in their first weeks, and leave a random control group "
            "without it to see what it adds."
        ),
        money=money,
        money_low=None if money is None else float(value.one_point_low),  # type: ignore[union-attr]
        money_high=None if money is None else float(value.one_point_high),  # type: ignore[union-attr]
        plays=("second_order",),
    )


def finding_timing(timing: pd.DataFrame, curve: pd.DataFrame) -> Finding | None:
    """When those who return do so, and so when to remind them.

    ``timing``: :func:`time_to_return`; ``curve``: ``return_curves`` of all customers (``by=None``). None
    with fewer than 30 returners.
    """
    if timing.empty or timing.returners.iloc[0] < SMALL_BASE:
        return None
    at = timing.set_index("share_returned")
    half, most = at.loc[0.5], at.loc[0.8]
    words = {"day": int(half.day), "most": int(most.day), "horizon": int(half.horizon)}
    median = median_wait(curve)
    if median is None:
        last = curve.iloc[-1]
        everybody = text.say(
            "Of all new customers, {share} have ordered again by day {last}: fewer than half.",
            share=text.percent(last.share, digits=1),
            last=int(last.day),
        )
    else:
        everybody = text.say("Of all new customers, half have ordered again by day {median}.", median=int(median))
    return Finding(
        "retention.timing",
        text.say(
            "Of those who order again within {horizon} days, half do so by day {day} and four in five by day {most}.",
            **words,
        ),
        "neutral",
        certainty=text.say(
            "95% interval for the half: day {low} to {high}, from {returners} customers. {everybody}",
            low=int(half.low),
            high=int(half.high),
            returners=int(half.returners),
            everybody=everybody,
        ),
        action=text.say(
            "Remind new customers before day {day}; who is silent after day {most} is a case for winning back.", **words
        ),
        plays=("second_order", "win_back"),
    )
