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


def tickets(seed: int) -> pd.DataFrame:
    """Two years of service tickets, half as many again in the second; one in ten is never resolved."""
    random = np.random.default_rng(seed)
    days = np.concatenate([random.integers(0, 366, 600), random.integers(366, 731, 900)])
    opened = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(days) * 24 + random.integers(8, 18, 1500), "h")
    answered = opened + pd.to_timedelta(random.exponential(90, 1500).round(), "min")
    resolved = answered + pd.to_timedelta(random.exponential(20 * 60, 1500).round(), "min")
    never = random.random(1500) < 0.1
    form = "%Y-%m-%d %H:%M"
    return pd.DataFrame(
        {
            "ticket_id": [f"T{n:04}" for n in range(1500)], "opened_at": opened.strftime(form),
            "first_response_at": answered.strftime(form),
            "resolved_at": np.where(never | (resolved > AS_OF), "", resolved.strftime(form)),
            "reason": random.choice(["delivery", "return", "invoice"], 1500),
        }
    )  # fmt: skip


def leads(seed: int) -> pd.DataFrame:
    """Two years of leads, a fifth of whom become customers within two months."""
    random = np.random.default_rng(seed)
    created = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(0, 731, 1400)), "D")
    converted = created + pd.to_timedelta(random.integers(1, 60, 1400), "D")
    wins = (random.random(1400) < 0.2) & (converted <= AS_OF)
    return pd.DataFrame(
        {
            "lead_id": [f"L{n:04}" for n in range(1400)], "created_at": created.strftime("%Y-%m-%d"),
            "converted_at": np.where(wins, converted.strftime("%Y-%m-%d"), ""),
        }
    )  # fmt: skip


def spend(seed: int) -> pd.DataFrame:
    """Two years of monthly marketing cost on two channels."""
    random = np.random.default_rng(seed)
    months = pd.date_range("2024-01-01", AS_OF, freq="MS").repeat(2)
    return pd.DataFrame(
        {
            "spent_on": months.strftime("%Y-%m-%d"), "channel": ["search", "social"] * 24,
            "cost": random.normal(1000, 80, 48).round(2),
        }
    )  # fmt: skip


def happened(seed: int, time: str, **columns: Any) -> pd.DataFrame:
    """Two years of what happened with customers, three thousand times: usage, contacts, points."""
    random = np.random.default_rng(seed)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(random.integers(0, 731, 3000)), "D")
    who = [f"C{n:03}" for n in random.integers(0, 250, 3000)]
    return pd.DataFrame({"customer_id": who, time: days.strftime("%Y-%m-%d"), **columns})


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


ONE_TABLE: dict[str, Callable[[], pd.DataFrame]] = {
    "surveys": lambda: surveys(5),
    "subscriptions": lambda: subscriptions(6),
    "tickets": lambda: tickets(11),
    "leads": lambda: leads(12),
    "spend": lambda: spend(13),
    "touches": lambda: happened(14, "touched_at", channel="email", kind="newsletter"),
    "usage": lambda: happened(15, "used_at", quantity=1),
    "loyalty": lambda: happened(16, "at", points_earned=5, points_redeemed=1),
}
"""What a client may have and nothing else, by the table's name."""


def _only(*names: str) -> Callable[[Path], dict[str, pd.DataFrame]]:
    return lambda _: {name: ONE_TABLE[name]() for name in names}


def _customers_only(_: Path) -> dict[str, pd.DataFrame]:
    return {"customers": pd.DataFrame({"customer_id": [f"C{n}" for n in range(40)], "first_seen_at": "2025-03-01"})}


def _two_orders(_: Path) -> dict[str, pd.DataFrame]:
    days, amounts = ["2024-02-01", "2025-06-01"], [100.0, 250.0]
    return {
        "orders": pd.DataFrame(
            {"order_id": ["1", "2"], "customer_id": ["a", "a"], "ordered_at": days, "amount": amounts}
        )
    }


CLIENTS: dict[str, Invented] = {
    "closed": Invented(lambda repository: {"orders": closed_base(repository)}, ("05", "13"), as_of="1998-06-30"),
    "growing": Invented(_orders(1, lambda month: 3 * 1.06**month, months=36, leaves=0.03), ("03", "04", "05", "13")),
    "shrinking": Invented(_orders(2, lambda month: 30 * 0.93**month, months=36)),
    "steady": Invented(_orders(3, lambda month: 8 if month else 80, months=36), ("05", "13"), settings=""),
    "b2b": Invented(
        _orders(4, lambda month: 0.4 if month else 26, months=36, leaves=0.01, orders_a_month=1.0, amount=20_000)
    ),
    "surveys": Invented(lambda _: {"surveys": surveys(5)}, ("03", "08", "13")),
    "subscriptions": Invented(_only("subscriptions"), ("01", "03", "05", "13"), as_of=""),
    **{
        name: Invented(_only(name), ("01", "03", "05", "13"))
        for name in ONE_TABLE
        if name not in ("surveys", "subscriptions")
    },
    "leads_and_spend": Invented(_only("leads", "spend"), ("13",)),
    "tickets_and_surveys": Invented(_only("tickets", "surveys"), ("08", "13")),
    "contracts_and_tickets": Invented(_only("subscriptions", "tickets"), ("05", "13")),
    "customers_only": Invented(_customers_only, ("01", "03", "05", "13")),
    "two_orders": Invented(_two_orders, ("01", "03", "04", "05", "13")),
    "two_weeks": Invented(_two_weeks),
    "guests": Invented(
        lambda _: {"orders": shop(8, lambda month: 10, months=24).assign(customer_id="")}, ("03", "05", "13")
    ),
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
