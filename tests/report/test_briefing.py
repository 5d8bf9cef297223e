"""The briefing of clients of every kind, run end to end: each page is right, short, and no two are alike.

Every client runs once in English and once in Chinese; ``CRM_MATRIX=all`` runs the sample, too;
``CRM_MATRIX_FOLDER`` keeps the runs, and uses them again.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from decimal import Decimal
from html import unescape
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from crmlib import runner
from crmlib.problems import UnusableInput
from crmlib.report.briefing import content_of
from crmlib.report.page import name_of
from crmlib.words import number, percent, short, use
from tests.conftest import REPOSITORY
from tests.report.clients import CLIENTS, write
from tests.report.page import problems

pytestmark = pytest.mark.matrix

ALL = os.environ.get("CRM_MATRIX") == "all"
SAMPLE = "aurora"
ALIKE = ("contracts_and_tickets", "leads_and_spend", "tickets_and_surveys")
"""Clients with a table more than another one; its headline comes first."""
RUN = [key for key in CLIENTS if key != "customers_only"]  # which intake refuses
IN_ENGLISH_ONLY = () if ALL else ("spend", "touches", "usage", "loyalty", *ALIKE)
PAGES = [
    (key, language)
    for key in [*RUN, *([SAMPLE] if ALL else [])]
    for language in ("en", "zh")
    if language == "en" or key not in IN_ENGLISH_ONLY
]

UNITS = {"bn": 10**9, "m": 10**6, "k": 1000, "亿": 10**8, "万": 10**4}
HEADLINES = {
    "closed": "Sales halved: the data hold nobody new, and two thirds stopped buying",
    "growing": "carried by new customers",
    "shrinking": "of last year’s buyers did not come back",
    "steady": "Sales held",
    "b2b": "and most buyers came back",
    "surveys": "and no target is set",
    "subscriptions": "Recurring revenue is ¥",
    "tickets": "service tickets in 12 months, 50% more than before",
    "leads": "leads in 12 months: no real change",
    "spend": "Marketing cost ¥",
    "touches": "contacts with customers in 12 months",
    "usage": "customers used the product",
    "loyalty": "members were active",
    "leads_and_spend": "leads in 12 months",
    "tickets_and_surveys": "and no target is set",
    "contracts_and_tickets": "Recurring revenue is ¥",
    "two_orders": "2 orders are too few to tell anything from chance",
    "two_weeks": "14 days of orders are too few to tell who comes back",
    "guests": "and no order names its customer",
    "nearly_all_guests": "but most come from buyers whom we do not know",
}


class Briefing:
    """A finished run and its page."""

    def __init__(self, run: runner.Run, language: str) -> None:
        self.run, self.language = run, language
        self.html = (run.folder / "index.html").read_text(encoding="utf-8")
        self.body = self.html.partition("<main")[2].partition(">")[2]

    @property
    def page_one(self) -> str:
        return self.body.partition("<section")[0]

    @property
    def closed(self) -> str:
        """What is seen as long as nothing is folded out: of a fold, its summary."""
        return re.sub(r"<details[^>]*>\s*(<summary>.*?</summary>).*?</details>", r"\1", self.body, flags=re.DOTALL)

    def table(self, name: str) -> pd.DataFrame | None:
        file = self.run.folder / "tables" / f"{name}.csv"
        return pd.read_csv(file) if file.is_file() else None

    def at(self, pattern: str) -> list[str]:
        return [text(part) for part in re.findall(pattern, self.page_one, flags=re.DOTALL)]

    def length(self, html: str) -> int:
        """All that is read, word by word, numbers too; of a Chinese text, two characters are one word."""
        if self.language == "en":
            return len(text(html).split())
        signs = r"[\u3400-\u9fff]"
        others = re.sub(rf"{signs}|[，。；：、！？（）“”]", " ", text(html)).split()
        return len(re.findall(signs, text(html))) // 2 + len(others)


def amount_of(said: str) -> Decimal:
    """An amount as it is printed, read back exactly."""
    sign = -1 if said.startswith("−") else 1
    unit = next((size for name, size in UNITS.items() if name in said), 1)
    return sign * unit * Decimal(re.sub(r"[^\d.]", "", said))


def text(html: str) -> str:
    """What a reader reads: no pictures, no tags."""
    seen = re.sub(r"<svg.*?</svg>|<[^>]+aria-hidden.*?>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", seen)).replace("\u2060", "").split())


@functools.cache
def briefing(folder: Path, key: str, language: str) -> Briefing:
    if key == SAMPLE:
        file, chapters = REPOSITORY / "data" / "aurora" / "client.yaml", ()
    else:
        file, chapters = folder / key / "client" / "client.yaml", CLIENTS[key].chapters
        if not file.is_file():
            write(key, file.parent, REPOSITORY)
    # A table is taken in and a model fitted once, as where a client's second language is asked for.
    taken, own = (folder / key / other / "workspace" for other in ("en", language))
    if taken.is_dir() and not own.exists():
        shutil.copytree(taken, own)
    done = runner.run(file, output=folder / key / language, language=language, chapters=chapters)
    return Briefing(done, language)


@pytest.fixture(scope="session")
def matrix(tmp_path_factory):
    kept = os.environ.get("CRM_MATRIX_FOLDER")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("matrix")
    yield functools.partial(briefing, folder)
    use("en", "CNY")


@pytest.fixture(params=PAGES, ids=lambda page: "-".join(page))
def page(request, matrix):
    key, language = request.param
    found = matrix(key, language)
    use(language, found.run.client.currency)
    return found


@pytest.mark.parametrize("key", HEADLINES)
def test_each_kind_of_client_has_a_headline_of_its_own(matrix, key):
    found = matrix(key, "en")
    assert HEADLINES[key] in found.run.headline
    assert [chapter.why for chapter in found.run.chapters if chapter.status == "failed"] == []
    assert found.run.exit_code == 0


def test_no_two_kinds_have_the_same_page(matrix):
    told = [matrix(key, "en").run.headline for key in HEADLINES if key not in ALIKE]
    assert len(set(told)) == len(told)


def test_a_client_without_orders_has_neither_bridge_nor_numbers_of_sales(matrix):
    page_one = matrix("surveys", "en").page_one
    assert 'class="bars"' not in page_one
    assert re.findall("<dt>(.*?)</dt>", page_one) == ["Would recommend us (NPS)"]
    assert "Service and recommendation" in matrix("surveys", "en").closed


def test_who_cannot_be_answered_reads_what_it_would_take(matrix):
    guests, contracts, tickets = (matrix(key, "en") for key in ("guests", "subscriptions", "tickets"))
    assert "needs orders that name the customer or subscriptions" in text(guests.body)
    assert "it needs orders." in text(contracts.body)
    assert "needs orders or subscriptions" in text(tickets.body)


def test_what_could_not_be_shown_says_why(matrix):
    assert "Where the change in sales came from: The orders do not cover two times" in text(
        matrix("tickets", "en").body
    )


def test_a_client_of_whom_nothing_happened_is_told_what_to_add(tmp_path):
    with pytest.raises(UnusableInput, match=r"add tables\.orders or another table of events"):
        runner.run(write("customers_only", tmp_path / "client", REPOSITORY), output=tmp_path / "run")


def test_fourteen_days_ask_for_nothing_and_conclude_nothing_in_the_open(matrix):
    found = matrix("two_weeks", "en")
    assert 'class="do"' not in found.page_one
    assert 'class="bars"' not in found.page_one
    assert not re.search("sleeping|silent|asleep|won back", text(found.closed))


def test_where_nobody_came_back_and_no_guest_bought_there_is_no_bar(matrix):
    said = matrix("steady", "en").at(r"<li><span>(.*?)</span>")
    assert not any("came back" in one or "Guests" in one for one in said)
    assert any("0 new or long away" in one for one in matrix("closed", "en").at(r"<li><span>(.*?)</span>"))


def test_the_page_is_sound(page):
    own = {"unfilled: '{x}'", "unfilled: '{7 * 7}'"}  # braces of a hostile client
    assert [one for one in problems(page.html) if one not in own] == []


def test_page_one_and_the_page_are_short(page):
    assert page.length(page.page_one) <= 450
    assert page.length(page.closed) <= 1400


def test_the_headline_the_lead_and_the_caveat_are_short(page):
    for pattern, most in (
        (r"<h1>(.*?)</h1>", 14),
        (r'<p class="lead">(.*?)</p>', 50),
        (r'<p class="note">.*?</b>(.*?)</p>', 25),
    ):
        assert all(page.length(said) <= most for said in page.at(pattern)), page.at(pattern)


def test_a_sections_text_is_short_and_its_headline_no_heading_of_none(page):
    for section in re.findall(r"<section.*?</section>", page.closed, flags=re.DOTALL):
        head = section.partition("<figure")[0].partition("<details")[0].partition("<summary")[0]
        assert page.length(head) <= 60 + 30, text(head)
        assert len(re.findall("<h2", section)) == 1


@pytest.mark.parametrize("shown", ["closed", "body"])
def test_no_sentence_is_said_twice(page, shown):
    blocks = re.findall(
        r"<(?:p|h1|h2|h3|li|caption|figcaption)\b[^>]*>(.*?)</(?:p|h1|h2|h3|li|caption|figcaption)>",
        getattr(page, shown),
        flags=re.DOTALL,
    )
    said = [
        one.strip() for block in blocks for one in re.split(r"(?<=[.!?。！？])\s*(?=[A-Z\u4e00-\u9fff])", text(block))
    ]
    long = [one for one in said if page.length(one) >= 5]
    assert sorted({one for one in long if long.count(one) > 1}) == []


def test_a_chinese_page_holds_no_english_sentence(page):
    seen = text(page.body).replace("long " * 3, "")
    if page.language == "zh":
        assert re.findall(r"(?:[A-Za-z’'-]+ ){3,}[A-Za-z]+", seen) == []


@pytest.mark.parametrize("shown", ["closed", "body"])
def test_no_raw_name_and_no_slip_of_grammar_is_seen(page, shown):
    seen = text(getattr(page, shown).replace("</dt>", "; ")).replace("client.yaml", "")
    slips = (
        r"\b[a-z]+_[a-z_]+\b|\.\.|。。|\. \.|\b([A-Za-z]+) \1\b|\ba [aeio]\w+| ,|，，"
        r"|\b1 (customers|orders|days|months|buyers)\b"
    )
    found = [m.group(0) for m in re.finditer(slips, seen) if not m.group(0).startswith(("a one", "long"))]
    assert found == []


def test_the_bridge_shows_its_table_and_adds_up(page):
    table = page.table("13_bridge")
    shown = page.at(r'<li><span>[^<]*</span>.*?<span class="n">(.*?)</span></li>')
    if table is None or not shown:
        return
    amounts = table.set_index("part").amount
    assert amounts.drop("after").sum() == pytest.approx(amounts["after"], abs=0.005)
    told = [amount_of(one) for one in shown]
    assert sum(told[:-1], Decimal(0)) == told[-1]  # as printed, to the last digit
    named = [one for part, one in amounts.items() if one or part not in ("returned", "guests")]
    step = max(abs(amounts)) / 1000
    assert all(abs(float(seen) - one) <= max(step, 1) for seen, one in zip(told, named, strict=True))
    assert len({re.sub(r"[^a-z万亿]", "", one) for one in shown if amount_of(one)}) == 1  # one unit


def test_every_number_of_headline_and_lead_follows_from_the_bridge(page):
    table = page.table("13_bridge")
    if table is None or not page.at(r'<span class="n">(.*?)</span>'):
        return
    at = table.set_index("part")
    amount, people = at.amount, at.customers
    change, lost = amount["after"] - amount["before"], people["lost"] / max(people["before"], 1)
    sums = (amount["before"], amount["after"], amount.get("new", amount.get("new_or_returned")), -amount["lost"])
    shares = (abs(change) / amount["before"], lost, at.after["guests"] / amount["after"])
    counts = (people["before"], people["lost"], float(f"{round(lost * people['after']):.2g}"), table.months.iloc[0])
    # What stands in the bridge, too, is told as there: rounded to its step, so that its bars add up as printed.
    shown = map(amount_of, page.at(r'<li><span>[^<]*</span>.*?<span class="n">(.*?)</span></li>'))
    parts = {abs(float(one)) for one in shown}
    near = {short(part) for part in parts if any(abs(part - one) <= max(amount / 1000) for one in sums)}
    forms = {short(one) for one in sums} | near | {percent(one) for one in shares} | {number(one) for one in counts}
    (head,), (lead,) = page.at(r"<h1>(.*?)</h1>"), page.at(r'<p class="lead">(.*?)</p>')
    told = re.sub(r"[A-Z][a-z]{2} \d+, \d{4}|\d{4}年\d+月\d+日", "", f"{head} {lead}")
    numbers = re.findall(r"[¥$]?\d[\d,.]*(?:bn|[mk%亿万元美]+)?", told)
    assert [
        one
        for one in numbers
        if one.rstrip(".,") not in forms and not any(one.rstrip(".,") == f.rstrip("元美") for f in forms)
    ] == []
    assert numbers


def test_every_tile_shows_the_two_years_of_its_table(page):
    table = page.table("13_year")
    values = page.at(r'<dd class="v">(.*?)</dd>')
    if table is None:
        assert not values
        return
    forms = {
        form(one).replace("\u2060", "").replace("-", "−") for one in table.now for form in (short, number, percent)
    }
    assert 0 < len(values) <= 6
    assert [one for one in values if one not in forms] == []
    assert "2" not in values or 2 in set(table.now)


def test_a_decision_comes_with_its_list_and_its_amount(page):
    decided = content_of(page.run)["decisions"]
    assert len(decided) <= 5
    assert len(page.at(r'<span class="place".*?>(\d)</span>') or decided) == len(decided)
    for one in decided:
        assert one.finding.action
        assert one.finding.headline
        if one.listed:
            listed = pd.read_csv(page.run.folder / one.listed.file.replace(".xlsx", ".csv"))
            assert len(listed) == one.finding.listed == one.listed.customers
        if one.finding.money is not None:
            assert short(one.finding.money).replace("\u2060", "") in text(page.page_one)


def test_hostile_names_are_text_and_break_nothing(matrix):
    found = matrix("hostile", "en")
    assert "<script" not in found.html
    assert found.html.count("</style>") == 1 + found.html.count("<style type")
    assert "\u202e" not in found.html
    assert "long " * 50 not in found.html
    assert name_of(CLIENTS["hostile"].name) in text(found.html)
    assert "&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt; **Söhne** {x} long" in found.html
    assert not re.search(r"href=.http", found.html)
    workbook = openpyxl.load_workbook(found.run.folder / "report.xlsx")
    assert [cell.value for sheet in workbook for row in sheet for cell in row if cell.data_type == "f"] == []


@pytest.mark.parametrize("key", ["surveys", "closed"])
def test_the_same_data_twice_give_the_same_bytes(matrix, tmp_path, key):
    first = matrix(key, "en")
    again = runner.run(first.run.client.path, output=tmp_path / "again", language="en", chapters=CLIENTS[key].chapters)
    assert (again.folder / "index.html").read_bytes() == first.html.encode()
