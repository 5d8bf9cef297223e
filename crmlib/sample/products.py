"""What is bought: baskets with real affinities, and the amounts of orders and their lines.

The amount of an order comes from the spend model (gamma-gamma). Its basket is chosen to fit, and unit prices vary about
the list price (sizes and shades differ) so that the lines sum to the order.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlib.sample.catalogue import catalogue
from crmlib.sample.clock import DAYS, month_of, opening_hours
from crmlib.sample.measures import starts
from crmlib.sample.parameters import AURORA
from crmlib.sample.streams import choose, stream
from crmlib.sample.tables import blank_unless

ANCHORS = {
    "serum": 0.24, "cleanser": 0.13, "cream": 0.17, "sunscreen": 0.13, "make-up": 0.15, "body": 0.06, "hair": 0.05,
    "fragrance": 0.04, "mask": 0.06, "service": 0.05, "gift": 0.01,
}  # fmt: skip
SUMMER_ANCHOR = {"sunscreen": 1.9}  # factor from April to August
# (if the basket holds, then add with probability); serum → mask and sunscreen → after-sun are measures of their own
AFFINITIES = [
    ("cleanser", "toner", 0.36), ("make-up", "remover", 0.30), ("toner", "cream", 0.22), ("serum", "cream", 0.20),
    ("body", "hair", 0.20), ("cream", "cleanser", 0.12),
]  # fmt: skip
ANYTHING_ELSE = 0.32


def _picker() -> dict[str, tuple[list[str], np.ndarray]]:
    """Per category its products and their cumulative popularity."""
    products = catalogue()["products"]
    groups: dict[str, list[str]] = {}
    for product, (_, category, _, _) in products.items():
        groups.setdefault(category, []).append(product)
    return {
        category: (
            members,
            np.cumsum([products[p][3] for p in members]) / sum(products[p][3] for p in members),
        )
        for category, members in groups.items()
    }


def baskets(orders: pd.DataFrame) -> list[list[str]]:
    """Categories of each order (rows ordered by person and time); paid orders remember a sunscreen bought before."""
    random = stream("products", "till")
    draw = random.random_sample((len(orders), len(AFFINITIES) + 6))
    anchor_names, winter = list(ANCHORS), np.array(list(ANCHORS.values()))
    summer = winter * [SUMMER_ANCHOR.get(name, 1.0) for name in anchor_names]
    bounds = {False: np.cumsum(winter / winter.sum()), True: np.cumsum(summer / summer.sum())}
    set_rules, guide_rules = AURORA.serum_mask_set, AURORA.after_sun_guide
    set_starts, guide_starts = starts("set"), starts("guide")
    months = month_of(orders["at"].to_numpy())
    result, person_before, sun_at, sun_home = [], -1, -np.inf, "web"
    known = (orders[column].to_numpy() for column in ("person", "at", "home", "status"))
    rows = zip(*known, months, draw, strict=True)
    for person, at, home, status, month, u in rows:
        if person != person_before or person < 0:
            person_before, sun_at = person, -np.inf
        season = month % 12 + 1
        anchor = anchor_names[min(int(np.searchsorted(bounds[4 <= season <= 8], u[0])), len(anchor_names) - 1)]
        basket = [anchor]
        for position, (has, adds, share) in enumerate(AFFINITIES):
            if has in basket and adds not in basket and u[6 + position] < share:
                basket.append(adds)
        if u[1] < ANYTHING_ELSE:
            extra = anchor_names[min(int(u[1] / ANYTHING_ELSE * len(anchor_names)), len(anchor_names) - 1)]
            if extra not in ("serum", "mask", *basket):
                basket.append(extra)
        if "serum" in basket and "mask" not in basket:
            share = set_rules.base + set_rules.trend * at / DAYS + set_rules.effect * (at >= set_starts[home])
            if u[2] < share:
                basket.append("mask")
        if at - sun_at <= guide_rules.within_days:
            share = guide_rules.base + guide_rules.summer * (6 <= season <= 9)
            share += guide_rules.effect * (sun_at >= guide_starts[sun_home])
            if u[3] < share:
                basket.append("after_sun")
        if status == "paid":
            sun_at, sun_home = (at, home) if "sunscreen" in basket else (-np.inf, home)
        result.append(basket)
    return result


def priced(orders: pd.DataFrame) -> pd.DataFrame:
    """The orders without their lines: amount, discount, cost (CNY), coupon, channel, store, status, order_id."""
    orders = orders.sort_values(["person", "at", "kind"], kind="stable").reset_index(drop=True)
    random = stream("orders", "amounts")
    shape = (
        orders["acquisition"].map({name: c.p for name, c in AURORA.channels.items()}).fillna(6.0).to_numpy(dtype=float)
    )
    net = random.gamma(shape) / orders["spend_rate"].to_numpy()
    offered = (orders["kind"] == "win_back").to_numpy()
    cents = np.maximum(np.round(net * np.where(offered, 0.75, 1.0) * 100), 900).astype(int)
    month, dom = month_of(orders["at"].to_numpy()) % 12 + 1, _day_of_month(orders["at"].to_numpy())
    festival = np.where((month == 6) & (dom <= 20), "MID618", np.where((month == 11) & (dom <= 11), "D1111", ""))
    promoted = random.random_sample(len(orders)) < np.where(festival != "", 0.6, 0.12)
    share = np.where(offered, 0.25, np.where(promoted, random.choice([0.05, 0.1, 0.15, 0.2], len(orders)), 0.0))
    coupon = np.where(promoted, np.where(festival != "", festival, "CARE10"), "")
    gifted = orders["home"].map(starts("gift")).to_numpy() <= orders["at"].to_numpy()
    first = ((orders["nth"] == 0) & (orders["person"] >= 0) & (orders["kind"] != "failed")).to_numpy()
    coupon = np.where(offered, "FRIEND50", np.where(gifted & first, "WELCOME3", coupon))
    orders["cents"] = cents
    orders["discount_cents"] = np.where((orders["kind"] == "test"), 0, np.round(cents * share / (1 - share))).astype(
        int
    )
    orders["coupon"] = blank_unless(coupon != "", coupon)
    orders["cost"] = (
        np.round(cents * (1 - AURORA.margin + 0.03 * random.standard_normal(len(orders)).clip(-3, 3))) / 100
    )
    strays = (
        (orders["home"] != "web") & (orders["kind"] == "base") & ~first & (random.random_sample(len(orders)) < 0.08)
    )
    store = np.where(strays, "web", orders["home"])
    orders["store"] = store
    orders["channel"] = np.where(
        store != "web", "store", choose(random, ["web", "mini_program"], [0.6, 0.4], len(orders))
    )
    part = (orders["status"] == "paid") & (random.random_sample(len(orders)) < 0.01)
    back = np.round(cents * random.uniform(0.2, 0.6, len(orders))) / 100
    orders["refunded_amount"] = np.where(orders["status"] == "refunded", cents / 100, np.where(part, back, 0.0))
    fresh = (orders["status"] == "paid") & (store == "web") & (orders["at"] > DAYS - 5) & ~part
    orders.loc[fresh & (random.random_sample(len(orders)) < 0.6), "status"] = "open"
    orders["ordered_at"] = opening_hours(orders["at"].to_numpy()) - orders["minutes_before"].fillna(0.0) / 1440.0
    orders["amount"], orders["discount"] = cents / 100, orders["discount_cents"] / 100
    orders["currency"] = "CNY"
    rank = orders["ordered_at"].argsort(kind="stable").argsort(kind="stable")
    orders["order_id"] = [f"O{number:05d}" for number in rank + 10001]
    return orders


def _day_of_month(days: np.ndarray) -> np.ndarray:
    stamps = np.datetime64("2024-01-01") + np.floor(days).astype("timedelta64[D]")
    return (stamps - stamps.astype("datetime64[M]")).astype(int) + 1


def lines(orders: pd.DataFrame, categories: list[list[str]]) -> pd.DataFrame:
    """Order lines: the order's gross amount spread over its basket by list price, to the cent."""
    random = stream("products", "lines")
    picker, products = _picker(), catalogue()["products"]
    draw = random.random_sample((len(orders), 10))
    rows: list[tuple] = []
    columns = zip(orders["order_id"], orders["cents"], orders["discount_cents"], categories, draw, strict=True)
    for order, cents, off, basket, u in columns:
        chosen = [picker[c][0][int(np.searchsorted(picker[c][1], u[n]))] for n, c in enumerate(basket)]
        prices = np.array([products[p][2] for p in chosen])
        gross = cents + off
        while prices.sum() * 55 > gross:  # a small order: the dearest product in its smallest size
            dearest = int(np.argmax(prices))
            smallest = min(picker[basket[dearest]][0], key=lambda p: products[p][2])
            if chosen[dearest] == smallest:
                break
            chosen[dearest], prices[dearest] = smallest, products[smallest][2]
        quantity = np.ones(len(chosen), dtype=int)
        while (quantity @ prices) * 140 < gross and quantity.sum() < 12:  # a large order: more of the same
            quantity[int(np.argmin(quantity))] += 1
        share = np.cumsum(quantity * prices / (quantity @ prices))
        bounds = np.concatenate([[0], np.round(share[:-1] * gross), [gross]]).astype(int)
        offs = np.concatenate([[0], np.round(share[:-1] * off), [off]]).astype(int)
        for n, product in enumerate(chosen):
            line_gross, line_off = bounds[n + 1] - bounds[n], offs[n + 1] - offs[n]
            amount, unit_price = (line_gross - line_off) / 100, line_gross / quantity[n] / 100
            name, category = products[product][:2]
            rows.append((order, product, quantity[n], amount, unit_price, line_off / 100, name, category))
    names = [
        "order_id",
        "product_id",
        "quantity",
        "amount",
        "unit_price",
        "discount",
        "product_name",
        "category",
    ]
    return pd.DataFrame(rows, columns=names)
