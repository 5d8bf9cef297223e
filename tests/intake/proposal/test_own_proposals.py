"""Files of no known system: which columns and tables are proposed, and what is asked instead of guessed."""

import io

import pytest
import yaml

from crmlib.contract import TABLES
from crmlib.intake.proposal.headings import likeness, names_of
from crmlib.problems import UnusableInput

from .conftest import day, filled, rows, sources


def test_every_name_in_the_dictionary_leads_to_its_own_column():
    for name, table in TABLES.items():
        for column in table.names:
            for known in names_of(name).sure[column]:
                assert likeness(known, name, column).score == 100, (name, column, known)


@pytest.mark.parametrize(
    ("heading", "table", "column"),
    [
        ("Ship Date", "orders", "ordered_at"),
        ("Order ID 2", "orders", "ordered_at"),
        ("Shipping status", "orders", "store"),
        ("发货时间", "orders", "ordered_at"),
        ("商品数量单位", "order_lines", "quantity"),
    ],
)
def test_a_heading_of_something_else_is_not_taken(heading, table, column):
    assert likeness(heading, table, column).score == 0


def test_a_chinese_file_of_unknown_layout_gives_orders_lines_and_customers(propose_for, taken_in):
    states = ["已完成", "已取消", "待付款", "已退款", "冻结"]
    text = rows(
        "订单编号,下单时间,会员编号,收货人姓名,手机号码,货号,商品名称,数量,单价（元）,小计,订单状态,省份",
        60,
        lambda n: (
            f"D{n // 2},{day(n)} 10:00:00,V{n // 2 % 7},王小明,1380000{n:04d},SKU{n % 5:03d},面霜,{n % 3 + 1},50.5,"
            f"{(n % 3 + 1) * 50.5},{states[n // 2 % 5]},浙江"
        ),
    )
    file, proposal = propose_for({"流水.csv": text.encode("gb18030")}, currency="", timezone="")
    assert filled(proposal, "orders") == {
        "order_id": "订单编号",
        "customer_id": "会员编号",
        "ordered_at": "下单时间",
        "amount": "小计",
        "status": "订单状态",
    }
    assert filled(proposal, "order_lines")["unit_price"] == "单价（元）"
    assert filled(proposal, "customers") == {
        "customer_id": "会员编号",
        "region": "省份",
        "name": "收货人姓名",
        "phone": "手机号码",
    }
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert (written["currency"], written["timezone"]) == ("CNY", "Asia/Shanghai")
    assert written["tables"]["orders"]["values"]["status"] == {
        "已完成": "paid",
        "已取消": "cancelled",
        "待付款": "open",
        "已退款": "refunded",
    }
    assert [said for said in proposal.decisions if "冻结" in said] == [
        "orders.status from 流水.csv: say what '冻结' means (paid, cancelled, refunded, open). Until then these rows "
        "are set aside."
    ]
    account = taken_in(file)
    assert account["orders"]["reasons"] == {"status is not one of paid, cancelled, refunded, open": 12}
    assert account["orders"]["rows"] == 24
    assert account["order_lines"]["sums"]["amount"]["read"] == pytest.approx(60 * 2 * 50.5)
    assert account["customers"]["rows"] == 7


def test_two_columns_that_fit_are_asked_about_and_neither_is_taken(propose_for, taken_in):
    text = rows(
        "Order No,Created,Paid on,Customer ID,Total,Amount",
        40,
        lambda n: f"{1000 + n},{day(n)},{day(n + 1)},C{n % 9},{n + 10}.50,{n + 12}.50",
    )
    file, proposal = propose_for({"orders.csv": text})
    assert filled(proposal, "orders") == {
        "order_id": "Order No",
        "customer_id": "Customer ID",
        "ordered_at": "FILL IN",
        "amount": "FILL IN",
    }
    assert sources(proposal, "orders")[0].open_columns == ("ordered_at", "amount")
    written = file.read_text(encoding="utf-8")
    for line in ("# ordered_at: Created ", "# ordered_at: Paid on ", "# amount: Total ", "# amount: Amount "):
        assert line in written
    with pytest.raises(UnusableInput) as unusable:
        taken_in(file)
    lines = written.splitlines()
    assert [(problem.place, problem.expected) for problem in unusable.value.problems] == [
        (f"line {lines.index(line) + 1}, column 7", f"the heading in ../exports/orders.csv that says {about}")
        for line in lines
        for column, about in (("ordered_at", "when the customer ordered"), ("amount", TABLES["orders"].about("amount")))
        if line.startswith(f"      {column}: FILL IN")
    ]
    decided = written.replace("ordered_at: FILL IN", "ordered_at: Created").replace("FILL IN", "Total")
    file.write_text(decided, encoding="utf-8")
    assert taken_in(file)["orders"]["sums"]["amount"]["accepted"] == sum(n + 10.5 for n in range(40))


def test_the_column_that_is_clearly_better_is_taken_without_asking(propose_for):
    text = rows("Order No,Order Date,Paid on,Total", 9, lambda n: f"{n},{day(n)},{day(n + 3)},{n}.5")
    _, proposal = propose_for({"orders.csv": text})
    assert filled(proposal, "orders")["ordered_at"] == "Order Date"
    assert [said for said in proposal.decisions if not said.startswith("margin: ")] == []


def test_split_files_become_one_glob(propose_for, taken_in):
    files = {
        f"orders_{part:03d}.csv": rows(
            "Order No,Order Date,Customer ID,Total (EUR)",
            40,
            lambda n, p=part: f"{p}-{n},{n % 28 + 1}/{p}/2025,C{n % 9},{n}.50",
        )
        for part in (1, 2, 3)
    }
    file, _ = propose_for(files, currency="")
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written["tables"]["orders"]["from"] == "../exports/orders_*.csv"
    assert written["tables"]["orders"]["dates"] == "day first"
    assert written["currency"] == "EUR"
    account = taken_in(file)["orders"]
    assert (account["rows"], len(account["files"])) == (120, 3)


def test_files_that_no_glob_can_tell_from_others_are_listed(propose_for, taken_in):
    part = "Order No,Order Date,Total\n{0}1,2025-01-01,3\n{0}2,2025-01-02,4\n"
    other = "Customer ID,Full name,City\nK1,Ann Lee,Bonn\nK2,Bob Ray,Kiel\n"
    file, _ = propose_for({"1.csv": part.format("a"), "2.csv": part.format("b"), "3.csv": other})
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert [one["from"] for one in written["tables"]["orders"]] == ["../exports/1.csv", "../exports/2.csv"]
    assert taken_in(file)["orders"]["rows"] == 4


def test_dates_without_a_number_above_twelve_are_asked_about(propose_for):
    text = rows("Order No,Order Date,Total", 12, lambda n: f"{n},0{n % 9 + 1}/05/2025,{n}.5")
    file, proposal = propose_for({"orders.csv": text})
    assert any("day and month cannot be told apart" in said for said in proposal.decisions)
    assert "# dates: day first" in file.read_text(encoding="utf-8")


def test_a_workbook_with_two_tables_gives_one_source_per_sheet(propose_for, taken_in):
    import datetime as dt

    from openpyxl import Workbook

    book = Workbook()
    orders = book.active
    orders.title = "Orders"
    orders.append(["Order ID", "Order Date", "Client No", "Order total", "State"])
    for n in range(30):
        orders.append([n + 1, dt.datetime(2025, 1, n % 28 + 1, 10), f"K{n % 7}", n + 9.5, ["Paid", "Canceled"][n % 2]])
    clients = book.create_sheet("Clients")
    clients.append(["Client No", "Full name", "E-mail", "Mobile", "City", "Joined"])
    for n in range(7):
        clients.append(
            [f"K{n}", "Anna Beispiel", f"a{n}@example.com", f"+49 170 00000{n}", "Bonn", dt.date(2024, 1, n + 1)]
        )
    content = io.BytesIO()
    book.save(content)
    file, proposal = propose_for({"crm.xlsx": content.getvalue()})
    assert sources(proposal, "orders")[0].export.sheet == "Orders"
    assert sources(proposal, "customers")[0].export.sheet == "Clients"
    assert len(sources(proposal, "customers")) == 1
    account = taken_in(file)
    assert (account["orders"]["rows"], account["customers"]["rows"]) == (30, 7)
    assert account["orders"]["of_unknown_customers"] == 0


def test_the_total_of_an_order_that_stands_on_every_line_is_not_added_up(propose_for, taken_in):
    text = rows(
        "Order No,Order Date,SKU,Qty,Unit price,Order total",
        40,
        lambda n: f"{n // 2},{day(n // 2)},S{n % 4},2,5.5,22",
    )
    file, proposal = propose_for({"export.csv": text})
    assert filled(proposal, "orders")["amount"] == "Order total"
    assert filled(proposal, "order_lines")["amount"] == {"product": ["Qty", "Unit price"]}
    account = taken_in(file)
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert "adds_up" not in written["tables"]["orders"]
    assert account["orders"]["rows"] == 20
    assert account["order_lines"]["sums"]["amount"]["read"] == 440


def test_money_that_differs_between_the_lines_of_an_order_is_added_up(propose_for, taken_in):
    text = rows(
        "Order No,Order Date,SKU,Qty,Line total,Discount",
        40,
        lambda n: f"{n // 2},{day(n // 2)},S{n % 4},2,{10 + n}.5,{n % 3}",
    )
    file, _ = propose_for({"export.csv": text})
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written["tables"]["orders"]["adds_up"] == ["amount", "discount"]
    assert written["tables"]["orders"]["columns"]["amount"] == "Line total"
    assert taken_in(file)["orders"]["sums"]["discount"]["accepted"] == sum(n % 3 for n in range(40))


def test_the_channel_of_an_order_is_not_the_channel_that_won_the_customer(propose_for, taken_in):
    text = rows(
        "order_id,ordered_at,customer_id,amount,channel,city", 12, lambda n: f"{n},{day(n)},K{n % 4},{n}.5,web,Bonn"
    )
    file, _ = propose_for({"orders.csv": text})
    account = taken_in(file)
    assert "channel" in account["orders"]["columns"]
    assert sorted(account["customers"]["columns"]) == ["city", "customer_id"]


def test_each_question_of_a_survey_becomes_a_source(propose_for, taken_in):
    text = rows(
        "Respondent ID,Date submitted,Customer ID,How likely are you to recommend us,Overall satisfaction,Comments",
        44,
        lambda n: f"{n + 1},{day(n)},C{n % 9},{n % 11},{n % 5 + 1},fine",
    )
    file, proposal = propose_for({"answers.csv": text})
    kinds = {
        tuple(line.value for line in one.columns if line.key in ("kind", "score"))[1]: next(
            line.value["constant"] for line in one.columns if line.key == "kind"
        )
        for one in sources(proposal, "surveys")
    }
    assert kinds == {"How likely are you to recommend us": "nps", "Overall satisfaction": "csat"}
    account = taken_in(file)["surveys"]
    assert (account["rows"], account["quarantined"]) == (88, 0)


def test_customers_without_a_number_are_known_by_their_address_and_that_is_asked(propose_for, taken_in):
    text = rows(
        "Receipt no;Datum;Email;Total", 30, lambda n: f"R{n};{n % 28 + 1}.03.2025;a{n % 5}@example.com;{n},50 €"
    )
    file, proposal = propose_for({"orders.csv": text}, currency="")
    assert filled(proposal, "orders")["customer_id"] == ["Email"]
    assert filled(proposal, "orders")["ordered_at"] == "Datum"
    assert sum("please check" in said for said in proposal.decisions) == 3
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["currency"] == "EUR"
    assert taken_in(file)["customers"]["rows"] == 5


def test_a_file_with_the_same_customers_again_is_commented_out(propose_for, taken_in):
    full = rows("Customer ID,Full name,City,Gender", 20, lambda n: f"K{n},Ann Lee,Bonn,f")
    part = rows("Customer ID,Full name,Tier", 15, lambda n: f"K{n},Ann Lee,gold")
    file, proposal = propose_for({"customers.csv": full, "members.csv": part})
    assert [one.export.shown for one in sources(proposal, "customers")] == ["customers.csv"]
    assert any("members.csv holds records that customers.csv holds too" in said for said in proposal.decisions)
    assert "../exports/members.csv" in file.read_text(encoding="utf-8")


def test_nobody_stands_in_the_proposal(propose_for):
    people = rows(
        "Customer ID,Name,E-mail,Mobile,Street address,City",
        30,
        lambda n: f"K{n},张三{'丰刚明'[n % 3]},zhang{n}@example.cn,1380000{n:04d},幸福路{n}号,杭州",
    )
    loose = rows("x,who,mail", 30, lambda n: f"{n},张三丰,li{n}@example.cn")
    file, proposal = propose_for({"customers.csv": people, "loose.csv": loose})
    shown = "\n".join([file.read_text(encoding="utf-8"), *proposal.recognised, *proposal.decisions])
    assert {"name", "email", "phone", "address"} <= filled(proposal, "customers").keys()
    for private in ("张三", "@example", "1380000", "幸福路"):
        assert private not in shown


def test_headings_that_yaml_would_misread_are_quoted(propose_for, taken_in):
    text = rows('"Order: No","Order Date # UTC","No","Total, {net}"', 9, lambda n: f"{n},{day(n)},C{n % 2},{n}.5")
    file, _ = propose_for({"orders.csv": text})
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["orders"]["columns"]["order_id"] == "Order: No"


def test_of_very_many_columns_the_first_are_looked_at_and_that_is_said(propose_for, taken_in):
    header = ["Order No", "Order Date", "Total", *(f"further {n} x" for n in range(600))]
    text = rows(",".join(header), 5, lambda n: ",".join([str(n), day(n), "2.5", *["1"] * 600]))
    file, _ = propose_for({"orders.csv": text})
    assert "Only the first 300 of its 603 columns were looked at." in file.read_text(encoding="utf-8")
    assert taken_in(file)["orders"]["sums"]["amount"]["accepted"] == 12.5


def test_an_id_means_what_the_file_is_called(propose_for):
    text = rows("id,customer_id,created_at,total", 20, lambda n: f"{n},K{n % 4},{day(n)},{n}.5")
    _, proposal = propose_for({"orders.csv": text})
    assert filled(proposal, "orders") == {
        "order_id": "id",
        "customer_id": "customer_id",
        "ordered_at": "created_at",
        "amount": "total",
    }


@pytest.mark.parametrize(
    ("ordered_at", "amount", "read"),
    [
        ("Jul 18, 2023 10:24 PM", "CHF 539.85", 539.85),
        ("45125.933333", "Rs. 1 539.85", 1539.85),
        ("2023-07-18", "1\u00a0539.85", 1539.85),
    ],
)
def test_orders_are_found_however_their_times_and_amounts_are_written(propose_for, taken_in, ordered_at, amount, read):
    text = rows("Order No\tOrder Date\tTotal Paid\tCustomer ID", 3, lambda n: f"A{n}\t{ordered_at}\t{amount}\tC{n}")
    file, _ = propose_for({"e.tsv": text}, currency="CHF" if "CHF" in amount else "INR", timezone="UTC")
    orders = taken_in(file)["orders"]
    assert (orders["rows"], orders["first_day"]) == (3, "2023-07-18")
    assert orders["sums"]["amount"]["accepted"] == pytest.approx(3 * read)
