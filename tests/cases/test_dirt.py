"""Known orders, written with any of the dirt that was met: they come out right, or something is asked, or said."""

from __future__ import annotations

import datetime as dt
import html
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.client import load_client
from crmlib.intake.proposal import propose
from crmlib.intake.workspace import take_in
from crmlib.problems import UnusableInput

ZONE = "Europe/Berlin"
COLUMNS = ["order_id", "customer_id", "ordered_at", "amount", "store"]
HEADINGS = {
    "en": ["Order No", "Customer No", "Order Date", "Amount", "Store"],
    "de": ["Bestellnummer", "Kundennummer", "Bestelldatum", "Betrag", "Filiale"],
    "zh": ["订单编号", "客户编号", "下单日期", "订单金额", "门店"],
}
STORES = {
    "en": ["Men & Women", "Garden", 'Pipes 3" wide', "Tea, loose"],
    "de": ["Männer & Frauen", "Gärten", 'Rohr 3" breit', "Tee, lose"],
    "zh": ["男装 & 女装", "护肤", "茶叶, 散装", "家居"],
}
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
EPOCH = dt.date(1970, 1, 1)
DAYS = {
    "iso": lambda day: day.isoformat(),
    "points": lambda day: f"{day.day}.{day.month}.{day.year}",
    "short points": lambda day: f"{day:%d.%m.%y}",
    "slashes, day first": lambda day: f"{day:%d/%m/%Y}",
    "slashes, month first": lambda day: f"{day:%m/%d/%Y}",
    "slashes, year first": lambda day: f"{day.year}/{day.month}/{day.day}",
    "named month": lambda day: f"{day.day:02d}-{MONTHS[day.month - 1]}-{day.year}",
    "Chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "digits": lambda day: f"{day:%Y%m%d}",
    "midnight UTC": lambda day: f"{day.isoformat()}T00:00:00Z",
    "milliseconds": lambda day: str((day - EPOCH).days * 86_400_000),
    "day number": lambda day: str((day - dt.date(1899, 12, 30)).days),
}
THOUSANDS = {".": ["", ",", " ", "\u00a0", "\u202f", "'"], ",": ["", ".", " ", "\u00a0", "\u202f"]}
MARKS = ["{}", "€{}", "{} €", "{}\u00a0€", "EUR {}", "{} EUR"]
ENCODINGS = {
    "en": ["utf-8", "utf-8-sig", "utf-16", "cp1252"],
    "de": ["utf-8", "utf-8-sig", "utf-16", "cp1252"],
    "zh": ["utf-8", "utf-8-sig", "utf-16", "gb18030"],
}


@st.composite
def files(draw: Any) -> tuple[bytes, list[tuple[Any, ...]], dict[str, Any]]:
    """The bytes of an export, the orders that it holds, and how it was written."""
    language = draw(st.sampled_from([*HEADINGS]))
    written = {
        "language": language,
        "encoding": draw(st.sampled_from(ENCODINGS[language])),
        "separator": draw(st.sampled_from([",", ";", "\t", "|"])),
        "days": draw(st.sampled_from([*DAYS])),
        "point": draw(st.sampled_from([".", ","])),
        "mark": draw(st.sampled_from(MARKS)),
        "entities": draw(st.booleans()),
        "title": draw(st.sampled_from([[], ["Export of orders"], ["Export of orders", ""]])),
        "total": draw(st.booleans()),
        "note": draw(st.booleans()),
        "quotes": draw(st.booleans()),
        "zeros": draw(st.booleans()),
        "invisible": draw(st.booleans()),
        "empty first": draw(st.booleans()),
        "trailing": draw(st.booleans()),
        "blank lines": draw(st.booleans()),
    }
    if written["mark"] != "{}" and "€" in written["mark"] and written["encoding"] == "gb18030":
        written["mark"] = "{}"
    written["thousands"] = draw(st.sampled_from(THOUSANDS[written["point"]]))
    if written["encoding"] == "cp1252" and written["thousands"] == "\u202f":
        written["thousands"] = "\u00a0"
    count = draw(st.integers(12, 30))
    steps = draw(st.lists(st.integers(0, 40), min_size=count, max_size=count))
    cents = draw(st.lists(st.integers(100, 900_000), min_size=count, max_size=count))
    days = itertools.accumulate(steps, lambda day, step: day + dt.timedelta(step), initial=dt.date(2023, 1, 14))
    rows = [
        (
            f"{'00' if written['zeros'] else ''}{7001 + n}",
            f"{'0' if written['zeros'] else 'K-'}{300 + n % 7}",
            day,
            Decimal(paid) / 100,
            STORES[language][n % 4],
        )
        for n, (day, paid) in enumerate(zip(days, cents, strict=False))
    ]
    return _bytes(written, rows), rows, written


def _bytes(written: dict[str, Any], rows: list[tuple[Any, ...]]) -> bytes:
    separator = written["separator"]

    def cell(text: str) -> str:
        if written["quotes"] or any(sign in text for sign in (separator, '"', "\n")):
            return '"' + text.replace('"', '""') + '"'
        return text

    def line(cells: list[str]) -> str:
        cells = [*[""] * written["empty first"], *cells, *[""] * written["trailing"]]
        return separator.join(cell(one) for one in cells)

    lines = [*written["title"], line(HEADINGS[written["language"]])]
    for n, (order, customer, day, paid, store) in enumerate(rows):
        if written["invisible"] and n % 5 == 2 and written["encoding"] not in ("cp1252", "gb18030"):
            customer = f"{customer[:2]}\u200b{customer[2:]}"
        store = html.escape(store, quote=False) if written["entities"] else store
        lines.append(line([order, customer, DAYS[written["days"]](day), _sum(written, paid), store]))
        if written["blank lines"] and n % 6 == 4:
            lines.append("")
    if written["total"]:
        total = {"zh": "合计", "de": "Summe", "en": "Total"}[written["language"]]
        lines.append(line([total, "", "", _sum(written, sum(row[3] for row in rows)), ""]))
    if written["note"]:
        lines.append("* all sums with tax")
    return ("\r\n".join(lines) + "\r\n").encode(written["encoding"])


def _sum(written: dict[str, Any], value: Decimal) -> str:
    whole, _, part = f"{value:,.2f}".partition(".")
    return written["mark"].format(whole.replace(",", written["thousands"]) + written["point"] + part)


def come_out(folder: Path, content: bytes) -> tuple[list[str], list[tuple[Any, ...]], dict[str, Any]]:
    """What is asked about orders, those that were kept, and their account, by what is proposed for a file."""
    (folder / "exports").mkdir()
    (folder / "exports" / "orders.csv").write_bytes(content)
    made = propose(folder / "client", [str(folder / "exports" / "orders.csv")], currency="EUR", timezone=ZONE)
    asked = [said for said in made.decisions if not said.startswith("margin")]
    (folder / "client").mkdir()
    settings = made.text.replace("\ntables:", "\ncustomer_ids: as they are\nmax_set_aside: 1\n\ntables:", 1)
    (folder / "client" / "client.yaml").write_text(settings, encoding="utf-8")
    try:
        taken = take_in(load_client(folder / "client" / "client.yaml"), folder / "workspace")
    except UnusableInput as refused:
        return [*asked, *map(str, refused.problems)], [], {}
    account = taken.account["tables"]["orders"]
    kept = taken.table("orders").to_pandas()
    columns = [kept[name] if name in kept else [None] * len(kept) for name in COLUMNS]
    return [*asked, *map(str, account["questions"])], [*zip(*columns, strict=True)], account


@given(files())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_orders_come_out_as_they_were_or_something_is_asked(tmp_path_factory, file):
    content, rows, written = file
    asked, kept, account = come_out(tmp_path_factory.mktemp("dirt"), content)
    if asked:
        return
    as_they_were = [(order, customer, day, float(paid), store) for order, customer, day, paid, store in rows]
    came_out = [(order, customer, at.date(), float(paid), store) for order, customer, at, paid, store in kept]
    assert sorted(came_out) == as_they_were, written
    assert account["rows"] == len(rows)


def test_a_blank_that_does_not_break_beside_the_euro_is_no_chinese(tmp_path):
    rows = "".join(f"{n};K{n % 3};2024-01-{n + 10};1\u00a0{n}34,5{n}\u00a0€\n" for n in range(9))
    asked, kept, _ = come_out(tmp_path, f"Order No;Customer No;Order Date;Amount\n{rows}".encode("cp1252"))
    assert asked == []
    assert [float(row[3]) for row in kept] == [float(f"1{n}34.5{n}") for n in range(9)]
