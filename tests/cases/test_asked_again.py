"""Scales with labels, months as numbers, formats of every workbook, and settings that nothing read."""

from __future__ import annotations

import pytest

from crmlib.intake.proposal import propose
from crmlib.intake.workspace import take_in


def account(client, table):
    return take_in(client, client.folder / "workspace").account["tables"][table]


# Scales whose numbers have labels


def proposed_scores(folder, answers, heading="Score"):
    """What is proposed for answers under a heading: the reasons of the kind, and the decisions."""
    folder.mkdir()
    lines = "".join(f"{n},2024-03-{n % 28 + 1:02d},K{n % 17},{answers[n % len(answers)]}\n" for n in range(120))
    file = folder / "nps.csv"
    file.write_text(f"Response ID,Submitted at,Customer ID,{heading}\n{lines}", encoding="utf-8")
    made = propose(folder / "c", [str(file)])
    (one,) = [o for o in made.suggested if o.table == "surveys" and not o.off]
    kind = next(line for line in one.columns if line.key == "kind")
    return kind.value["constant"], kind.reason, [said for said in made.decisions if "Score" in said or heading in said]


def labelled(low, high, form="{n}"):
    ends = {low: f"{low} – not at all", high: f"very = {high}"}
    return [ends.get(n, form.format(n=n)) for n in range(low, high + 1)]


@pytest.mark.parametrize(
    ("answers", "low", "high"),
    [
        (labelled(0, 11), 0, 11),
        (labelled(5, 11), 5, 11),
        (["0 - gar nicht", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11 = sehr"], 0, 11),
        (["0分", "3分", "6分", "11分"], 0, 11),
        ([f"{n}/11" for n in range(12)], 0, 11),
    ],
)
@pytest.mark.parametrize("heading", ["Score", "How likely are you to recommend us?"])
def test_a_scale_of_twelve_points_is_asked_about_whatever_labels_it_has(tmp_path, answers, low, high, heading):
    kind, reason, said = proposed_scores(tmp_path / "a", answers, heading)
    asked = [one for one in said if "one more than nps has (0 to 10)" in one]
    assert (kind, len(asked)) == ("nps", 1)
    assert f"from {low} to {high}" in asked[0]
    assert "check" in reason
    assert f"from {low} to {high}" in reason or heading != "Score"


@pytest.mark.parametrize("heading", ["Score (5 to 11)", "Score 0–11", "Score (2-8)"])
def test_a_heading_that_states_another_scale_is_asked_about(tmp_path, heading):
    answers = {"Score (5 to 11)": labelled(5, 11), "Score 0–11": labelled(0, 9), "Score (2-8)": labelled(2, 8)}[heading]
    _, _, said = proposed_scores(tmp_path / "a", answers, heading)
    assert any("states another scale" in one for one in said)


@pytest.mark.parametrize(
    ("answers", "kind", "low", "high"),
    [
        (labelled(0, 10), "nps", 0, 10),
        (["0 - unlikely", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10（非常愿意）"], "nps", 0, 10),
        (["★☆☆☆☆", "★★☆☆☆", "★★★☆☆", "★★★★☆", "★★★★★"], "csat", 1, 5),
        (["⭐️", "⭐️⭐️⭐️", "⭐️⭐️⭐️⭐️⭐️"], "csat", 1, 5),
        (["😡", "😐", "🙂", "😀", "🙁"], "csat", 1, 5),
        (["very good", "good", "poor", "very poor"], "csat", 1, 5),
        (["1 star", "3 stars", "5 stars", "2", "4"], "csat", 1, 5),
        (["😀 very satisfied", "🙂 satisfied", "😡 very dissatisfied"], "csat", 1, 5),
        (["★★★★★ (5)", "★★ (2)", "★ (1)", "★★★★ (4)"], "csat", 1, 5),
    ],
)
def test_stars_faces_words_and_labels_count_in_what_is_said_of_the_scale(tmp_path, answers, kind, low, high):
    found, reason, said = proposed_scores(tmp_path / "a", answers)
    assert (found, f"from {low} to {high}" in reason) == (kind, True)
    assert not any("one more than" in one or "states another" in one for one in said)


def test_answers_of_twelve_points_are_not_counted_and_a_code_for_no_answer_can_be_emptied(make_client):
    rows = "".join(f"{n},2024-03-01,{n % 12}{' – not at all' if n % 12 == 0 else ''}\n" for n in range(60))
    surveys = "response_id,answered_at,score\n" + rows
    settings = "max_set_aside: 1\ntables: {surveys: {from: surveys.csv, columns: {kind: {constant: nps}}%s}}\n"
    found = account(make_client(surveys=surveys, settings=settings % ""), "surveys")
    assert found["blanked"] == {"score": 60}
    assert ["one more than nps has" in one for one in found["questions"]] == [True]
    emptied = make_client(surveys=surveys, settings=settings % ', values: {score: {"11": ""}}', folder="b")
    made = take_in(emptied, emptied.folder / "workspace")
    scores = made.table("surveys").to_pandas().score
    assert (scores.count(), scores.max(), made.account["tables"]["surveys"]["questions"]) == (55, 10, [])


# Whose money it is: of a piece, of a line, of an order


def proposed(folder, name, header, lines):
    file = folder / name
    file.write_text(header + "\n" + "".join(line + "\n" for line in lines), encoding="utf-8")
    made = propose(folder / "c", [str(file)])
    return {
        one.table: {line.key: line for line in one.columns if not line.off} for one in made.suggested if not one.off
    }


def sure(line):
    return int(line.reason.rpartition("(")[2].rstrip("%)"))


PIECES = "order-id,purchase-date,sku,quantity,item-price"


def amazon(price):
    return [
        f"O{n // 2},2024-03-{n // 2 % 28 + 1:02d},S{n % 7},{n % 3 + 1},{price(n % 7 + 5, n % 3 + 1):.2f}"
        for n in range(84)
    ]


def test_a_price_that_grows_with_the_pieces_is_the_amount_of_the_line(tmp_path):
    made = proposed(tmp_path, "orders.csv", PIECES, amazon(lambda price, pieces: price * pieces))
    amount = made["order_lines"]["amount"]
    assert (amount.value, made["orders"]["amount"].value, sure(amount)) == ("item-price", "item-price", 80)
    assert "unit_price" not in made["order_lines"]
    assert "the price of all pieces" in amount.reason


def test_a_price_that_does_not_grow_with_them_is_that_of_a_piece(tmp_path):
    made = proposed(tmp_path, "orders.csv", PIECES, amazon(lambda price, _: price))["order_lines"]
    assert made["amount"].value == {"product": ["quantity", "item-price"]}
    assert made["unit_price"].value == "item-price"


@pytest.mark.parametrize("heading", ["Price", "item-price"])
def test_where_no_product_was_bought_in_several_numbers_the_price_is_asked_about(tmp_path, heading):
    lines = [f"O{n // 2},2024-03-{n // 2 % 28 + 1:02d},S{n},{n % 3 + 1},{n % 9 + 5}.00" for n in range(84)]
    made = proposed(tmp_path, "orders.csv", PIECES.replace("item-price", heading), lines)["order_lines"]
    assert sure(made["amount"]) <= 80
    assert "of one piece or of all" in made["amount"].reason


LINES = "Order ID,Created at,Customer ID,SKU,Qty,Item price,Total"


@pytest.mark.parametrize("shown", ["on every line", "on the first line"])
def test_the_total_of_an_order_that_stands_on_its_lines_is_no_amount_of_a_line(tmp_path, shown):
    lines = [
        f"O{n // 2},2024-03-{n // 2 % 28 + 1:02d},C{n // 2 % 9},S{n % 6},{n % 2 + 1},{n % 6 + 4}.00,"
        + (
            f"{sum((m % 6 + 4) * (m % 2 + 1) for m in (n // 2 * 2, n // 2 * 2 + 1)) + 5}.00"
            * (shown != "on the first line" or n % 2 == 0)
        )
        for n in range(80)
    ]
    made = proposed(tmp_path, "orders.csv", LINES, lines)
    assert made["orders"]["amount"].value == "Total"
    assert made["order_lines"]["amount"].value == {"product": ["Qty", "Item price"]}


def test_where_orders_have_one_line_each_pieces_times_price_tell_the_total_of_an_order(tmp_path):
    lines = [
        f"O{n},2024-03-{n % 28 + 1:02d},C{n % 9},S{n % 6},{n % 2 + 1},{n % 6 + 4}.00,{(n % 6 + 4) * (n % 2 + 1) + 5}.00"
        for n in range(60)
    ]
    made = proposed(tmp_path, "orders.csv", LINES, lines)
    assert (made["orders"]["amount"].value, sure(made["orders"]["amount"])) == ("Total", 80)
    assert made["order_lines"]["amount"].value == {"product": ["Qty", "Item price"]}


def test_where_nothing_tells_them_apart_the_amount_is_asked_about(tmp_path):
    lines = [f"O{n},2024-03-{n % 28 + 1:02d},C{n % 9},S{n % 6},{n % 2 + 1},{n % 6 + 4}.00" for n in range(60)]
    made = proposed(tmp_path, "orders.csv", LINES.replace(",Item price", ""), lines)
    assert [(made[table]["amount"].value, sure(made[table]["amount"])) for table in ("orders", "order_lines")] == [
        ("Total", 80)
    ] * 2


def test_a_rate_that_only_rounding_hides_is_no_discount(tmp_path):
    from tests.cases.test_new_right import OWN

    header, line, _ = OWN["line_items.csv"]
    made = proposed(tmp_path, "line_items.csv", header, [line(n) for n in range(240)])
    assert (made["orders"]["amount"].value, made["orders"]["discount"].value) == ("Total Revenue", "Discounts")


# Months as numbers


@pytest.mark.parametrize(
    "cells", [(202403, 202404), (202403.0, 202412.0), ("202403.0", "202404.00"), ("202403", "2024年4月")]
)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_month_that_is_written_as_a_number_is_a_month(make_client, kind, cells):
    import duckdb
    import xlsxwriter

    rows = [["Month", "Platform", "Cost"], *([cell, "ads", 310 + n] for n, cell in enumerate(cells))]
    columns = "columns: {spent_on: Month, channel: Platform, cost: Cost}"
    lines = "".join(",".join(map(str, row)) + "\n" for row in rows)
    client = make_client(spend=lines, settings=f"tables: {{spend: {{from: spend.{kind}, {columns}}}}}\n")
    if kind == "xlsx":
        with xlsxwriter.Workbook(client.folder / "spend.xlsx") as book:
            sheet = book.add_worksheet()
            for n, row in enumerate(rows):
                sheet.write_row(n, 0, row)
    taken = take_in(client, client.folder / "workspace")
    days = duckdb.sql(f"SELECT spent_on FROM read_parquet('{taken.folder}/spend.parquet') ORDER BY 1").fetchall()
    meant = [12 if str(cell).startswith("202412") else int(str(cell)[5:].strip("年")[0]) for cell in cells]
    assert [(day.month, day.day) for (day,) in days] == [(month, 1) for month in meant]
    assert ("months", "spent_on", 2) in {
        (one["name"], one["column"], one["cells"]) for one in taken.account["tables"]["spend"]["repairs"]
    }
    made = propose(client.folder / "new", [str(client.folder / f"spend.{kind}")])
    (spend,) = [one for one in made.suggested if one.table == "spend" and not one.off]
    assert {line.key: line.value for line in spend.columns}["spent_on"] == "Month"


def test_a_number_that_is_no_month_is_none(make_client):
    client = make_client(
        spend="spent_on,channel,cost\n202413,ads,1\n202400,ads,2\n202412,ads,3\n", settings="max_set_aside: 1\n"
    )
    assert account(client, "spend")["rows"] == 1


# Settings that nothing reads


@pytest.mark.parametrize(("rules", "said"), [("[same_emial]", "same_email"), ("[same_email, same_fone]", "same_phone")])
def test_a_rule_for_merging_that_does_not_exist_is_refused_with_its_line_and_the_nearest(make_client, rules, said):
    from crmlib.problems import UnusableInput

    with pytest.raises(UnusableInput) as refusal:
        make_client(orders="order_id,customer_id,ordered_at,amount\n", settings=f"merge: {{rules: {rules}}}\n")
    assert "client.yaml, line 5" in str(refusal.value)
    assert f"did you mean '{said}'?" in str(refusal.value)


# Joins over several keys, and on numbers that are written differently


def joined(make_client, on, keys_here, keys_there, settings="", folder="client"):
    """What rows of orders find in another file: a name for each row, None for none, and what is noted and asked."""
    import duckdb

    here, there = (list(names) for names in (on, on.values()))
    orders = "order_id,ordered_at,amount," + ",".join(here) + "\n"
    orders += "".join(f"{n},2024-03-05,5," + ",".join(keys) + "\n" for n, keys in enumerate(keys_here))
    people = ",".join(there) + ",label\n" + "".join(",".join(keys) + f",s{n}\n" for n, keys in enumerate(keys_there))
    pairs = ", ".join(f"{one}: {other}" for one, other in on.items())
    join = f"joins: [{{from: people.csv, 'on': {{{pairs}}}, take: {{label: branch}}}}], columns: {{store: branch}}"
    client = make_client(
        orders=orders, settings=f"{settings}tables: {{orders: {{from: orders.csv, {join}}}}}\n", folder=folder
    )
    (client.folder / "people.csv").write_text(people, encoding="utf-8")
    taken = take_in(client, client.folder / "workspace")
    rows = duckdb.sql(f"SELECT store FROM read_parquet('{taken.folder}/orders.parquet') ORDER BY CAST(order_id AS INT)")
    told = taken.account["tables"]["orders"]
    return [store for (store,) in rows.fetchall()], [one for one in told["questions"] if "no match" in one]


@pytest.mark.parametrize(
    "written",
    [
        ["+86 138-0000-0000", "+86 139-0000-0001", "+86 137-0000-0002"],
        ["0086 138 0000 0000", "86-13900000001", "(+86)13700000002"],
        ["１３８００００００００", "'13900000001", "13700000002.0"],
        ["013800000000", "013900000001", "0 137 0000 0002"],
    ],
)
@pytest.mark.parametrize("several", [True, False])
def test_a_join_finds_the_telephone_numbers_however_both_files_write_them(make_client, written, several):
    plain = ["13800000000", "13900000001", "13700000002"]
    on = {"mobile": "phone"} | ({"shop": "shop_no"} if several else {})
    here = [(number, f"A{n}") if several else (number,) for n, number in enumerate(written)]
    there = [(number, f"A{n}") if several else (number,) for n, number in enumerate(plain)]
    assert joined(make_client, on, here, there) == (["s0", "s1", "s2"], [])


def test_each_of_several_keys_may_be_written_with_zeros_or_letters(make_client):
    here = [(f"{n + 1}", f"K-{n % 3 + 7:05d}") for n in range(6)]
    there = [(f"{n + 1:06d}", f"{n % 3 + 7}") for n in range(6)]
    assert joined(make_client, {"receipt": "receipt_no", "till": "till_no"}, here, there) == (
        [f"s{n}" for n in range(6)],
        [],
    )


def test_numbers_of_another_country_are_found_without_their_plus(make_client):
    here = [("491712345678",), ("0171 2345679",), ("+49 (0)171 2345670",)]
    there = [("+49 171 2345678",), ("01712345679",), ("0049 171 2345670",)]
    assert joined(make_client, {"phone": "phone"}, here, there, "country: DE\n") == (["s0", "s1", "s2"], [])


def test_keys_that_would_become_one_by_their_digits_are_kept_apart_and_asked_about(make_client):
    here = [(f"{n}", f"A{n}") for n in range(6)]
    there = [(f"{n % 3:03d}", f"A{n}") for n in range(3)] + [(f"X{n % 3}", f"A{n + 3}") for n in range(3)]
    found, asked = joined(make_client, {"receipt": "receipt_no", "till": "till_no"}, here, there)
    assert found == [None] * 6
    assert len(asked) == 1


def test_telephone_numbers_that_are_keys_in_two_tables_are_told_to_be_alike(make_client):
    orders = "order_id,customer_id,ordered_at,amount\n" + "".join(
        f"{n},+49 171 234567{n},2024-03-05,5\n" for n in range(8)
    )
    customers = "customer_id,city\n" + "".join(f"0171 234567{n},Bonn\n" for n in range(8))
    asked = account(make_client(settings="country: DE\n", orders=orders, customers=customers), "orders")["questions"]
    assert any("many agree" in one for one in asked)


# Consent that stands as a yes in one place and as a no in another


def consents(make_client, customers, folder="client", **files):
    import duckdb

    orders = "order_id,customer_id,ordered_at,amount\n1,a,2024-03-05,5\n"
    settings = f"tables:\n  orders: {{from: orders.csv}}\n  customers: {customers}\n"
    taken = take_in(
        made := make_client(settings=settings, orders=orders, folder=folder, **files), made.folder / "workspace"
    )
    return dict(
        duckdb.sql(
            f"SELECT customer_id, consent_email FROM read_parquet('{taken.folder}/customers.parquet')"
        ).fetchall()
    )


TURNED = 'values: {consent_email: {"yes": "no", "no": "yes"}}'


def test_each_source_of_customers_turns_its_own_words(make_client):
    sources = f"""[{{from: shop.csv, columns: {{consent_email: Newsletter}}}},
      {{from: crm.csv, columns: {{consent_email: Email Opt Out}}, {TURNED}}}]"""
    files = {"shop": "customer_id,Newsletter\na,yes\nb,no\n", "crm": "customer_id,Email Opt Out\nc,yes\nd,no\n"}
    assert consents(make_client, sources, **files) == {"a": True, "b": False, "c": False, "d": True}


@pytest.mark.parametrize("headings", ["[Newsletter, Email Opt Out]", "[Email Opt Out, Newsletter]"])
@pytest.mark.parametrize(("yes", "no"), [("yes", "no"), ("true", "false"), ("1", "0")])
def test_in_one_source_with_both_headings_only_the_words_of_the_opposite_are_turned(make_client, headings, yes, no):
    rows = f"customer_id,Newsletter,Email Opt Out\na,{yes},\nb,{no},\nc,,{yes}\nd,,{no}\n"
    words = f'values: {{consent_email: {{"{yes}": "no", "{no}": "yes"}}}}'
    found = consents(make_client, f"{{from: both.csv, columns: {{consent_email: {headings}}}, {words}}}", both=rows)
    assert found == {"a": True, "b": False, "c": False, "d": True}


def test_both_headings_without_a_word_on_it_are_refused(make_client):
    from crmlib.problems import UnusableInput

    rows = "customer_id,Newsletter,Email Opt Out\na,yes,\nb,,no\n"
    with pytest.raises(UnusableInput, match="Email Opt Out"):
        consents(make_client, "{from: both.csv, columns: {consent_email: [Newsletter, Email Opt Out]}}", both=rows)
