"""What goes with the page, read back: workbooks, the mail, what changed, many clients, logo and colour, paper."""

import datetime as dt
import io
import json
import re
import struct
import zipfile
import zlib
from types import SimpleNamespace

import mistune
import openpyxl
import pandas as pd
import pytest
from typer.testing import CliRunner

from crmlib import runner
from crmlib.cli import app
from crmlib.client import load_client
from crmlib.finding import Finding
from crmlib.problems import UnusableInput
from crmlib.report.brand import brand
from crmlib.report.briefing import CallList, Decision, Theme
from crmlib.report.changed import KeptDecision, KeptTile, Snapshot, changed, read_snapshot
from crmlib.report.forms.lists import write_lists
from crmlib.report.forms.mail import plain, write_mail
from crmlib.report.forms.portfolio import write_portfolio
from crmlib.report.forms.printed import browser, print_page
from crmlib.report.forms.tables import write_tables
from crmlib.report.forms.workbook import LONGEST_CELL, Sheet, sheet_names, write_workbook
from crmlib.report.story import Story
from crmlib.words import money, use
from tests.conftest import write_client
from tests.report.page import Page, problems
from tests.test_runner import write_chapter

HOSTILE = [
    "=HYPERLINK(\"http://x.example\",\"y\")", "+1+1", "-2", "@SUM(A1)", "\t=1", "<script>alert(1)</script>",
    "http://x.example", "a" * 40_000, "安娜 🙂", "\u202eabc",
]  # fmt: skip


@pytest.fixture(params=["en", "zh"])
def language(request):
    use(request.param, "CNY")
    yield request.param
    use("en", "CNY")


def finding(key="clv.leaving", **more):
    given = {"owner": "sales", "when": "week", "money": 1234.5, "kind": "profit", "evidence": "2 of 3.", "listed": 2}
    return Finding(key, f"News of {key}", "bad", certainty="Sure.", action="Call them.", **{**given, **more})


def content(language="en", **more):
    tile = {
        "label": "Sales", "value": "¥4.33m", "status": "good", "shape": "up", "word": "doubled", "note": "was ¥1.6m",
        "target": "",
    }  # fmt: skip
    table = {
        "kind": "table", "name": "t", "title": "Who stays: 2025/26", "reading": "Half.", "headings": ["Group", "Share"],
        "rows": [["=a", "50%"]], "sheet": {"units": ["text", "percent"], "cells": [["=a", 0.5]]},
    }  # fmt: skip
    old = {**table, "title": "Who stays: 2025/26", "rows": [["b", "49%"]]}
    del old["sheet"]
    listed = CallList("lists/04_leaving.xlsx", 2, 1, ({"n": 2, "number": 1},))
    made = [Decision(finding(), 1, "value", listed), Decision(finding("nps.ask", money=None, kind=""), 2, "service")]
    return {
        "client": "Acme", "language": language, "currency": "CNY", "as_of": dt.date(2025, 12, 31),
        "story": Story("Sales rose", "They rose by 5%.", "Mind the gap."), "tiles": [tile], "before": None,
        "bridge": {"title": "From 1 to 2", "bars": [
            {"label": "Before", "amount": 100.0},
            {"label": "New", "amount": 25.13}, {"label": "After", "amount": 125.13},
        ]},
        "revenue": pd.DataFrame(
            {"part": ["before", "new", "after"], "amount": [100.0, 25.127, 125.127], "error": [0.0, 0.0, 9.0]}
        ),
        "decisions": made, "themes": [Theme("value", tables=[table], folds=[(None, [old], [])])],
        "data": Theme("data"),
        "definitions": [("Value", [("CLV", "What a customer is worth")])], "owner": lambda role: f"team {role}",
        **more,
    }  # fmt: skip


def cells(sheet):
    return [[cell.value for cell in row] for row in sheet.iter_rows()]


# Workbooks


def test_hostile_texts_are_texts_and_never_formulas_or_links(tmp_path):
    write_workbook(tmp_path / "a.xlsx", [Sheet("A", ["=heading"], ["text"], [[text] for text in HOSTILE])])
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["A"]
    kept = list(sheet["A"])
    assert {cell.data_type for cell in kept} == {"s"}
    assert not any(cell.hyperlink for cell in kept)
    assert [cell.value for cell in kept[1:5]] == HOSTILE[:4]
    assert [cell.quotePrefix for cell in kept[:6]] == [True] * 6
    assert len(kept[1 + HOSTILE.index("a" * 40_000)].value) == LONGEST_CELL
    assert [cell.value for cell in kept[-2:]] == HOSTILE[-2:]
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        assert b"<f>" not in packed.read("xl/worksheets/sheet1.xml")


def test_the_same_data_give_the_same_bytes_at_another_time(tmp_path, monkeypatch):
    rows = [["a", 1.5, dt.date(2025, 1, 2)], ["b", None, None]]
    sheet = Sheet("A", ["Who", "Value", "Day"], ["text", "money", "day"], rows, "Title", "Reading")
    write_workbook(tmp_path / "a.xlsx", [sheet])
    monkeypatch.setattr("time.time", lambda: 2e9)
    monkeypatch.setattr("time.localtime", lambda *_: (2033, 5, 18, 3, 33, 20, 2, 138, 0))
    write_workbook(tmp_path / "b.xlsx", [sheet])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as packed:
        assert {one.date_time[0] for one in packed.infolist()} == {1980}


def test_names_of_sheets_are_what_a_workbook_allows_and_no_two_alike():
    names = sheet_names(["x" * 40, "X" * 40, "a/b[c]:*?\\", "'q'", "\x07", "History"])
    assert len({name.casefold() for name in names}) == len(names)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)


def test_the_workbook_holds_decisions_numbers_bridge_tables_and_definitions(language, tmp_path):
    write_tables(tmp_path / "r.xlsx", content(language))
    book = openpyxl.load_workbook(tmp_path / "r.xlsx")
    said = {"en": ["Decisions", "Numbers", "Where the change came from"], "zh": ["决定", "指标", "变化的来源"]}[
        language
    ]
    assert book.sheetnames[:3] == said
    assert book.sheetnames[3:5] == ["Who stays 2025 26", "Who stays 2025 26 (2)"]
    assert len(book.sheetnames) == 6
    first, second = cells(book.worksheets[0])[-2:]
    assert first[:5] == [1, "News of clv.leaving", "2 of 3.", "Call them.", "team sales"]
    assert (first[6], second[6], second[9]) == (1234.5, None, None)
    assert [row[1] for row in cells(book.worksheets[2])[-3:]] == [100.0, 25.13, 125.13]
    table = book["Who stays 2025 26"]
    assert cells(table)[-1] == ["=a", 0.5]
    assert table.cell(table.max_row, 2).number_format == "0%"
    assert cells(book["Who stays 2025 26 (2)"])[-1] == ["b", "49%"]
    assert cells(book.worksheets[-1])[-1] == ["Value", "CLV", "What a customer is worth"]
    assert all(sheet.freeze_panes for sheet in book.worksheets)


LIST = (
    "customer_id,value,last_order,contact,reason,hidden,arm\n"
    "'=cmd|1,1234.5,2025-03-04,email+sms,silent for long,1,treat\nNA,9,,no,'-minus,2,control\nP3,8,,unknown,,3,\n"
)


def test_a_list_is_a_workbook_in_words_beside_the_csv_for_systems(language, tmp_path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "04_leaving.csv").write_text(LIST, encoding="utf-8")
    client = SimpleNamespace(customer_ids="pseudonyms", currency="CNY")
    run = SimpleNamespace(
        folder=tmp_path, client=client, chapters=[SimpleNamespace(file=SimpleNamespace(name="04_clv"))]
    )
    assert [file.name for file in write_lists(run)] == ["04_leaving.xlsx"]
    sheet = openpyxl.load_workbook(tmp_path / "lists" / "04_leaving.xlsx").worksheets[0]
    head, first, second, third = cells(sheet)
    ways = {
        "en": ("e-mail, text message", "we may not contact them", "not recorded"),
        "zh": ("邮件、短信", "不得联系", "未记录"),
    }
    assert (
        head
        == {
            "en": [
                "Customer (pseudonym)",
                "In the test",
                "Why",
                "Gross profit expected in twelve months (CNY)",
                "Last order",
                "We may contact by",
            ],
            "zh": ["客户（假名）", "试验分组", "原因", "未来十二个月预计毛利（CNY）", "最近下单", "可用联系方式"],
        }[language]
    )
    arms = {"en": ("contact", "leave alone"), "zh": ("联系", "不联系")}[language]
    assert first == ["=cmd|1", arms[0], "silent for long", 1234.5, dt.datetime(2025, 3, 4), ways[language][0]]
    assert second == ["NA", arms[1], "-minus", 9, None, ways[language][1]]
    assert third == ["P3", None, None, 8, None, ways[language][2]]
    assert sheet["A2"].data_type == "s"
    assert sheet["D2"].number_format == "#,##0"
    assert sheet["E2"].number_format == "yyyy-mm-dd"
    assert sheet.freeze_panes == "B2"
    assert sheet.column_dimensions["C"].width > len("silent for long")
    assert (tmp_path / "lists" / "04_leaving.csv").read_text(encoding="utf-8") == LIST


# The mail

MARKUP = [
    "*Best* shop", "[shop](http://x.example)", "<script>alert(1)</script>", "1. First", "# Head", "- bullet", "a_b_c",
    "`code`", "see www.x.example", "a@b.example", "&lt;b&gt; &copy;", "> quote", "two\n\n# lines", "~~gone~~", "a | b",
    "---", "![x](y)", "back\\slash",
]  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_names_in_a_mail_are_text_whatever_they_hold(text):
    read = mistune.create_markdown(escape=True, plugins=["strikethrough", "table", "url"])(plain(text))
    assert {tag for tag, _ in Page(read).tags} <= {"p"}
    assert Page(read).text == " ".join(text.split())


def test_the_mail_says_headline_lead_caveat_numbers_and_decisions(language, tmp_path):
    write_mail(tmp_path / "summary.md", content(language))
    lines = (tmp_path / "summary.md").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# Sales rose"
    assert "They rose by 5%." in lines
    assert any(line.endswith(" Mind the gap.") and line.startswith("**") for line in lines)
    tiles = [line for line in lines if line.startswith("- ")]
    assert len(tiles) == 1
    assert "▲ Sales" in tiles[0]
    assert "¥4.33m" in tiles[0]
    at = lines.index("1. **News of clv.leaving**  ")
    assert lines[at + 1].strip() == "2 of 3."
    assert "Call them." in lines[at + 2]
    who = {"en": "team sales, this week, ¥1,234 gross profit a year.", "zh": "team sales，本周，1,234元 年毛利。"}[
        language
    ]
    assert lines[at + 3].strip() == f"{who}  ".strip()
    link = {
        "en": "[list of 2](lists/04_leaving.xlsx): 1 may be contacted, 2 also on list 1",
        "zh": "[2人名单](lists/04_leaving.xlsx)：1人可联系、2人也在名单1",
    }[language]
    assert lines[at + 4].strip() == link
    assert "2. **News of nps.ask**  " in lines
    assert {"en": "not in money", "zh": "无法折算"}[language] in lines[at + 8]
    assert {"en": "## Two decisions", "zh": "## 两项决定"}[language] in lines


# What changed


def snapshot(**more):
    kept = {
        "client": "Test", "language": "en", "currency": "CNY", "as_of": dt.date(2025, 6, 30), "headline": "Sales fell",
        "chapters": ("clv", "nps"), "tiles": (KeptTile(label="Sales", value="¥2m", status="bad", word="fell"),),
        "decisions": (
            KeptDecision(key="clv.leaving", headline="A", money=9000.0, kind="profit", plays=("win_back",)),
            KeptDecision(key="nps.ask", headline="B"),
            KeptDecision(key="clv.gone", headline="C"), KeptDecision(key="service.late", headline="D"),
        ),
    }  # fmt: skip
    return Snapshot(**{**kept, **more})


def told(before, decisions, *, chapters=("clv", "nps"), language="en", actions=None):
    tile = {"label": "Sales", "value": "¥3m", "status": "good", "word": "rose"}
    return dict(changed(before, decisions, [tile], chapters=chapters, language=language, actions=actions)["groups"])


def decided(*findings):
    return [Decision(one, number, "value") for number, one in enumerate(findings, 1)]


def actions(*rows):
    import ibis

    frame = pd.DataFrame(rows, columns=["play", "customer_id", "arm", "assigned_at"])
    return ibis.memtable(frame.assign(assigned_at=pd.to_datetime(frame.assigned_at)))


def test_decisions_are_new_open_or_gone_and_numbers_turn():
    use("en", "CNY")
    groups = told(snapshot(), decided(finding(), finding("clv.fresh"), finding("retention.a")))
    assert groups == {
        "New decisions": ["News of clv.fresh"],  # retention did not run then, so that nothing of it is new
        "Still open": ["News of clv.leaving (then ¥9,000)"],
        "No longer among the decisions": ["B", "C"],  # service did not run now: D is not gone
        "Numbers that turned": ["Sales: rose, ¥3m (then fell, ¥2m)"],
    }
    assert changed(None, [], [], chapters=[], language="en") is None


def test_a_decision_is_taken_up_when_customers_got_an_action_of_its_plays_since():
    use("en", "CNY")
    late, early = "2025-07-01 09:00", "2025-06-30 23:00"
    done = actions(
        ("win_back_half_price", "a", "treat", late), ("win_back", "a", "treat", late), ("win_back", "b", "treat", late),
        ("win_back", "c", "control", late), ("win_backwards", "d", "treat", late), ("win_back", "e", "treat", early),
    )  # fmt: skip
    groups = told(snapshot(), decided(finding()), actions=done)
    assert groups["Taken up"] == ["News of clv.leaving (2 customers since)"]
    assert "Still open" not in groups
    before = actions(("win_back", "e", "treat", early), ("win_back", "c", "control", late))
    assert "Taken up" not in told(snapshot(), decided(finding()), actions=before)


def test_what_changed_speaks_the_language_of_the_page(language):
    groups = told(snapshot(language=language), decided(finding()), language=language)
    assert ("仍待决定" in groups) == (language == "zh")
    assert len(groups) == 3
    other = {"en": "zh", "zh": "en"}[language]
    assert len(told(snapshot(language=other), decided(finding()), language=language)) == 2  # numbers have other names


DECIDING = """import pandas as pd
from crmlib import begin
from crmlib.finding import Finding
chapter = begin("01_good", client, run)
total = float(chapter.table("orders").amount.sum().to_pandas())
people = pd.DataFrame({"customer_id": ["a", "=b"], "value": [5.0, 9.0], "reason": ["silent", "+late"]})
chapter.conclude(Finding("good.total", f"Total {total}", "bad", certainty="sure", action="go", money=total,
                         kind="sales", owner="sales", when="week", plays=("call",), customers=people))
"""


def test_a_later_run_tells_what_changed_and_running_again_keeps_the_earlier_one(tmp_path):
    write_chapter(tmp_path / "notebooks", "01_good", DECIDING)
    orders = "order_id,customer_id,ordered_at,amount\n1,a,2025-01-02,5\n2,b,2025-02-03,7\n3,c,2025-03-10,8\n"
    acts = "action_id,play,customer_id,arm,assigned_at,due_at\n1,call,a,treat,2025-02-01 09:00,2025-02-02 09:00\n"

    def run(as_of, **more):
        file = write_client(tmp_path / "client", f"as_of: {as_of}\n", orders=orders, actions=acts)
        return runner.run(file, output=tmp_path / "out", notebooks=tmp_path / "notebooks", **more)

    assert run("2025-01-31").headline
    out = tmp_path / "out"
    assert 'id="changed"' not in (out / "index.html").read_text(encoding="utf-8")
    sheet = openpyxl.load_workbook(out / "lists" / "01_total.xlsx").worksheets[0]
    assert [row[:3] for row in cells(sheet)[1:]] == [["=b", "+late", 9], ["a", "silent", 5]]
    january = read_snapshot(out)
    for _ in range(2):
        run("2025-02-28")
        page = (out / "index.html").read_text(encoding="utf-8")
        assert problems(page) == []
        part = Page(page.split('id="changed"')[1].split("</section>")[0]).text
        assert "since Jan 31, 2025" in part
        assert "Taken up Total 12.0 (1 customer since)" in part
        assert read_snapshot(out).before == january
    names = set(json.loads((out / "manifest.json").read_text())["files"])
    assert {"lists/01_total.csv", "lists/01_total.xlsx", "report.xlsx", "summary.md", "briefing.json"} <= names
    with pytest.raises(UnusableInput, match=r"no briefing\.json"):
        run("2025-02-28", since=tmp_path)
    with pytest.raises(UnusableInput, match="a briefing as of Feb 28, 2025"):
        run("2025-02-28", since=out)


# Many clients


def test_the_portfolio_lists_clients_the_one_that_fell_most_first(language, tmp_path):
    for name, more in {
        "a": {"client": "Rose <b>", "sales": 200.0, "sales_before": 100.0},
        "b c": {"client": "Fell", "sales": 5e6, "sales_before": 1e7, "currency": "USD", "language": "zh"},
        "d": {"client": "Silent"},
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "briefing.json").write_text(snapshot(**more).model_dump_json(), encoding="utf-8")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "briefing.json").write_text("{", encoding="utf-8")
    written, damaged = write_portfolio(tmp_path, language)
    html = written.read_text(encoding="utf-8")
    assert len(damaged) == 1
    links = [attributes["href"] for tag, attributes in Page(html).tags if tag == "a"]
    assert links == ["b%20c/index.html", "a/index.html", "d/index.html"]
    said = Page(html).text.replace("\N{WORD JOINER}", "")  # the sign stays with its number
    assert ("$5.00m" if language == "en" else "500.0万美元") in said
    assert "−50%" in said
    assert "+100%" in said
    assert "Rose <b>" in said
    assert "<b>" not in html.split("<tbody>")[1]
    assert f'<html lang="{"zh-Hans" if language == "zh" else "en"}">' in html
    assert 'lang="zh-Hans">Sales fell' in html


@pytest.mark.parametrize(("other", "sign"), [("CNY", "¥"), ("JPY", "CN¥"), ("USD", "CN¥")])
def test_only_where_currencies_meet_the_yuan_is_told_from_the_yen(other, sign, tmp_path):
    for name, currency in (("a", "CNY"), ("b", other)):
        (tmp_path / name).mkdir()
        kept = snapshot(client=name, sales=2e6, sales_before=1e6, currency=currency)
        (tmp_path / name / "briefing.json").write_text(kept.model_dump_json(), encoding="utf-8")
    page = Page(write_portfolio(tmp_path, "en")[0].read_text(encoding="utf-8")).text
    assert re.findall(r"(\S*¥)2\.00m", page) == {"CNY": ["¥", "¥"], "JPY": ["CN¥", "¥"], "USD": ["CN¥"]}[other]
    assert money(5) == "$5"
    assert sign in page


def test_a_folder_without_runs_is_a_problem_and_ends_with_two(tmp_path):
    asked = CliRunner().invoke(app, ["portfolio", str(tmp_path)])
    assert asked.exit_code == 2
    assert "no run with a briefing.json" in asked.stderr


# Logo and colour


def png(size=0):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"\0" * size)


def test_logo_and_colour_stand_on_the_page_as_they_can_be_read(tmp_path):
    file = write_client(tmp_path, "logo: logo.png\ncolour: '#7A1F5A'\n", orders="")
    (tmp_path / "logo.png").write_bytes(png())
    worn = brand(load_client(file))
    assert worn.logo.startswith("data:image/png;base64,iVBOR")
    assert worn.style.count("#7a1f5a") == 1  # too dark for a dark page
    (tmp_path / "client.yaml").write_text(file.read_text().replace("7A1F5A", "767676"))
    assert brand(load_client(file)).style.count("#767676") in (1, 2)


@pytest.mark.parametrize(
    ("settings", "content", "said"),
    [
        ("colour: '#ffdd00'", b"", "its contrast is 1.3, and it takes 4.5"),
        ("colour: red", b"", "six hexadecimal digits"),
        ("colour: '#fff;}*{x:url(//e)}'", b"", "six hexadecimal digits"),
        ("logo: logo.svg", b"<svg onload='alert(1)'/>", "a PNG or JPEG picture"),
        ("logo: logo.svg", png(200_000), "at most 200 kB; this one has 201 kB"),
        ("logo: none.png", b"", "a picture file, relative to the YAML"),
    ],
)
def test_a_logo_or_colour_that_cannot_be_used_is_a_problem(settings, content, said, tmp_path):
    use("en", "CNY")
    (tmp_path / "logo.svg").write_bytes(content)
    with pytest.raises(UnusableInput) as refused:
        load_client(write_client(tmp_path, settings + "\n", orders=""))
    assert said in str(refused.value)


# Paper


def test_without_a_browser_a_sentence_says_what_to_install(language, tmp_path, monkeypatch):
    monkeypatch.setenv("CRMLIB_BROWSER", "no-such-browser")
    (tmp_path / "report.pdf").write_bytes(b"old")
    said = print_page(tmp_path / "index.html", tmp_path / "report.pdf")
    assert "Chromium" in said
    assert "report.pdf" in said


def test_a_browser_that_fails_fails_no_run_and_leaves_no_old_paper(tmp_path, monkeypatch):
    use("en", "CNY")
    monkeypatch.setenv("CRMLIB_BROWSER", "false")
    (tmp_path / "report.pdf").write_bytes(b"old")
    assert "code 1" in print_page(tmp_path / "index.html", tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()


@pytest.mark.skipif(not browser(), reason="no browser that prints")
def test_the_page_is_printed_on_a4(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<style>@page { size: A4 }</style><p>Hello", encoding="utf-8")
    assert print_page(page, tmp_path / "report.pdf") == ""
    printed = (tmp_path / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF-")
    assert b"594.95" in printed or b"595" in printed
    assert io.BytesIO(printed).read(4) == b"%PDF"
