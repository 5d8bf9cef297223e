"""Further inputs of the reported kinds, as other systems and people write them, with the values that are right."""

import datetime as dt

import openpyxl
import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.intake.proposal import propose
from crmlib.problems import UnusableInput
from tests.conftest import write_client

ORDERS = """\
name: Other
currency: EUR
timezone: Europe/Berlin
customer_ids: as they are
tables: {{orders: {{from: o.csv, columns: {{order_id: o, customer_id: c, ordered_at: t, amount: a{more}}}}}}}
"""


def mapped(folder, text, more=""):
    """The orders of a file with the headings o, c, t and a, and their account."""
    client = write_client(folder, ORDERS.format(more=more))
    (folder / "o.csv").write_text(text, encoding="utf-8")
    made = take_in(load_client(client), folder / "workspace")
    return made.table("orders").to_pandas().sort_values("order_id"), made.account["tables"]["orders"]


def proposed(folder, file, text, encoding="utf-8"):
    """What is proposed for a file, and its tables and accounts as they come out of that."""
    exports = folder / "exports"
    exports.mkdir(parents=True)
    (exports / file).write_text(text, encoding=encoding)
    found = propose(folder / "client", [str(exports / file)], currency="EUR", timezone="Europe/Berlin")
    settings = found.text.replace("\ntables:", "\ncustomer_ids: as they are\n\ntables:", 1)
    try:
        made = take_in(load_client(write_client(folder / "client", settings)), folder / "workspace")
    except UnusableInput as refused:
        return found, refused.problems, {}
    return found, made, made.account["tables"]


# What stands before the fraction


@pytest.mark.parametrize(
    ("rows", "more", "right"),
    [
        ("o;c;t;a;postage\n1;x;2024-03-05;1.000;4,90\n2;x;2024-03-06;2.500;3,50\n", "", [1000, 2500]),
        ("o;c;t;a;d\n1;x;2024-03-05;1,000;4.90\n2;x;2024-03-06;2,500;3.50\n", ", discount: d", [1000, 2500]),
        ("o;c;t;a;note\n1;x;2024-03-05;1.250;12,5 kg\n2;x;2024-03-06;0.375;3,5 kg\n", "", [1.25, 0.375]),
    ],
    ids=["a column that is not read tells", "a clean column tells", "a column of other things does not tell"],
)
def test_other_columns_tell_what_stands_before_the_fraction(tmp_path, rows, more, right):
    assert mapped(tmp_path, rows, more)[0].amount.tolist() == right


def test_where_other_columns_differ_the_sign_before_the_fraction_is_asked(tmp_path):
    rows = "o;c;t;a;d;k\n1;x;2024-03-05;1.000;4,90;3.25\n2;x;2024-03-06;2.500;3,50;7.75\n"
    with pytest.raises(UnusableInput, match=r"may part thousands.*add decimal"):
        mapped(tmp_path, rows, ", discount: d, cost: k")


def test_whole_sums_and_dates_are_read_as_they_are_written_elsewhere(tmp_path):
    rows = 'o,c,t,a\n1,x,05 . 03 . 2024,"Rs. 1,23,456.00"\n2,x,26/03/2024 14h30,₹ 999/-\n3,x,27. 3. 2024,"12,500/-"\n'
    found, _ = mapped(tmp_path, rows)
    assert found.amount.tolist() == [123456, 999, 12500]
    assert found.ordered_at.tolist() == [
        dt.datetime(2024, 3, 5),
        dt.datetime(2024, 3, 26, 14, 30),
        dt.datetime(2024, 3, 27),
    ]


# A sum that is merged over several rows


def test_a_sum_merged_over_rows_that_are_added_up_counts_once(tmp_path):
    client = write_client(
        tmp_path,
        ORDERS.format(more="").replace("o.csv", "o.xlsx").replace("a}}", "a}, one_row_per: order_id, adds_up: amount}"),
    )
    book = openpyxl.Workbook()
    for row in (
        ["o", "c", "t", "a"],
        [1, "x", "2024-03-05", 10],
        [1, "x", "2024-03-05", None],
        [2, "y", "2024-03-06", 7],
    ):
        book.active.append(row)
    book.active.merge_cells("D2:D3")
    book.save(tmp_path / "o.xlsx")
    made = take_in(load_client(client), tmp_path / "workspace")
    assert made.table("orders").to_pandas().sort_values("order_id").amount.tolist() == [10, 7]
    assert made.account["tables"]["orders"]["quarantined"] == 0


# Answers


def answers(heading, values):
    rows = [f"{n},c{n},2025-01-{n % 28 + 1:02d},{value}" for n, value in enumerate(values * 5)]
    return "\n".join([f"Response ID,Customer ID,Submitted at,{heading}", *rows])


@pytest.mark.parametrize(
    ("heading", "values", "kind", "right"),
    [
        ("NPS评分", ["10分", "9分", "0分", "7分"], "nps", [10, 9, 0, 7]),
        ("Recommend score", ["9/10", "10/10", "3/10", "0/10"], "nps", [9, 10, 3, 0]),
        ("NPS score", ["10 - Très probable", "9", "0 - Pas du tout", "7"], "nps", [10, 9, 0, 7]),
        ("Rating", ["★★★★★", "★★★☆☆", "★☆☆☆☆", "★★☆☆☆"], "csat", [5, 3, 1, 2]),
    ],
)
def test_answers_are_proposed_as_they_are_written(tmp_path, heading, values, kind, right):
    _, made, accounts = proposed(tmp_path, "answers.csv", answers(heading, values))
    found = made.table("surveys").to_pandas().sort_values("response_id", key=lambda ids: ids.astype(int))
    assert list(accounts) == ["surveys"]
    assert found.kind.unique().tolist() == [kind]
    assert found.score.tolist() == right * 5


@pytest.mark.parametrize(
    ("heading", "values", "said"),
    [
        ("How likely are you to recommend us? (0-100)", [100, 90, 30, 55], "states another scale"),
        ("NPS", [-100, 100, 0, 50], "to 100, and nps from 0 to 10"),
        ("您有多大可能向朋友推荐我们?", ["5分", "4分", "1分", "3分"], "go up to 5 only"),
        ('"Satisfaction (1 = very satisfied, 5 = very dissatisfied)"', [1, 2, 5, 3], "1 is the best answer"),
        ("满意度（1=非常满意）", [1, 2, 5, 3], "1 is the best answer"),
    ],
)
def test_answers_off_the_scale_are_asked_and_not_counted(tmp_path, heading, values, said):
    _, made, accounts = proposed(tmp_path, "answers.csv", answers(heading, values))
    assert said in str(accounts["surveys"]["questions"][0])
    assert made.table("surveys").to_pandas().score.isna().all()


def test_records_with_a_number_of_their_own_are_no_customers(tmp_path):
    found, wrong, _ = proposed(tmp_path, "nps.csv", answers("Group", ["Promoter", "Passive", "Detractor"]))
    assert [one.table for one in found.suggested if not one.off] == ["surveys"]
    assert "tables.surveys.columns.kind: 'FILL IN'" in str(wrong[0])


# Orders and their lines


def lines(headings, row):
    return "\n".join([headings, *(row(bon, line) for bon in range(1, 21) for line in range(1, 2 + bon % 3))])


LINES = {
    "tickets.txt": (
        "Ticket No|Loyalty Card|Sold On|Article|Pcs|List Price|Line Total",
        lambda b, n: f"T{b:04d}|L{b % 6}|2024/0{1 + b % 9}/1{b % 9} 10:00|A{n}|{n}|{n * 5}.00|{n * n * 5}.00",
        lambda n: n * n * 5,
    ),
    "订单导出.csv": (
        "主单号,子单号,宝贝标题,购买数量,子单实付,买家ID,付款时间",
        lambda b, n: f"{8800 + b},{9000 + 10 * b + n},宝贝{n},{n},{n * 3.5},u{b % 5},2024/{1 + b % 9}/1{b % 9} 10:00",
        lambda n: n * 3.5,
    ),
    "umsaetze.csv": (
        "Bon;Kunde;Artikel;Menge;Umsatz;Rabatt;Verkaufsdatum",
        lambda b, n: f"{b};K{b % 5};A{n};{n};{n * 3},50;0,{(b + n) % 3};1{b % 9}.0{1 + b % 9}.2024",
        lambda n: n * 3 + 0.5,
    ),
}


@pytest.mark.parametrize("file", LINES)
def test_lines_become_orders_without_losing_a_row_or_a_cent(tmp_path, file):
    headings, row, amount = LINES[file]
    _, made, accounts = proposed(tmp_path, file, lines(headings, row))
    found = made.table("orders").to_pandas()
    assert accounts["orders"]["quarantined"] == 0
    assert len(found) == 20
    assert found.amount.sum() == pytest.approx(sum(amount(n) for b in range(1, 21) for n in range(1, 2 + b % 3)))


# Customers that are none


def test_orders_of_guests_only_run_as_they_are_proposed(tmp_path):
    rows = "".join(f"{n},{'guest' if n % 2 else ''},2024-03-{n:02d},{20 + n}\n" for n in range(1, 29))
    _, made, accounts = proposed(tmp_path, "orders.csv", f"order_id,customer_id,ordered_at,amount\n{rows}")
    assert made.table("orders").to_pandas().amount.sum() == sum(20 + n for n in range(1, 29))
    assert accounts["customers"]["rows"] == 0


def test_masked_addresses_of_buyers_are_asked_about(tmp_path):
    rows = "".join(f"B{n},{'abc'[n % 3]}***@example.com,2024-03-{n:02d},{20 + n}\n" for n in range(1, 29))
    found, *_ = proposed(tmp_path, "orders.csv", f"Order ID,Buyer Email,Order Date,Total\n{rows}")
    assert any("'Buyer Email' are masked" in one for one in found.decisions)


# Remedies that help


def test_refunds_with_a_minus_are_counted_and_put_back_with_the_right_sign(tmp_path):
    rows = "".join(f"T{n},b{n % 7},2024-03-{n:02d},{50 + n},{-(50 + n) if n % 6 == 0 else 0}\n" for n in range(1, 29))
    found, *_ = proposed(tmp_path, "transactions.csv", f"Transaction,Buyer,When,Gross,Refund\n{rows}")
    asked = next(one for one in found.decisions if "before or after" in one)
    assert "in 4 rows with a refund" in asked
    assert "{difference: ['Gross', 'Refund']}" in asked


def test_the_remedy_for_rows_that_cannot_be_used_is_no_new_export(tmp_path):
    rows = "o,c,t,a,s\n1,x,2024-03-05,10,wibble\n2,x,2024-03-06,20,wibble\n"
    with pytest.raises(UnusableInput, match=r"what each value stands for under values"):
        mapped(tmp_path, rows, ", status: s")


@pytest.mark.parametrize("file", ["o.csv", "o.xlsx"])
def test_titles_and_totals_stand_whole_among_what_is_left_out(tmp_path, file):
    rows = [["Report 2024"], ["o", "c", "t", "a"], ["1", "x", "2024-03-05", 1], ["Total", "", "", 1]]
    client = write_client(tmp_path, ORDERS.format(more="").replace("o.csv", file))
    if file == "o.csv":
        (tmp_path / file).write_text("".join(f"{','.join(map(str, row))}\n" for row in rows), encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / file)
    account = take_in(load_client(client), tmp_path / "workspace").account["tables"]["orders"]
    left = (tmp_path / "quarantine" / "left_out" / f"{file}.csv".replace(".csv.csv", ".csv")).read_text("utf-8-sig")
    assert (account["rows"], account["quarantined"]) == (1, 2)
    assert "Report 2024" in left
    assert any(line.startswith("4,") and "Total" in line and ",1" in line for line in left.splitlines())
