"""Purchases: a buy-till-you-die process per customer, run past the window so that the truth is known.

BG/NBD (Fader, Hardie & Lee 2005): while active, orders come at a personal rate; after each *repeat* order the customer
leaves with a personal probability. In the shops a badly handled complaint makes them leave as well.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmlib.sample.clock import DAYS, END_OF_FUTURE, END_OF_WINDOW, day_number, to_business, to_calendar
from crmlib.sample.parameters import AURORA
from crmlib.sample.streams import choose, stream

MOST_ORDERS = 260


def simulate(people: pd.DataFrame) -> pd.DataFrame:
    """All orders of all customers to the end of the future, before any measure.

    Columns: person (row in ``people``), k (0 = first order), at (calendar days), complaint, resolution_hours
    (NaN without a complaint), leaves (True where the customer is gone after this order).
    """
    count, shape = len(people), (len(people), MOST_ORDERS)
    rules = AURORA.complaints
    gaps = stream("purchases", "gaps").standard_exponential(shape)
    dropout_draw = stream("purchases", "dropout").random_sample(shape)
    complaint_draw = stream("purchases", "complaint").random_sample(shape)
    hours_draw = stream("purchases", "hours").standard_normal(shape)
    leave_draw = stream("purchases", "leave").random_sample(shape)
    rate, dropout = people["rate"].to_numpy(), people["dropout"].to_numpy()
    shop, home = people["shop"].to_numpy(), people["home"].to_numpy()
    slump_from = to_business(day_number(rules.slump_from))

    now, active, rounds = people["start"].to_numpy().copy(), np.arange(count), []
    for k in range(MOST_ORDERS):
        if not len(active):
            break
        slump = (home[active] == rules.slump_shop) & (now[active] > slump_from)
        complaint = complaint_draw[active, k] < rules.share_of_orders
        hours = (
            rules.median_hours * np.exp(rules.log_sd * hours_draw[active, k]) * np.where(slump, rules.slump_factor, 1.0)
        )
        leave_share = np.where(hours <= rules.fast_hours, rules.leaves_if_fast, rules.leaves_if_slow)
        driven_away = shop[active] & complaint & (leave_draw[active, k] < leave_share)
        leaves = driven_away | ((k > 0) & (dropout_draw[active, k] < dropout[active]))
        rounds.append(
            pd.DataFrame(
                {
                    "person": active,
                    "k": k,
                    "week": now[active],
                    "complaint": complaint,
                    "resolution_hours": np.where(complaint, hours, np.nan),
                    "leaves": leaves,
                }
            )
        )
        active = active[~leaves]
        now[active] += gaps[active, k] / rate[active]
        active = active[now[active] < END_OF_FUTURE]
    if len(active):
        raise RuntimeError("MOST_ORDERS is too small for the purchase rates.")
    orders = pd.concat(rounds, ignore_index=True)
    orders["at"] = to_calendar(orders["week"].to_numpy())
    return orders.sort_values(["person", "k"]).reset_index(drop=True)


def future_orders(people: pd.DataFrame, alive: np.ndarray) -> np.ndarray:
    """Expected orders of each customer in the year after the window, given latent traits and whether still active.

    E = (1 - exp(-rate * leave * t)) / leave, where ``leave`` is the probability of leaving after an order.
    """
    rules = AURORA.complaints
    fast = ndtr(np.log(rules.fast_hours / rules.median_hours) / rules.log_sd)
    slow_shop = ndtr(np.log(rules.fast_hours / rules.median_hours / rules.slump_factor) / rules.log_sd)
    fast_share = np.where(people["home"] == rules.slump_shop, slow_shop, fast)
    driven = rules.share_of_orders * (fast_share * rules.leaves_if_fast + (1 - fast_share) * rules.leaves_if_slow)
    leave = 1 - (1 - people["dropout"].to_numpy()) * (1 - np.where(people["shop"], driven, 0.0))
    weeks = END_OF_FUTURE - END_OF_WINDOW
    return np.where(alive, -np.expm1(-people["rate"].to_numpy() * leave * weeks) / leave, 0.0)


def still_active(orders: pd.DataFrame, count: int) -> np.ndarray:
    """Whether each customer is still active at the end of the window."""
    gone = orders.loc[orders["leaves"] & (orders["at"] < DAYS), "person"].unique()
    return ~np.isin(np.arange(count), gone)


def visible_orders(people: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Every row of the orders table, without amounts in baskets: the window's purchases and what surrounds them.

    ``events`` is the process with the measures' additions: person, at, kind (base, gift, win_back). Cancelled and
    refunded orders are *additional* rows, minutes before the order that then succeeds, so that paid orders alone
    follow the process.
    """
    inside = events[events["at"] < DAYS].sort_values(["person", "at"]).reset_index(drop=True)
    inside["nth"] = inside.groupby("person").cumcount()
    random = stream("orders", "failed")
    alone = inside.groupby("person")["at"].diff() > 1.0  # days; so that no attempt precedes the first order
    fails = (random.random_sample(len(inside)) < 0.045) & alone
    failed = inside[fails].copy()
    failed["status"] = choose(random, ["cancelled", "refunded"], [0.6, 0.4], len(failed))
    failed["minutes_before"] = random.uniform(2, 80, len(failed))
    failed["kind"] = "failed"
    inside["status"] = "paid"
    orders = pd.concat([inside, failed], ignore_index=True)
    orders["customer_id"] = people["customer_id"].to_numpy()[orders["person"]]
    orders["home"] = people["home"].to_numpy()[orders["person"]]
    orders["acquisition"] = people["channel"].to_numpy()[orders["person"]]
    orders["spend_rate"] = people["spend_rate"].to_numpy()[orders["person"]]
    return pd.concat([orders, _without_customer(people)], ignore_index=True)


def _without_customer(people: pd.DataFrame) -> pd.DataFrame:
    """Guest orders (no customer), orders of customers missing from the customers table, and test orders."""
    random = stream("orders", "strangers")
    guests, unknown, tests = 420, 25, 6
    count = guests + unknown + tests
    identifier = (
        [None] * guests
        + [f"C99{number:03d}" for number in range(unknown)]
        + [f"C0000{number}" for number in range(1, 7)]
    )
    homes = [*AURORA.shops, "web"]
    return pd.DataFrame(
        {
            "person": -1,
            "customer_id": identifier,
            "at": np.concatenate([random.uniform(0, DAYS, guests + unknown), np.arange(6) * 97.0 + 0.6]),
            "kind": ["guest"] * guests + ["unknown"] * unknown + ["test"] * tests,
            "status": "paid",
            "home": choose(random, homes, [1.0] * 12 + [4.0], count),
            "acquisition": "none",
            "spend_rate": 3.0 / 135.0,
            "nth": 0,
        }
    )
