"""The CDNOW sample, and customers simulated from known parameters."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmlib.lifecycle.clv import BetaGeoNBD, GammaGamma, summary


@pytest.fixture(scope="session")
def cdnow_orders() -> pd.DataFrame:
    origin = importlib.util.find_spec("lifetimes").origin
    path = Path(origin).parent / "datasets" / "CDNOW_sample.txt"
    columns = ["master_id", "customer_id", "day", "units", "amount"]
    orders = pd.read_csv(path, sep=r"\s+", header=None, names=columns)
    return orders.assign(ordered_at=pd.to_datetime(orders["day"].astype(str)))


@pytest.fixture(scope="session")
def cdnow(cdnow_orders: pd.DataFrame) -> pd.DataFrame:
    return summary(cdnow_orders, as_of="1998-06-30", calibration_end="1997-09-30", unit="weeks")


@pytest.fixture(scope="session")
def cdnow_model(cdnow: pd.DataFrame) -> BetaGeoNBD:
    return BetaGeoNBD.fit(cdnow)


@pytest.fixture(scope="session")
def cdnow_spend(cdnow: pd.DataFrame) -> GammaGamma:
    return GammaGamma.fit(cdnow)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., pd.DataFrame]:
    """Customers of a BG/NBD and gamma-gamma base: their summary in days, and what they do in the time after it."""

    def simulated(
        customers: int,
        *,
        seed: int,
        r: float = 0.8,
        alpha: float = 60.0,
        a: float = 0.8,
        b: float = 2.5,
        p: float = 6.0,
        q: float = 4.0,
        v: float = 20.0,
        holdout_days: int = 365,
    ) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        rate, leaving = random.gamma(r, 1 / alpha, customers), random.beta(a, b, customers)
        scale = random.gamma(q, 1 / v, customers)
        T = np.floor(random.uniform(100, 500, customers))
        clock, x, t_x = np.zeros(customers), np.zeros(customers), np.zeros(customers)
        spend, later, later_spend = np.zeros(customers), np.zeros(customers), np.zeros(customers)
        alive = np.arange(customers)
        while len(alive):
            clock[alive] += random.exponential(1 / rate[alive])
            alive = alive[clock[alive] < T[alive] + holdout_days]
            paid = random.gamma(p, 1 / scale[alive])
            known = clock[alive] <= T[alive]
            x[alive[known]] += 1
            t_x[alive[known]] = clock[alive[known]]
            spend[alive[known]] += paid[known]
            later[alive[~known]] += 1
            later_spend[alive[~known]] += paid[~known]
            alive = alive[random.random(len(alive)) > leaving[alive]]
        return pd.DataFrame(
            {
                "customer_id": np.arange(customers),
                "frequency": x,
                "recency": t_x,
                "T": T,
                "monetary": spend / np.maximum(x, 1),
                "holdout_orders": later,
                "holdout_spend": later_spend,
            }
        )

    return simulated
