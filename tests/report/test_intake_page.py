"""The account of the data as a page: its numbers add up, its states are right, and it is sound HTML."""

import json
import re

import pytest

from crmlib.chapters import chapter_files
from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.report.intake import write_intake
from crmlib.words import use
from tests.conftest import write_client
from tests.report.page import Page, problems

SETTINGS = """\
customer_ids: pseudonyms
max_set_aside: 0.9
tables:
  customers: {from: customers.csv}
  orders:
    - from: till.csv
      columns: {order_id: no, customer_id: who, ordered_at: day, amount: {product: [n, price]}}
      one_row_per: order_id
      adds_up: amount
      cancellations: {where: {no: "C*"}, match: [who], quantity: n}
      repairs: {negative_quantities: false}
    - {from: <shop>.csv}
  surveys: {from: surveys.csv}
"""
TABLES = {
    "customers": "customer_id,name\na,Anna Quisling\nb,Bo <script>alert(1)</script>\n",
    "till": "no,who,day,n,price\n1,a,2025-01-01,3,10\n1,a,2025-01-01,1,\nC1,a,2025-01-05,-1,10\nC2,b,2025-01-05,-1,9\n",
    "<shop>": 'order_id,ordered_at,amount\n7,2025-03-02," 1,200.25 "\n8,<b>never</b>,4\n9,,5\n7x,2025-02-02,6\n',
    "surveys": "response_id,answered_at,kind,score\n1,2025-01-03,nps,9\n2,2025-01-03,nps,12\n",
}


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request, tmp_path_factory):
    """The page, its JSON and the account."""
    folder = tmp_path_factory.mktemp("page")
    client = load_client(write_client(folder / "c", SETTINGS + f"language: {request.param}\n", **TABLES))
    use(client.language, client.currency)
    try:
        account = take_in(client, folder / "w").account
        write_intake(client, account, chapter_files(), folder)
    finally:
        use("en", "CNY")
    html = (folder / "intake.html").read_text(encoding="utf-8")
    return html, json.loads((folder / "intake.json").read_text(encoding="utf-8")), account


def cells(html: str, section: str, columns: int) -> list[list[str]]:
    """The rows of the tables of a section that have so many cells, as visible texts."""
    part = html.split(f'id="{section}"')[1].split("</section>")[0]
    bodies = "".join(re.findall(r"<tbody>(.*?)</tbody>", part, re.DOTALL))
    rows = [
        re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", bodies, re.DOTALL)
    ]
    return [[" ".join(Page(cell).words) for cell in row] for row in rows if len(row) == columns]


def language_of(html: str) -> str:
    return "zh" if '<html lang="zh' in html else "en"


def test_tables_are_called_by_their_names_and_a_day_is_not_said_twice(page):
    html, _, _ = page
    head = " ".join(Page(html.partition("<section")[0].partition("<header")[2]).words)
    assert head.count("2025") == 2
    bare = re.sub(r"<code>.*?</code>|<style.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)
    assert set(re.findall(r"\b[a-z]+_[a-z_]+\b", bare)) - {"negative_quantities"} <= {"one_row_per", "adds_up"}


def number(shown: str) -> float:
    return float(shown.replace(",", "").replace("−", "-") or 0)


def test_the_page_is_sound_and_runs_nothing_that_stood_in_the_data(page):
    html, _, _ = page
    assert problems(html) == []
    assert "<b>never" not in html
    assert "<script" not in html
    assert "Quisling" not in html


def test_what_was_read_adds_up_by_file_and_to_the_account(page):
    html, _, account = page
    rows = cells(html, "account", 7)
    assert len(rows) == 4
    for row in rows:
        read, accepted, repaired, quarantined = map(number, row[2:6])
        assert read == accepted + repaired + quarantined
    for place, key in ((2, "read"), (3, "accepted"), (4, "repaired"), (5, "quarantined"), (6, "rows")):
        assert sum(number(row[place]) for row in rows) == sum(one[key] for one in account["tables"].values()), key
    assert sum(number(row[2]) for row in rows) == 12


def test_sums_are_exact_and_add_up(page):
    html, _, account = page
    shown = {row[0]: list(map(number, row[1:])) for row in cells(html, "account", 4)}
    read, accepted, quarantined = shown[{"en": "Orders orders.amount", "zh": "订单 orders.amount"}[language_of(html)]]
    # 30 − 10 − 9 of the till and 1,200.25 + 4 + 5 + 6 of the shop
    assert read == 1226.25
    assert read == pytest.approx(accepted + quarantined)
    assert account["tables"]["orders"]["sums"]["amount"]["read"] == read


def test_reasons_are_listed_with_counts_that_make_up_the_quarantine(page):
    html, _, account = page
    told = sum(number(row[2]) for row in cells(html, "quarantine", 3) if "left empty" not in row[1])
    assert told == sum(one["quarantined"] for one in account["tables"].values())


def test_each_chapter_says_whether_it_can_run_and_why_not(page):
    html, written, _ = page
    files = chapter_files()
    rows = cells(html, "chapters", 3)
    assert len(rows) == len(files) == len(written["chapters"])
    states = {one["name"]: one for one in written["chapters"]}
    for name, one in states.items():
        assert one["state"] in ("can run", "runs thinner", "cannot run"), name
        assert ("why" in one) == (one["state"] == "cannot run"), name
        assert ("without" in one) == (one["state"] == "runs thinner"), name
    assert states["03_segmentation"]["state"] != "cannot run"
    assert states["08_nps"]["state"] != "cannot run"


def test_the_json_is_the_account_without_what_is_of_no_use_to_a_reader(page):
    _, written, account = page
    assert written["tables"] == account["tables"]
    assert written["quality"] == json.loads(json.dumps(account["quality"]))
    assert "fingerprint" not in written


def test_months_are_drawn_in_proportion_to_their_rows(page):
    html, written, _ = page
    months = written["quality"]["coverage"]["orders"]["months"]
    assert months == {"2025-01": 1, "2025-02": 1, "2025-03": 1}
    drawn = re.findall(r'height: ([\d.]+)%" title="(2025-\d\d): (\d)"', html)
    assert [(height, month) for height, month, _ in drawn if month != "2025-01"][:2] == [
        ("100.0", "2025-02"),
        ("100.0", "2025-03"),
    ]
