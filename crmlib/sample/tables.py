"""The contract's columns for each table of the sample, and their exact form in CSV.

``truth_customers`` is no table of the contract: it is the truth per buyer, for tests and exercises.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from crmlib.sample.clock import FIRST_DAY

_TEXT, _TIME, _DATE, _MONEY, _WHOLE, _FLAG = "text", "time", "date", "money", "whole", "flag"

SCHEMA: dict[str, dict[str, str]] = {
    "customers": dict.fromkeys(("customer_id",), _TEXT)
    | {"first_seen_at": _TIME}
    | dict.fromkeys(("channel", "campaign", "region", "city", "gender"), _TEXT)
    | {"birthday": _DATE}
    | dict.fromkeys(("industry", "tier", "owner"), _TEXT)
    | dict.fromkeys(("consent_email", "consent_sms", "consent_phone", "consent_wechat", "is_test"), _FLAG)
    | dict.fromkeys(("name", "email", "phone", "address"), _TEXT),
    "orders": {
        "order_id": _TEXT, "customer_id": _TEXT, "ordered_at": _TIME, "amount": _MONEY, "discount": _MONEY,
        "cost": _MONEY, "currency": _TEXT, "channel": _TEXT, "store": _TEXT, "coupon": _TEXT, "status": _TEXT,
        "refunded_amount": _MONEY,
    },
    "order_lines": {
        "order_id": _TEXT, "product_id": _TEXT, "quantity": _WHOLE, "amount": _MONEY, "unit_price": _MONEY,
        "discount": _MONEY, "product_name": _TEXT, "category": _TEXT,
    },
    "leads": {
        "lead_id": _TEXT, "created_at": _TIME, "channel": _TEXT, "campaign": _TEXT, "stage": _TEXT,
        "converted_at": _TIME, "customer_id": _TEXT, "lost_reason": _TEXT, "owner": _TEXT,
    },
    "lead_stages": {"lead_id": _TEXT, "stage": _TEXT, "entered_at": _TIME},
    "spend": {"spent_on": _DATE, "channel": _TEXT, "cost": _MONEY, "campaign": _TEXT},
    "touches": {
        "customer_id": _TEXT, "touched_at": _TIME, "channel": _TEXT, "kind": _TEXT, "campaign": _TEXT, "cost": _MONEY,
    },
    "surveys": {
        "response_id": _TEXT, "customer_id": _TEXT, "answered_at": _TIME, "kind": _TEXT, "score": _WHOLE,
        "touchpoint": _TEXT, "comment": _TEXT,
    }
    | dict.fromkeys(
        (
            "item_wait", "item_service", "item_product", "item_functional_result", "item_functional_safety",
            "item_functional_ease", "item_emotional_joy", "item_emotional_calm", "item_emotional_care",
            "item_social_recognition", "item_social_belonging", "item_social_trend",
        ),
        _WHOLE,
    ),
    "tickets": {
        "ticket_id": _TEXT, "customer_id": _TEXT, "opened_at": _TIME, "first_response_at": _TIME, "resolved_at": _TIME,
        "channel": _TEXT, "category": _TEXT, "reason": _TEXT, "priority": _TEXT, "is_complaint": _FLAG,
        "resolution": _TEXT, "csat": _WHOLE, "reopened": _FLAG, "text": _TEXT,
    },
    "usage": {"customer_id": _TEXT, "used_at": _TIME, "feature": _TEXT, "quantity": _WHOLE, "minutes": _WHOLE},
    "subscriptions": {
        "customer_id": _TEXT, "started_at": _DATE, "ended_at": _DATE, "plan": _TEXT, "price": _MONEY, "period": _TEXT,
    },
    "loyalty": {
        "customer_id": _TEXT, "at": _TIME, "points_earned": _WHOLE, "points_redeemed": _WHOLE, "tier": _TEXT,
    },
    "truth_customers": {"customer_id": _TEXT, "home": _TEXT, "alive": _FLAG, "expected_orders": _TEXT},
    "actions": {
        "action_id": _TEXT, "play": _TEXT, "customer_id": _TEXT, "arm": _TEXT, "assigned_at": _TIME, "due_at": _TIME,
        "done_at": _TIME, "channel": _TEXT, "cost": _MONEY,
    },
}  # fmt: skip


def blank_unless(known: np.ndarray | pd.Series, values: np.ndarray | pd.Series | str) -> np.ndarray:
    """``values`` where ``known``, None elsewhere: text columns that are not always filled."""
    return np.where(np.asarray(known), np.asarray(values, dtype=object), np.array(None, dtype=object))


def _known(values: pd.Series) -> np.ndarray:
    return values.notna().to_numpy()


def _times(values: pd.Series) -> list[str]:
    known = _known(values)
    seconds = np.floor(np.where(known, values.to_numpy(dtype=float, na_value=0.0), 0.0) * 86400.0 + 1e-6).astype(
        "int64"
    )
    stamps = np.datetime_as_string(np.datetime64(FIRST_DAY, "s") + seconds.astype("timedelta64[s]"), unit="s")
    return [stamp.replace("T", " ") if filled else "" for stamp, filled in zip(stamps.tolist(), known, strict=True)]


def _dates(values: pd.Series) -> list[str]:
    origin = FIRST_DAY.toordinal()
    return [
        date.fromordinal(origin + int(np.floor(value))).isoformat() if filled else ""
        for value, filled in zip(values, _known(values), strict=True)
    ]


def _each(form: Callable[[object], str]) -> Callable[[pd.Series], list[str]]:
    return lambda values: [form(value) if filled else "" for value, filled in zip(values, _known(values), strict=True)]


_FORMS: dict[str, Callable[[pd.Series], list[str]]] = {
    _TEXT: _each(str),
    _TIME: _times,
    _DATE: _dates,
    _MONEY: _each(lambda value: f"{value:.2f}"),
    _WHOLE: _each(lambda value: str(int(value))),  # type: ignore[call-overload]
    _FLAG: _each(lambda value: "true" if value else "false"),
}


def to_csv(name: str, table: pd.DataFrame) -> str:
    """The table as CSV text: contract columns, in the contract's order; times are days since the first day."""
    columns = SCHEMA[name]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(_FORMS[form](table[column]) for column, form in columns.items()), strict=True))
    return text.getvalue()


def write_table(folder: Path, name: str, table: pd.DataFrame) -> None:
    """Write a table as CSV, every value formatted explicitly."""
    (folder / f"{name}.csv").write_text(to_csv(name, table), encoding="utf-8", newline="\n")
