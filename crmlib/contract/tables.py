"""Every table of the contract, declared once.

From this declaration come the rules by which intake accepts rows, and the data dictionary; what each column holds is
said in ``words.yaml``. It is plain data and light to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crmlib.words import Words

words = Words(__file__)
Kind = Literal["text", "time", "date", "number", "whole", "flag"]


@dataclass(frozen=True)
class Column:
    """One column: what it is called, what it holds and what must be true of it.

    ``unit`` is what a value counts (``money``: the client's currency; ``UTC``: stored in UTC, shown in the
    client's zone). ``allowed`` closes the list of values; ``low`` and ``high`` bound numbers, both included.
    ``identity`` marks what tells who a person is: intake never copies such a column into the workspace.
    ``happened`` marks times that cannot lie in the future, ``may_be_empty`` columns in which an empty cell has a
    meaning (not yet resolved, a guest).
    """

    name: str
    kind: Kind
    required: bool = False
    unit: str = ""
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    identity: bool = False
    happened: bool = False
    may_be_empty: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns, the column that identifies a row, and the time at which a row happened.

    ``score_range`` bounds ``score`` by the value of ``kind`` where a survey's scale depends on the question.
    """

    name: str
    columns: tuple[Column, ...]
    key: str | None = None
    time: str | None = None
    open_columns: str = ""
    score_range: tuple[tuple[str, float, float], ...] = ()

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"the contract's table {self.name!r} has no column {name!r}")

    def about(self, column: str = "") -> str:
        """What the table holds, or one of its columns, in the language in use.

        >>> TABLES["orders"].about("store")
        'the shop'
        """
        return words.say(f"tables.{self.name}.columns.{column}" if column else f"tables.{self.name}.about")

    @property
    def names(self) -> list[str]:
        """The column names in the contract's order."""
        return [column.name for column in self.columns]

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column of the workspace's table holds; columns that tell who a person is are not among them."""
        return {column.name: column.kind for column in self.columns if not column.identity}

    @property
    def required(self) -> list[str]:
        """The columns without which the table cannot be used."""
        return [column.name for column in self.columns if column.required]


def _text(name: str, **more: object) -> Column:
    return Column(name, "text", **more)  # type: ignore[arg-type]


def _time(name: str, **more: object) -> Column:
    return Column(name, "time", **{"unit": "UTC", "happened": True, **more})  # type: ignore[arg-type]


def _money(name: str, **more: object) -> Column:
    return Column(name, "number", **{"unit": "money", **more})  # type: ignore[arg-type]


def _key(name: str) -> Column:
    return Column(name, "text", required=True)


_CUSTOMER = _text("customer_id", may_be_empty=True)
_CUSTOMER_REQUIRED = _text("customer_id", required=True)
_CAMPAIGN = _text("campaign")
_LEAD = _text("lead_id", required=True)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "customers",
            (
                _key("customer_id"),
                _time("first_seen_at"),
                _text("channel"),
                _CAMPAIGN,
                _text("region"),
                _text("city"),
                _text("gender"),
                Column("birthday", "date", happened=True),
                _text("industry", may_be_empty=True),
                _text("tier"),
                _text("owner"),
                Column("consent_email", "flag"),
                Column("consent_sms", "flag"),
                Column("consent_phone", "flag"),
                Column("consent_wechat", "flag"),
                Column("is_test", "flag", may_be_empty=True),
                _text("name", identity=True),
                _text("email", identity=True),
                _text("phone", identity=True),
                _text("address", identity=True),
            ),
            key="customer_id",
        ),
        Table(
            "orders",
            (
                _key("order_id"),
                _CUSTOMER,
                _time("ordered_at", required=True),
                _money("amount", required=True),
                _money("discount", may_be_empty=True, low=0),
                _money("cost"),
                _text("currency"),
                _text("channel"),
                _text("store"),
                _text("coupon", may_be_empty=True),
                _text("status", may_be_empty=True, allowed=("paid", "cancelled", "refunded", "open")),
                _money("refunded_amount", may_be_empty=True, low=0),
            ),
            key="order_id",
            time="ordered_at",
        ),
        Table(
            "order_lines",
            (
                _text("order_id", required=True),
                _text("product_id", required=True),
                Column("quantity", "number", required=True, unit="pieces"),
                _money("amount", required=True),
                _money("unit_price"),
                _money("discount", may_be_empty=True),
                _text("product_name"),
                _text("category"),
            ),
        ),
        Table(
            "leads",
            (
                _key("lead_id"),
                _time("created_at", required=True),
                _text("channel"),
                _CAMPAIGN,
                _text("stage"),
                _time("converted_at", may_be_empty=True),
                _text("customer_id"),
                _text("lost_reason", may_be_empty=True),
                _text("owner"),
            ),
            key="lead_id",
            time="created_at",
        ),
        Table(
            "lead_stages",
            (
                _LEAD,
                _text("stage", required=True),
                _time("entered_at", required=True),
            ),
            time="entered_at",
        ),
        Table(
            "spend",
            (
                Column("spent_on", "date", required=True, happened=True),
                _text("channel", required=True),
                _money("cost", required=True, low=0),
                _CAMPAIGN,
            ),
            time="spent_on",
        ),
        Table(
            "touches",
            (
                _CUSTOMER_REQUIRED,
                _time("touched_at", required=True),
                _text("channel", required=True),
                _text("kind", required=True),
                _CAMPAIGN,
                _money("cost", low=0),
            ),
            time="touched_at",
        ),
        Table(
            "surveys",
            (
                _key("response_id"),
                _CUSTOMER,
                _time("answered_at", required=True),
                _text("kind", required=True, allowed=("nps", "csat", "ces", "needs")),
                Column("score", "number"),
                _text("touchpoint"),
                _text("comment"),
            ),
            key="response_id",
            time="answered_at",
            open_columns="item_",
            score_range=(("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)),
        ),
        Table(
            "tickets",
            (
                _key("ticket_id"),
                _CUSTOMER,
                _time("opened_at", required=True),
                _time("first_response_at", may_be_empty=True),
                _time("resolved_at", may_be_empty=True),
                _text("channel"),
                _text("category"),
                _text("reason"),
                _text("priority"),
                Column("is_complaint", "flag"),
                _text("resolution"),
                Column("csat", "number", low=1, high=5),
                Column("reopened", "flag"),
                _text("text"),
            ),
            key="ticket_id",
            time="opened_at",
        ),
        Table(
            "usage",
            (
                _CUSTOMER_REQUIRED,
                _time("used_at", required=True),
                _text("feature"),
                Column("quantity", "number", unit="uses", low=0),
                Column("minutes", "number", unit="minutes", low=0),
            ),
            time="used_at",
        ),
        Table(
            "subscriptions",
            (
                _CUSTOMER_REQUIRED,
                _time("started_at", required=True),
                _time("ended_at", may_be_empty=True, happened=False),
                _text("plan"),
                _money("price", low=0),
                _text("period"),
            ),
            time="started_at",
        ),
        Table(
            "loyalty",
            (
                _CUSTOMER_REQUIRED,
                _time("at", required=True),
                Column("points_earned", "number", unit="points", low=0),
                Column("points_redeemed", "number", unit="points", low=0),
                _text("tier"),
            ),
            time="at",
        ),
        Table(
            "actions",
            (
                _key("action_id"),
                _text("play", required=True),
                _CUSTOMER_REQUIRED,
                _text("arm", required=True, allowed=("treat", "control")),
                _time("assigned_at", required=True),
                _time("due_at", happened=False),
                _time("done_at", may_be_empty=True),
                _text("channel"),
                _money("cost", low=0),
            ),
            key="action_id",
            time="assigned_at",
        ),
    )
}
