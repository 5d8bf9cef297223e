"""How often the range of what customers will bring holds, with a season and without: ``python -m tests.bench_season``.

Bases whose truth is known: BG/NBD customers who order by the clock of the season (±40 %), a little over two years of
them, and what they then really pay in the year after. ``docs/lifetime_value.md`` quotes what this prints.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pandas as pd

from crmlib.lifecycle import clv

AS_OF = dt.date(2025, 6, 30)
DAYS, YEAR, CUSTOMERS = 760, 365, 800
ENDS = {"peak": (0.4, 0.0), "trough": (0.4, YEAR / 2), "none": (0.0, 0.0)}
"""By how much the season moves orders, and how many days after the last peak the data end."""


def base(random: np.random.Generator, swing: float, after_peak: float) -> tuple[pd.DataFrame, float]:
    """Orders until ``AS_OF``, and what the same customers pay in the year after it."""
    days = np.arange(-DAYS, YEAR + 1)
    clock = days + swing * YEAR / (2 * np.pi) * np.sin(2 * np.pi * (days + after_peak) / YEAR)
    rows, future = [], 0.0
    for customer in range(CUSTOMERS):
        now = float(np.interp(random.uniform(-DAYS, -30), days, clock))
        rate, leaves, mean = random.gamma(1.2) / 70, random.beta(1.0, 4.0), 40 * 3 / random.gamma(4.0)
        while now < clock[-1]:
            day, paid = float(np.interp(now, clock, days)), random.gamma(5.0, mean / 5)
            if day <= 0:
                rows.append((f"c{customer}", AS_OF + dt.timedelta(days=int(np.floor(day))), paid))
            else:
                future += paid
            if random.random() < leaves:
                break
            now += random.exponential(1 / rate)
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    return orders.assign(ordered_at=pd.to_datetime(orders["ordered_at"])), future


def measured(orders: pd.DataFrame, season: clv.Season | None) -> tuple[float, float, float]:
    """The value of the customers in the next year and its 95 % interval, all by the public functions."""
    histories = clv.summary(orders, as_of=AS_OF, season=season)
    models = clv.fit_models(histories, season=season).models
    table = clv.customer_equity(histories, **models, margin=1.0, discount_rate=0.0, residual=False)
    row = table.set_index("measure").loc["customer_equity"]
    return float(row["value"]), float(row["low"]), float(row["high"])


def main(bases: int = 40, *ends: str) -> None:
    """Print, for each of the ``ends`` of the data, in how many bases the interval held, and how far values were off."""
    print(f"{bases} bases each, {CUSTOMERS} customers, {DAYS} days; 95 % intervals")
    print(
        f"{'data end at':<12}{'season found':>14}{'held':>8}{'off by':>9}{'held without':>15}{'off by':>9}", flush=True
    )
    for number, (name, (swing, after_peak)) in enumerate(ENDS.items()):
        if ends and name not in ends:
            continue
        found, held, off = 0, np.zeros(2), np.zeros(2)
        for one in range(bases):
            orders, truth = base(np.random.default_rng([number, one]), swing, after_peak)
            season = clv.find_season(orders, as_of=AS_OF)
            found += season is not None
            plain = measured(orders, None)
            for at, (value, low, high) in enumerate((plain if season is None else measured(orders, season), plain)):
                held[at] += low <= truth <= high
                off[at] += value / truth - 1
        shares = [f"{part:+.1%}" for part in off / bases]
        season_said = f"{found} of {bases}"
        said = f"{name:<12}{season_said:>14}{held[0]:>8.0f}{shares[0]:>9}{held[1]:>15.0f}{shares[1]:>9}"
        print(said, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
