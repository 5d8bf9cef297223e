"""Every table of the contract, declared once.

From this declaration come the pandera models (pandas and Ibis), the rules by which intake accepts rows, and the
data dictionary. It is plain data and light to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "time", "date", "number", "whole", "flag"]


@dataclass(frozen=True)
class Column:
    """One column: what it is called, what it holds and what must be true of it.

    ``unit`` is what a value counts (``money``: the client's currency; ``UTC``: stored in UTC, shown in the
    client's zone). ``allowed`` closes the list of values; ``low`` and ``high`` bound numbers, both included.
    ``identity`` marks what tells who a person is: intake never copies such a column into the workspace.
    ``happened`` marks times that cannot lie in the future.
    """

    name: str
    kind: Kind
    about: str
    required: bool = False
    unit: str = ""
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    identity: bool = False
    happened: bool = False


@dataclass(frozen=True)
class Table:
    """One table: its columns, the column that identifies a row, and the time at which a row happened.

    ``score_range`` bounds ``score`` by the value of ``kind`` where a survey's scale depends on the question.
    """

    name: str
    about: str
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


def _text(name: str, about: str, **more: object) -> Column:
    return Column(name, "text", about, **more)  # type: ignore[arg-type]


def _time(name: str, about: str, **more: object) -> Column:
    return Column(name, "time", about, **{"unit": "UTC", "happened": True, **more})  # type: ignore[arg-type]


def _money(name: str, about: str, **more: object) -> Column:
    return Column(name, "number", about, **{"unit": "money", **more})  # type: ignore[arg-type]


def _key(name: str, about: str) -> Column:
    return Column(name, "text", about, required=True)


_CUSTOMER = _text("customer_id", "the customer; empty where the system does not know (a guest)")
_CUSTOMER_REQUIRED = _text("customer_id", "the customer", required=True)
_CAMPAIGN = _text("campaign", "the campaign")
_LEAD = _text("lead_id", "the lead", required=True)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "customers",
            "One row per customer: where from, who looks after, what may be sent.",
            (
                _key("customer_id", "the customer, unique"),
                _time("first_seen_at", "first contact of any kind"),
                _text("channel", "the channel that won the customer"),
                _CAMPAIGN,
                _text("region", "province or state"),
                _text("city", "city"),
                _text("gender", "as recorded"),
                Column("birthday", "date", "date of birth", happened=True),
                _text("industry", "industry, for business customers; empty: a consumer"),
                _text("tier", "membership tier today"),
                _text("owner", "the employee in charge"),
                Column("consent_email", "flag", "may be written to by e-mail"),
                Column("consent_sms", "flag", "may be sent text messages"),
                Column("consent_phone", "flag", "may be called"),
                Column("consent_wechat", "flag", "may be written to on WeChat"),
                Column("is_test", "flag", "a test record: left out with everything that belongs to it; empty: none"),
                _text("name", "the person's name", identity=True),
                _text("email", "e-mail address", identity=True),
                _text("phone", "phone number", identity=True),
                _text("address", "postal address", identity=True),
            ),
            key="customer_id",
        ),
        Table(
            "orders",
            "One row per order.",
            (
                _key("order_id", "the order, unique"),
                _CUSTOMER,
                _time("ordered_at", "when the customer ordered", required=True),
                _money("amount", "what the customer pays, after discount", required=True),
                _money("discount", "what was taken off; empty: nothing", low=0),
                _money("cost", "what the goods cost us"),
                _text("currency", "ISO 4217 code, if it differs from the client's"),
                _text("channel", "where the order was placed"),
                _text("store", "the shop"),
                _text("coupon", "the coupon used; empty: none"),
                _text(
                    "status",
                    "what became of the order: paid (also: empty) and refunded count as purchases and as revenue, less "
                    "refunded_amount (refunded without an amount: all of it); cancelled and open do not",
                    allowed=("paid", "cancelled", "refunded", "open"),
                ),
                _money("refunded_amount", "what was paid back; empty: nothing", low=0),
            ),
            key="order_id",
            time="ordered_at",
        ),
        Table(
            "order_lines",
            "One row per product in an order.",
            (
                _text("order_id", "the order", required=True),
                _text("product_id", "the product", required=True),
                Column("quantity", "number", "pieces", required=True, unit="pieces"),
                _money("amount", "what the customer pays for the line, after discount", required=True),
                _money("unit_price", "price of one piece before discount"),
                _money("discount", "what was taken off the line; empty: nothing"),
                _text("product_name", "the product in words"),
                _text("category", "the product's category"),
            ),
        ),
        Table(
            "leads",
            "One row per prospect.",
            (
                _key("lead_id", "the lead, unique"),
                _time("created_at", "when the lead came in", required=True),
                _text("channel", "the channel that brought it"),
                _CAMPAIGN,
                _text("stage", "the stage reached"),
                _time("converted_at", "when the lead became a customer; empty: not (yet)"),
                _text("customer_id", "the customer that the lead became"),
                _text("lost_reason", "why the lead was lost; empty: it was not"),
                _text("owner", "the employee in charge"),
            ),
            key="lead_id",
            time="created_at",
        ),
        Table(
            "lead_stages",
            "One row per stage that a lead entered.",
            (
                _LEAD,
                _text("stage", "the stage", required=True),
                _time("entered_at", "when the lead entered it", required=True),
            ),
            time="entered_at",
        ),
        Table(
            "spend",
            "One row per period and channel: what marketing cost.",
            (
                Column("spent_on", "date", "first day of the period", required=True, happened=True),
                _text("channel", "the channel", required=True),
                _money("cost", "what was spent", required=True, low=0),
                _CAMPAIGN,
            ),
            time="spent_on",
        ),
        Table(
            "touches",
            "One row per contact with a customer, in either direction.",
            (
                _CUSTOMER_REQUIRED,
                _time("touched_at", "when", required=True),
                _text("channel", "by which channel", required=True),
                _text("kind", "sent, delivered, opened, clicked, visit, call, cart, …", required=True),
                _CAMPAIGN,
                _money("cost", "what the contact cost", low=0),
            ),
            time="touched_at",
        ),
        Table(
            "surveys",
            "One row per answered survey question (NPS, CSAT, CES) or needs questionnaire.",
            (
                _key("response_id", "the response, unique"),
                _CUSTOMER,
                _time("answered_at", "when it was answered", required=True),
                _text("kind", "the question asked", required=True, allowed=("nps", "csat", "ces", "needs")),
                Column("score", "number", "the answer: NPS 0–10, CSAT 1–5, CES 1–7"),
                _text("touchpoint", "after which contact it was asked"),
                _text("comment", "the customer's own words"),
            ),
            key="response_id",
            time="answered_at",
            open_columns="item_",
            score_range=(("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)),
        ),
        Table(
            "tickets",
            "One row per service request.",
            (
                _key("ticket_id", "the ticket, unique"),
                _CUSTOMER,
                _time("opened_at", "when the customer asked", required=True),
                _time("first_response_at", "when somebody first answered; empty: not yet"),
                _time("resolved_at", "when it was resolved; empty: still open"),
                _text("channel", "how the customer asked"),
                _text("category", "what it was about"),
                _text("reason", "why, in more detail"),
                _text("priority", "the priority given"),
                Column("is_complaint", "flag", "a complaint"),
                _text("resolution", "what was done"),
                Column("csat", "number", "satisfaction with the service", low=1, high=5),
                Column("reopened", "flag", "was opened again"),
                _text("text", "the customer's own words"),
            ),
            key="ticket_id",
            time="opened_at",
        ),
        Table(
            "usage",
            "One row per use of a product or an app feature.",
            (
                _CUSTOMER_REQUIRED,
                _time("used_at", "when", required=True),
                _text("feature", "what was used"),
                Column("quantity", "number", "how often", unit="uses", low=0),
                Column("minutes", "number", "how long", unit="minutes", low=0),
            ),
            time="used_at",
        ),
        Table(
            "subscriptions",
            "One row per contract.",
            (
                _CUSTOMER_REQUIRED,
                _time("started_at", "when it began", required=True),
                _time("ended_at", "when it ended; empty: it runs", happened=False),
                _text("plan", "the plan"),
                _money("price", "price of one period", low=0),
                _text("period", "month, quarter or year"),
            ),
            time="started_at",
        ),
        Table(
            "loyalty",
            "One row per movement of points or change of tier.",
            (
                _CUSTOMER_REQUIRED,
                _time("at", "when", required=True),
                Column("points_earned", "number", "points earned", unit="points", low=0),
                Column("points_redeemed", "number", "points redeemed", unit="points", low=0),
                _text("tier", "tier after the movement"),
            ),
            time="at",
        ),
        Table(
            "actions",
            "One row per customer and play: what was to be done, and to whom it was deliberately not done.",
            (
                _key("action_id", "the action, unique"),
                _text("play", "the play", required=True),
                _CUSTOMER_REQUIRED,
                _text("arm", "treat or control", required=True, allowed=("treat", "control")),
                _time("assigned_at", "when the customer was drawn", required=True),
                _time("due_at", "by when it should be done", happened=False),
                _time("done_at", "when it was done; empty: not done"),
                _text("channel", "how it was done"),
                _money("cost", "what it cost", low=0),
            ),
            key="action_id",
            time="assigned_at",
        ),
    )
}
