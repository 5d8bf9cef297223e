"""Invented clients of every kind, small, each with its chapters and what its page must say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

AS_OF = pd.Timestamp("2025-12-31")


def shop(
    seed: int,
    newcomers: Callable[[int], float],
    *,
    months: int,
    leaves: float = 0.1,
    orders_a_month: float = 0.5,
    amount: float = 100.0,
) -> pd.DataFrame:
    """Orders of a shop that wins ``newcomers(month)`` customers a month on average, each of whom may leave monthly."""
    random = np.random.default_rng(seed)
    begins = (AS_OF - pd.DateOffset(months=months) + pd.Timedelta(days=1)).normalize()
    rows = []
    customer = 0
    for month in range(months):
        for _ in range(random.poisson(newcomers(month))):
            customer += 1
            day = begins + pd.DateOffset(months=month) + pd.Timedelta(days=int(random.integers(0, 28)))
            stays = (month + random.geometric(leaves)) if leaves else months
            until = min(begins + pd.DateOffset(months=int(stays)), AS_OF)
            while day <= until:
                rows.append((f"C{customer:04}", day, round(float(random.gamma(6.0, amount / 6.0)), 2)))
                day += pd.Timedelta(days=1 + int(random.exponential(30 / orders_a_month)))
    orders = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"]).sort_values("ordered_at")
    orders.insert(0, "order_id", [f"O{n:05}" for n in range(len(orders))])
    return orders.assign(ordered_at=orders.ordered_at.dt.strftime("%Y-%m-%d"))


def surveys(seed: int) -> pd.DataFrame:
    """Two years of answers to the one question, better in the second."""
    random = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", AS_OF, periods=900)
    late = np.arange(900) >= 450
    score = np.where(
        random.random(900) < np.where(late, 0.6, 0.35), random.integers(9, 11, 900), random.integers(0, 9, 900)
    )
    return pd.DataFrame(
        {"response_id": range(900), "answered_at": days.strftime("%Y-%m-%d"), "kind": "nps", "score": score}
    )


def subscriptions(seed: int) -> pd.DataFrame:
    """Monthly contracts, of which a tenth end at each renewal."""
    random = np.random.default_rng(seed)
    starts = pd.to_datetime("2024-01-01") + pd.to_timedelta(random.integers(0, 700, 300), "D")
    ends = [
        start + pd.DateOffset(months=int(months))
        for start, months in zip(starts, random.geometric(0.1, 300), strict=True)
    ]
    ended = ["" if end > AS_OF else end.strftime("%Y-%m-%d") for end in ends]
    return pd.DataFrame(
        {
            "customer_id": [f"C{n:04}" for n in range(300)], "started_at": starts.strftime("%Y-%m-%d"),
            "ended_at": ended, "plan": "box", "price": 99.0, "period": "month",
        }
    )  # fmt: skip


def closed_base(repository: Path) -> pd.DataFrame:
    """500 of the customers of CDNOW: all first bought in the first quarter, and nobody after."""
    orders = pd.read_csv(repository / "data" / "cdnow" / "orders.csv", dtype={"customer_id": str})
    some = orders.customer_id.drop_duplicates().iloc[::47][:500]
    return orders[orders.customer_id.isin(some)]


HOSTILE = (
    "<script>alert(1)</script>",
    "</style><b>bold</b>",
    "**bold** [link](http://evil) `code`",
    '=HYPERLINK("http://evil")',
    "\u202eright to left\u202c",
    "long " * 2000,
    "\U0001f9f4 \U0001f469\u200d\U0001f469\u200d\U0001f467",
    "{{ 7 * 7 }} {x} %s",
)


def hostile() -> pd.DataFrame:
    """A steady shop whose stores and channels are named by people who mean harm."""
    orders = shop(9, lambda month: 8, months=24)
    names = [HOSTILE[place % len(HOSTILE)] for place in range(len(orders))]
    return orders.assign(store=names, channel=names)


@dataclass(frozen=True)
class Invented:
    """A client: its tables, the chapters that are run, and further settings."""

    tables: Callable[[Path], Mapping[str, pd.DataFrame]]
    chapters: tuple[str, ...] = ("03", "05", "13")
    settings: str = "margin: 0.4\n"
    as_of: str = str(AS_OF.date())
    name: str = "Test"


def _orders(*given: Any, **how: Any) -> Callable[[Path], dict[str, pd.DataFrame]]:
    return lambda _: {"orders": shop(*given, **how)}


def _two_weeks(_: Path) -> dict[str, pd.DataFrame]:
    orders = shop(7, lambda month: 60, months=1, leaves=0.0, orders_a_month=4)
    return {"orders": orders[orders.ordered_at >= "2025-12-18"]}


def _nearly_all_guests(_: Path) -> dict[str, pd.DataFrame]:
    orders = shop(8, lambda month: 10, months=24)
    return {"orders": orders.assign(customer_id=orders.customer_id.where(orders.customer_id.str.endswith("7"), ""))}


CLIENTS: dict[str, Invented] = {
    "closed": Invented(lambda repository: {"orders": closed_base(repository)}, ("05", "13"), as_of="1998-06-30"),
    "growing": Invented(_orders(1, lambda month: 3 * 1.06**month, months=36, leaves=0.03), ("03", "04", "05", "13")),
    "shrinking": Invented(_orders(2, lambda month: 30 * 0.93**month, months=36)),
    "steady": Invented(_orders(3, lambda month: 8 if month else 80, months=36), ("05", "13"), settings=""),
    "b2b": Invented(
        _orders(4, lambda month: 0.4 if month else 26, months=36, leaves=0.01, orders_a_month=1.0, amount=20_000)
    ),
    "surveys": Invented(lambda _: {"surveys": surveys(5)}, ("03", "08", "13")),
    "subscriptions": Invented(lambda _: {"subscriptions": subscriptions(6)}, as_of=""),
    "two_weeks": Invented(_two_weeks),
    "guests": Invented(lambda _: {"orders": shop(8, lambda month: 10, months=24).assign(customer_id="")}, ("05", "13")),
    "nearly_all_guests": Invented(_nearly_all_guests, ("05", "13")),
    "hostile": Invented(
        lambda _: {"orders": hostile()},
        name="</style><script>alert(1)</script> **Söhne** {x} \u202e" + "long " * 2000,
    ),
}


def write(key: str, folder: Path, repository: Path) -> Path:
    """The client's files; answers the path of its YAML."""
    import json

    from tests.conftest import write_client

    one = CLIENTS[key]
    tables: dict[str, Any] = {
        name: table.to_csv(index=False).encode() for name, table in one.tables(repository).items()
    }
    settings = f"name: {json.dumps(one.name)}\n{one.settings}"
    settings += f"as_of: {one.as_of}\n" if one.as_of else ""
    return write_client(folder, settings, **tables)
