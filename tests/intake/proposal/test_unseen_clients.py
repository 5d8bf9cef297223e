"""Clients nobody has seen before: keys without known names, German and Chinese headings, cents, tests, credit notes."""

import pytest
import yaml

from crmlib.intake.proposal.headings import likeness

from .conftest import day, filled, rows, sources


def decided(proposal, *words):
    """The points to decide that hold all these words."""
    return [said for said in proposal.decisions if all(word in said for word in words)]


# Keys that files share


def test_a_number_that_is_unique_among_customers_and_recurs_among_orders_is_the_customers_whatever_its_name(
    propose_for, taken_in
):
    people = rows("Kennung,Full name,E-mail,City", 40, lambda n: f"00{70100 + n},Ann Lee,a{n % 38}@example.com,Bonn")
    orders = rows("Order No,Wer,Order Date,Total", 90, lambda n: f"A-{n},{70100 + n % 44},{day(n)},{n}.50")
    file, proposal = propose_for({"people.csv": people, "orders.csv": orders})
    assert filled(proposal, "customers")["customer_id"] == "Kennung"
    assert filled(proposal, "orders")["customer_id"] == "Wer"
    # 40 of the 44 numbers in the orders are known; Excel has dropped their zeros.
    assert decided(proposal, "customers.customer_id", "91% of those of 'Wer' in orders.csv")
    assert not decided(proposal, "no customer number is there")
    assert taken_in(file)["orders"]["rows"] == 90


def test_a_number_of_which_few_recur_is_no_key(propose_for):
    people = rows("Kennung,Full name,E-mail,City", 40, lambda n: f"{70100 + n},Ann Lee,a{n}@example.com,Bonn")
    orders = rows("Order No,Wer,Order Date,Total", 90, lambda n: f"A-{n},{70130 + n % 44},{day(n)},{n}.50")
    _, proposal = propose_for({"people.csv": people, "orders.csv": orders})
    assert filled(proposal, "customers")["customer_id"] == ["E-mail"]
    assert "customer_id" not in filled(proposal, "orders")


def test_a_count_is_no_key_though_all_its_values_are_running_numbers_elsewhere(propose_for):
    people = rows("Lauf,Full name,E-mail,City", 60, lambda n: f"{n + 1},Ann Lee,a{n}@example.com,Bonn")
    orders = rows("Order No,Boxes,Order Date,Total", 90, lambda n: f"A-{n},{n % 20 + 1},{day(n)},{n}.50")
    _, proposal = propose_for({"people.csv": people, "orders.csv": orders})
    assert "customer_id" not in filled(proposal, "orders")


def test_the_number_of_an_order_is_found_by_its_lines(propose_for, taken_in):
    orders = rows("Vorgang,Order Date,Customer ID,Total", 40, lambda n: f"V-{500 + n},{day(n)},C{n % 9},{n}.50")
    lines = rows("Zu,SKU,Quantity,Line total", 80, lambda n: f"V-{500 + n // 2},S{n % 5:03d},2,{n // 2 / 2 + 0.25}")
    file, proposal = propose_for({"orders.csv": orders, "lines.csv": lines})
    assert filled(proposal, "orders")["order_id"] == "Vorgang"
    assert filled(proposal, "order_lines")["order_id"] == "Zu"
    assert taken_in(file)["order_lines"]["rows"] == 80


def test_the_number_of_another_system_is_looked_up_among_the_customers_after_asking(propose_for, taken_in):
    users = rows(
        "user_id,full_name,email,stripe_customer_id", 30, lambda n: f"u_{n:04d},Ann Lee,a{n}@example.com,cus_{n:03d}x"
    )
    orders = rows("Order No,Customer ID,Order Date,Total", 60, lambda n: f"B{n},cus_{n % 30:03d}x,{day(n)},{n}.5")
    file, proposal = propose_for({"users.csv": users, "payments.csv": orders})
    assert filled(proposal, "orders")["customer_id"] == "Customer ID"
    assert decided(proposal, "orders.customer_id", "'stripe_customer_id' in users.csv", "'user_id'")
    written = file.read_text(encoding="utf-8").splitlines()
    assert taken_in(file)["orders"]["of_unknown_customers"] == 60
    kept = [line for line in written if not line.startswith("      customer_id: Customer ID ")]
    text = "\n".join(kept).replace("# joins:", "joins:").replace("# customer_id: user_id/", "customer_id: user_id/")
    file.write_text(text, encoding="utf-8")
    orders = taken_in(file)["orders"]
    assert orders["of_unknown_customers"] == 0
    assert orders["columns"]["customer_id"] == 60


# German, Chinese


GERMAN = "Rechnungsnr.;Belegart;Kundennr.;Rechnungsdatum;Nettobetrag;MwSt;Bruttobetrag;Währung;Zahlstatus"


def german_invoice(n):
    sign, kind = ("-", "Gutschrift") if n % 10 == 9 else ("", "Rechnung")
    states = ["bezahlt", "offen", "storniert"]
    return (
        f"RE{n};{kind};{10200 + n % 30};{n % 28 + 1:02d}.03.2025;{sign}1.{n:03d},50;{sign}190,00;"
        f"{sign}1.{n + 190:03d},50;EUR;{states[n % 3]}"
    )


def test_german_invoices_and_customers_need_no_hand_written_line(propose_for, taken_in):
    people = rows(
        "Kundennr.;Firma;Ort;E-Mail;Newsletter-Einwilligung",
        30,
        lambda n: f"{10200 + n};Fuchs AG;Bonn;k{n}@example.com;{'ja' if n % 2 else 'nein'}",
    )
    lines = rows("Rechnungsnr.;Artikelnr.;Menge;Einzelpreis;Betrag", 60, lambda n: f"RE{n};338-{n % 7};2;10,50;21,00")
    file, proposal = propose_for(
        {"Stamm.csv": people, "Rechnungen.csv": rows(GERMAN, 60, german_invoice), "Positionen.csv": lines}, currency=""
    )
    assert filled(proposal, "customers") == {
        "customer_id": "Kundennr.",
        "name": "Firma",
        "city": "Ort",
        "email": "E-Mail",
        "consent_email": "Newsletter-Einwilligung",
    }
    assert filled(proposal, "orders") == {
        "order_id": "Rechnungsnr.",
        "customer_id": "Kundennr.",
        "ordered_at": "Rechnungsdatum",
        "amount": "Nettobetrag",
        "currency": "Währung",
        "status": "Zahlstatus",
    }
    assert filled(proposal, "order_lines")["unit_price"] == "Einzelpreis"
    assert decided(proposal, "orders.amount", "the amount without tax, unlike 'Bruttobetrag'")
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert written["currency"] == "EUR"
    assert written["tables"]["orders"]["values"]["status"] == {
        "bezahlt": "paid",
        "offen": "open",
        "storniert": "cancelled",
    }
    account = taken_in(file)
    assert {name: account[name]["rows"] for name in ("customers", "orders", "order_lines")} == {
        "customers": 30,
        "orders": 60,
        "order_lines": 60,
    }
    assert account["orders"]["of_unknown_customers"] == 0


def test_credit_notes_among_invoices_are_counted_and_what_tells_them_is_named(propose_for):
    _, proposal = propose_for({"Rechnungen.csv": rows(GERMAN, 60, german_invoice)})
    (said,) = decided(proposal, "negative Nettobetrag")
    assert "6 of 60 rows" in said
    assert "leave_out: {Belegart: [Gutschrift]}" in said


def test_who_got_the_credit_note_is_not_named(propose_for):
    def line(n):
        return f"R{n},{'Kurt Busch' if n % 5 == 4 else f'Ann Lee{chr(97 + n % 4)}'},{day(n)},{'-' * (n % 5 == 4)}{n}.50"

    _, proposal = propose_for({"orders.csv": rows("Order No,Customer name,Order Date,Total", 40, line)})
    (said,) = decided(proposal, "8 of 40 rows have a negative Total")
    assert "Kurt" not in said


def test_of_what_was_asked_for_and_what_was_paid_the_paid_amount_is_taken_and_listed(propose_for):
    text = rows(
        "订单流水号,会员卡号,下单时间,订单金额,应付金额,实付",
        40,
        lambda n: f"L{n},V{n % 9},{day(n)} 10:00:00,{n + 20}.50,{n + 15}.50,{n + 10}.50",
    )
    _, proposal = propose_for({"商城订单.csv": text})
    assert filled(proposal, "orders")["order_id"] == "订单流水号"
    assert filled(proposal, "orders")["amount"] == "实付"
    assert decided(proposal, "orders.amount", "really paid", "'订单金额'", "'应付金额'")


def test_the_shop_assistant_in_charge_is_the_owner():
    for heading in ("专属导购", "导购"):
        assert likeness(heading, "customers", "owner").score == 100


def test_wechat_contacts_known_by_phone_do_not_join_numbered_members_unasked(propose_for):
    members = rows(
        "会员编号,姓名,手机号,注册时间,会员等级,专属导购",
        30,
        lambda n: f"VIP{n:05d},王芳,1380000{n:04d},{day(n)},金卡,李敏",
    )
    contacts = rows(
        "客户名称,描述,添加人,添加人账号,添加人所属部门,添加时间,来源,手机,企业,邮箱,地址,职务,电话,标签组",
        30,
        lambda n: f"王芳,,李敏,limin,华东区,2025-01-{n % 28 + 1:02d} 10:00,扫描二维码,1380000{n:04d},,,,,,老客",
    )
    _, proposal = propose_for({"会员资料.csv": members, "企业微信客户.csv": contacts})
    assert [one.export.shown for one in sources(proposal, "customers")] == ["会员资料.csv"]
    assert [one.export.shown for one in sources(proposal, "touches")] == ["企业微信客户.csv"]
    assert decided(proposal, "by '手机'", "by '会员编号'", "count twice")


# Cents, flags, events, currency


def payments(n):
    amount, live = [999, 1999, 9900][n % 3], "true" if n % 20 else "false"
    return f"ch_{n:05d},cus_{n % 9}ab,{day(n % 300)},{amount},usd,Paid,{live}"


PAYMENTS = "id,cust,Created,Amount,Currency,Status,livemode"


def test_whole_amounts_that_end_like_prices_in_cents_are_asked_about_and_not_changed(propose_for, taken_in):
    file, proposal = propose_for({"payments.csv": rows(PAYMENTS, 60, payments)}, currency="")
    assert filled(proposal, "orders")["amount"] == "Amount"
    assert filled(proposal, "orders")["customer_id"] == "cust"
    assert decided(proposal, "orders from payments.csv", "'Amount' in cents?", "times: 0.01")
    written = file.read_text(encoding="utf-8")
    assert yaml.safe_load(written)["currency"] == "USD"
    off, on = "      # amount: {first: [Amount], times: 0.01}", "      amount: {first: [Amount], times: 0.01}"
    lines = [line for line in written.splitlines() if not line.startswith("      amount: Amount ")]
    file.write_text("\n".join(lines).replace(off, on), encoding="utf-8")
    expected = sum([9.99, 19.99, 99.00][n % 3] for n in range(60) if n % 20)
    assert taken_in(file)["orders"]["sums"]["amount"]["accepted"] == pytest.approx(expected)


def test_whole_amounts_that_end_anyhow_are_not_asked_about(propose_for):
    text = rows("Order No,Order Date,Total,Currency", 90, lambda n: f"A{n},{day(n)},{1000 + 37 * n},EUR")
    _, proposal = propose_for({"orders.csv": text})
    assert not decided(proposal, "cents")


def test_a_heading_that_says_cents_is_asked_about_without_a_currency(propose_for):
    text = rows(
        "user_id,plan,started_at,price_cents,interval", 20, lambda n: f"u_{n:04d},basic,{day(n)},{1000 + n},month"
    )
    _, proposal = propose_for({"subscriptions.csv": text})
    assert filled(proposal, "subscriptions")["price"] == "price_cents"
    assert decided(proposal, "subscriptions", "'price_cents' in cents?")


def test_payments_of_the_test_mode_are_left_out(propose_for, taken_in):
    file, _ = propose_for({"payments.csv": rows(PAYMENTS, 60, payments)})
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["orders"]["leave_out"] == {"livemode": ["false"]}
    assert taken_in(file)["orders"]["rows"] == 57


def test_internal_users_are_tests_and_an_opt_in_is_a_consent_to_e_mail(propose_for):
    text = rows(
        "user_id,full_name,email,marketing_opt_in,is_internal",
        30,
        lambda n: f"u_{n},Ann Lee,a{n}@example.com,{n % 2 == 0},{n % 10 == 0}",
    )
    _, proposal = propose_for({"users.csv": text})
    assert filled(proposal, "customers")["consent_email"] == "marketing_opt_in"
    assert filled(proposal, "customers")["is_test"] == "is_internal"
    assert likeness("phone_opt_in", "customers", "consent_email").score == 0


def test_events_of_a_user_with_an_epoch_are_usage(propose_for):
    text = rows(
        "event_id,user_id,event,ts",
        60,
        lambda n: f"e{n:04d}a,u_{n % 9},{['share', 'plan_viewed'][n % 2]},{1747309680000 + n * 86_400_000}",
    )
    _, proposal = propose_for({"events.csv": text})
    assert filled(proposal, "usage") == {"customer_id": "user_id", "used_at": "ts", "feature": "event"}


def test_a_column_that_is_one_currency_throughout_is_the_clients_whatever_its_heading(propose_for):
    text = rows("Order No,Order Date,Total,Ccy", 120, lambda n: f"A{n},{day(n)},{n}.5,{'gbp' if n == 7 else 'usd'}")
    file, _ = propose_for({"orders.csv": text}, currency="")
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["currency"] == "USD"


def test_the_word_all_is_not_the_money_of_albania(propose_for):
    text = rows("Order No,Order Date,Total,Segment", 20, lambda n: f"A{n},{day(n)},{n}.5,ALL")
    _, proposal = propose_for({"orders.csv": text}, currency="")
    assert decided(proposal, "currency: the exports do not show it")


# Tests among customers; files that are no table


def test_customers_called_like_tests_are_counted_and_not_shown(propose_for, taken_in):
    names = {3: "Test GmbH", 4: "测试账号", 5: "Testarossa Ltd"}
    mails = {6: "qa+1@example.com", 7: "test@example.com", 8: "protest@example.com"}
    text = rows(
        "Customer ID,Company,E-mail,City",
        30,
        lambda n: f"K{n},{names.get(n, 'Fuchs AG')},{mails.get(n, f'a{n}@example.com')},Bonn",
    )
    orders = rows("Order No,Order Date,Customer ID,Total", 30, lambda n: f"B{n},{day(n)},K{n},{n}.5")
    file, proposal = propose_for({"customers.csv": text, "orders.csv": orders})
    assert decided(proposal, "4 rows are called like tests", "'Company', 'E-mail'")
    written = file.read_text(encoding="utf-8")
    assert "leave_out" not in yaml.safe_load(written)["tables"]["customers"]
    for content in ("Test GmbH", "测试账号", "qa+1", "test@example"):
        assert content not in written
    file.write_text(written.replace("# leave_out:", "leave_out:"), encoding="utf-8")
    assert taken_in(file)["customers"]["rows"] == 26


def test_customers_who_are_marked_as_tests_are_not_asked_about(propose_for):
    text = rows(
        "Customer ID,Company,City,Is test", 30, lambda n: f"K{n},{'Test AG' if n < 3 else 'Fuchs AG'},Bonn,{n < 3}"
    )
    _, proposal = propose_for({"customers.csv": text})
    assert not decided(proposal, "called like tests")


def test_a_file_that_is_no_table_says_what_it_comes_nearest_to_and_what_is_missing(propose_for):
    text = rows("Order No,Customer ID,Total,Store", 20, lambda n: f"A{n},K{n % 5},{n}.5,Bonn")
    orders = rows("Order No,Order Date,Customer ID,Total", 20, lambda n: f"B{n},{day(n)},K{n % 5},{n}.5")
    _, proposal = propose_for({"undated.csv": text, "orders.csv": orders})
    assert decided(
        proposal,
        "undated.csv: no table is recognised for certain.",
        "It comes nearest to orders: it has order_id ('Order No'), amount ('Total'), ",
        "but not ordered_at (when the customer ordered).",
    )
