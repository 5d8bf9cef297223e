"""What fills a column, and which rows are records at all: values that come out of small exports."""

import pandas as pd
import pytest

from crmlib.intake import take_in
from crmlib.problems import UnusableInput

ORDERS = "order_id,ordered_at,amount\n"


def rows(make_client, tmp_path, settings, table="orders", key="order_id", **files):
    """The rows of a table that come out, by their key."""
    client = make_client("max_set_aside: 1\n" + settings, **files)
    frame = take_in(client, tmp_path / "w").table(table).to_pandas()
    return frame.set_index(key) if key else frame


def column(make_client, tmp_path, filling, export, name="amount", **more):
    """One column of orders, filled as the settings say."""
    columns = {"order_id": "id", "ordered_at": "day", "amount": "id"} | {name: filling}
    written = ", ".join(f"{key}: {value}" for key, value in columns.items())
    settings = f"tables: {{orders: {{from: a.csv, columns: {{{written}}}}}}}\n"
    made = rows(make_client, tmp_path, settings, a=export, **more)[name]
    return {key: None if pd.isna(value) else value for key, value in made.items()}


def test_the_first_of_several_headings_that_is_filled_is_taken_and_blanks_and_dashes_are_none(make_client, tmp_path):
    export = "id,day,A,B,C\n1,2025-01-01,x,y,z\n2,2025-01-01,,y,z\n3,2025-01-01, ,-,z\n4,2025-01-01,,,\n"
    assert column(make_client, tmp_path, "[A, B, Nowhere, C]", export, "store") == {
        "1": "x",
        "2": "y",
        "3": "z",
        "4": None,
    }


@pytest.mark.parametrize(
    ("filling", "expected"),
    [
        ("{product: [n, p]}", {"1": 6.0, "2": -4.5}),
        ("{product: [n, p], less: d}", {"1": 5.5, "2": -4.5}),
        ("{sum: [n, p]}", {"1": 5.0, "2": 0.0, "3": 7.0}),
        ("{sum: [n, p], less: d}", {"1": 4.5, "2": 0.0, "3": 6.0}),
        ("{difference: [p, n]}", {"1": 1.0, "2": 6.0, "3": -7.0}),
        ("{difference: [p, n], less: d}", {"1": 0.5, "2": 6.0, "3": -8.0}),
        ("{constant: 12}", {"1": 12.0, "2": 12.0, "3": 12.0, "4": 12.0}),
    ],
)
def test_numbers_are_put_together_and_an_empty_part_of_a_sum_adds_nothing(make_client, tmp_path, filling, expected):
    export = (
        "id,day,n,p,d\n1,2025-01-01,2,3,0.5\n2,2025-01-01,-3,1.5,\n".replace("-3,1.5", "-3,3")
        if "product" not in filling
        else "id,day,n,p,d\n1,2025-01-01,2,3,0.5\n2,2025-01-01,-3,1.5,\n"
    )
    export += "3,2025-01-01,7,,1\n4,2025-01-01,,,\n"
    assert column(make_client, tmp_path, filling, export) == expected


def test_a_part_that_cannot_be_read_makes_the_whole_unreadable(make_client, tmp_path):
    export = "id,day,n,p\n1,2025-01-01,2,3\n2,2025-01-01,2,abc\n"
    assert column(make_client, tmp_path, "{sum: [n, p]}", export) == {"1": 5.0}
    account = pd.read_csv(tmp_path / "client" / "quarantine" / "a.csv", dtype=str)
    assert account[["_row", "_reason", "p"]].values.tolist() == [["3", "orders: amount is not a number", "abc"]]


def test_a_key_of_several_headings_needs_all_of_them_and_a_name_only_one(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    columns:
      order_id: {text: "{Year}/{No.: of order}"}
      store: {text: "{Town} {Street}"}
"""
    export = (
        "Year,No.: of order,Town,Street,ordered_at,amount\n"
        "24,7,Ulm,Gasse,2025-01-01,1\n24,,Ulm,,2025-01-01,1\n25,8,,Weg,2025-01-01,1\n25,9,,,2025-01-01,1\n"
    )
    found = rows(make_client, tmp_path, settings, a=export).store
    assert found.fillna("").to_dict() == {"24/7": "Ulm Gasse", "25/8": "Weg", "25/9": ""}


@pytest.mark.parametrize(
    ("unit", "moment"),
    [
        ("seconds", "2025-01-01 10:01:30"),
        ("minutes", "2025-01-01 11:30:00"),
        ("hours", "2025-01-05 04:00:00"),
        ("days", "2025-04-01 10:00:00"),
    ],
)
def test_a_time_after_another_is_so_much_later_in_its_unit(make_client, tmp_path, unit, moment):
    settings = f"""\
tables:
  tickets:
    from: a.csv
    columns:
      resolved_at: {{after: [opened_at, took], unit: {unit}}}
"""
    export = "ticket_id,opened_at,took\n1,2025-01-01 10:00,90\n2,2025-01-01 10:00,\n"
    found = rows(make_client, tmp_path, settings, "tickets", "ticket_id", a=export).resolved_at
    assert found["1"] == pd.Timestamp(moment)
    assert pd.isna(found["2"])


def test_parts_of_a_list_are_taken_by_number_and_separator(make_client, tmp_path):
    export = "id,day,L\n1,2025-01-01,12;15 ; 18\n2,2025-01-01,9\n3,2025-01-01,\n"
    assert column(make_client, tmp_path, "{parts: L}", export, "store") == {"1": "12", "2": "9", "3": None}
    assert column(make_client, tmp_path, "{parts: L, part: 2}", export, "store") == {"1": "15", "2": None, "3": None}
    slashes = export.replace(";", "/")
    assert column(make_client, tmp_path, "{parts: L, by: /, part: 3}", slashes, "store") == {
        "1": "18",
        "2": None,
        "3": None,
    }


def test_where_fills_only_the_rows_in_which_a_heading_has_one_of_the_values(make_client, tmp_path):
    export = (
        "id,day,Stage,Kind,d\n1,2025-01-01,Won,x,5\n2,2025-01-01,Lost,x,6\n3,2025-01-01,,gift,7\n4,2025-01-01,,,8\n"
    )
    filling = "{first: [d], where: {Stage: [Won, 'W*'], Kind: gift, Missing: [1]}}"
    assert column(make_client, tmp_path, filling, export, "discount") == {"1": 5.0, "2": None, "3": 7.0, "4": None}


def test_a_wildcard_means_one_heading_and_two_that_fit_are_asked_about(make_client, tmp_path):
    export = "id,day,Total (EUR),x\n1,2025-01-01,5,1\n"
    assert column(make_client, tmp_path, "'Total (*)'", export) == {"1": 5.0}
    with pytest.raises(UnusableInput, match=r"several columns that 'Total \(\*\)' may mean: 'Total \(EUR\)', 'Total"):
        column(make_client, tmp_path, "'Total (*)'", export.replace(",x", ",Total (USD)"))


def test_values_are_mapped_word_by_word_with_rests_beginnings_and_empty_cells(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    columns: {status: State, channel: Source, store: [S1, S2]}
    values:
      status: {Y: paid, 20*: cancelled, "": open, "*": refunded}
      channel: {web: online}
      store: {none: "", "": unknown}
"""
    export = ORDERS.strip() + (
        ",State,Source,S1,S2\n1,2025-01-01,1, Y ,web,none,Ulm\n2,2025-01-01,1,2017,Web,a,b\n"
        "3,2025-01-01,1,,shop,none,\n4,2025-01-01,1,N,,,\n"
    )
    found = rows(make_client, tmp_path, settings, a=export)
    assert found.status.to_dict() == {"1": "paid", "2": "cancelled", "3": "open", "4": "refunded"}
    assert found.channel.fillna("").tolist() == ["online", "online", "shop", ""]
    assert found.store.tolist() == ["Ulm", "a", "unknown", "unknown"]


def test_rows_are_left_out_by_value_beginning_and_emptiness_and_a_star_means_filled(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    leave_out: {Kind: [test, "gift*"], Deleted: "*"}
    keep_only: {Shop: [A, ""]}
"""
    export = ORDERS.strip() + (
        ",Kind,Deleted,Shop\n1,2025-01-01,1,test,,A\n2,2025-01-01,1,gift 7,,A\n3,2025-01-01,1,x,yesterday,A\n"
        '4,2025-01-01,1,x,"",A\n5,2025-01-01,1,x, ,\n6,2025-01-01,1,x,,B\n'
    )
    client = make_client(settings, a=export)
    workspace = take_in(client, tmp_path / "w")
    assert workspace.table("orders").order_by("order_id").to_pandas().order_id.tolist() == ["4", "5"]
    assert workspace.account["tables"]["orders"]["reasons"] == {
        "left out: Deleted is filled": 1,
        "left out: Kind is gift…": 1,
        "left out: Kind is test": 1,
        "left out: Shop is none of A, empty": 1,
    }


def test_values_are_carried_down_within_their_group_only(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    fill_down: [store, channel]
    fill_down_within: day
    columns: {ordered_at: day}
"""
    export = (
        "order_id,day,amount,store,channel\n1,2025-01-01,1,Ulm,web\n2,2025-01-01,1, ,\n3,2025-01-02,1,,\n"
        "4,2025-01-02,1,Bonn,\n5,2025-01-02,1,,\n"
    )
    found = rows(make_client, tmp_path, settings, a=export)
    assert found.store.fillna("").tolist() == ["Ulm", "Ulm", "", "Bonn", "Bonn"]
    assert found.channel.fillna("").tolist() == ["web", "web", "", "", ""]
    account = take_in(make_client("max_set_aside: 1\n" + settings, a=export), tmp_path / "w").account["tables"]
    counted = {repair["column"]: repair["cells"] for repair in account["orders"]["repairs"]}
    assert counted == {"store": 2, "channel": 1}
    assert (account["orders"]["accepted"], account["orders"]["repaired"]) == (3, 2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("fill_down: [amount], fill_down_within: Ordr", "'Ordr', which tables.orders in client.yaml names under fill_"),
        ("leave_out: {Stat: x}", "no column 'Stat', which tables.orders in client.yaml names under leave_out"),
        ("keep_only: {Stat: x}", "names under keep_only"),
        ("cancellations: {where: {Stat: C}, match: [order_id]}", "names under cancellations"),
        ("cancellations: {where: {order_id: C}, match: [Cust]}", "no column 'Cust'"),
        ("cancellations: {where: {order_id: C}, match: [order_id], quantity: Q}", "no column 'Q'"),
        ("columns: {discount: {first: amount, where: {Stat: [x]}}}", "names under columns.discount.where"),
    ],
)
def test_a_heading_that_a_rule_names_and_the_file_lacks_is_said(make_client, tmp_path, settings, said):
    client = make_client(f"tables: {{orders: {{from: a.csv, {settings}}}}}\n", a=ORDERS + "1,2025-01-01,1\n")
    with pytest.raises(UnusableInput, match=said):
        take_in(client, tmp_path / "w")


def test_several_sources_of_other_layouts_go_under_each_other_and_each_is_read_by_its_own_rules(make_client, tmp_path):
    settings = """\
tables:
  orders:
    - from: shop.csv
      columns: {order_id: No, ordered_at: Day, amount: Total}
      dates: month first
      leave_out: {Kind: test}
    - from: till.csv
      decimal: ","
      columns: {order_id: {text: "T-{Bon}"}, ordered_at: Datum, amount: {product: [Menge, Preis]}, store: Filiale}
      dates: day first
"""
    found = rows(
        make_client,
        tmp_path,
        settings,
        shop="No,Day,Total,Kind\n1,03/04/2025,1.5,x\n2,03/05/2025,9,test\n",
        till="Bon;Datum;Menge;Preis;Filiale\n1;03.04.2025;2;1,25;Ulm\n",
    )
    assert found.amount.to_dict() == {"1": 1.5, "T-1": 2.5}
    assert found.ordered_at.dt.strftime("%m-%d").to_dict() == {"1": "03-04", "T-1": "04-03"}
    assert found.store.fillna("").to_dict() == {"1": "", "T-1": "Ulm"}


def test_files_of_one_glob_may_have_their_columns_in_another_order_and_further_ones(make_client, tmp_path):
    found = rows(
        make_client,
        tmp_path,
        "tables: {orders: {from: 'o_*.csv'}}\n",
        o_1=ORDERS + "1,2025-01-01,5\n",
        o_2="amount,store,order_id,ordered_at\n6,Ulm,2,2025-01-02\n",
    )
    assert found.amount.to_dict() == {"1": 5.0, "2": 6.0}
    assert found.store.fillna("").to_dict() == {"1": "", "2": "Ulm"}


def test_a_profile_fills_what_the_client_does_not_and_the_clients_own_columns_win(make_client, tmp_path):
    profile = "tables: {orders: {from: a.csv, profile: shopify/orders%s}}\n"
    export = (
        "Name,Email,Financial Status,Paid at,Subtotal,Shipping,Total,Created at,Lineitem quantity,Lineitem name,"
        "Lineitem price,Refunded Amount,Cancelled at,Id,Currency,Discount Amount\n"
        "#1,a@example.com,paid,2025-01-01 10:00:00 +0100,8,2,10,2025-01-01 10:00:00 +0100,1,x,8,0,,1,CNY,0\n"
    )
    assert rows(make_client, tmp_path, profile % "", a=export).amount.tolist() == [10.0]
    own = profile % ", columns: {amount: Subtotal}"
    assert rows(make_client, tmp_path, own, a=export).amount.tolist() == [8.0]


def test_credit_notes_turn_their_sign_and_nothing_of_a_cent_is_lost(make_client, tmp_path):
    export = "id,day,n\n1,2025-01-01,12.35\n2,2025-01-01,-3\n3,2025-01-01,0\n4,2025-01-01,\n"
    turned = column(make_client, tmp_path, "{first: n, times: -1}", export)
    assert turned == {"1": -12.35, "2": 3.0, "3": 0.0}
    assert str(turned["3"]) == "0.0"
    cents = column(make_client, tmp_path, "{sum: [n, n], times: -0.01}", export.replace("12.35", "333"))
    assert cents == {"1": -6.66, "2": 0.06, "3": 0.0}


@pytest.mark.parametrize("times", ["0", ".inf", ".nan"])
def test_a_number_is_not_multiplied_by_nothing(make_client, tmp_path, times):
    with pytest.raises(UnusableInput, match="times"):
        column(make_client, tmp_path, f"{{first: n, times: {times}}}", "id,day,n\n1,2025-01-01,1\n")


def test_rows_are_told_in_any_case_and_width_and_reasons_keep_the_settings_spelling(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    leave_out: {Kind: [TEST, Test, "gift*"]}
    keep_only: {Shop: [Ulm, Ｋöln, ""]}
    columns: {discount: {first: d, where: {Shop: ULM}}}
"""
    export = (
        ORDERS.strip() + ",Kind,Shop,d\n1,2025-01-01,1,test,Ulm,1\n2,2025-01-01,1,Test,Ulm,1\n"
        "3,2025-01-01,1,GIFT 7,Ulm,1\n4,2025-01-01,1,ｔｅｓｔ,Ulm,1\n5,2025-01-01,1,x,ulm,5\n"
        "6,2025-01-01,1,x,KÖLN,6\n7,2025-01-01,1,tests,,7\n8,2025-01-01,1,x,Bonn,8\n"
    )
    client = make_client(settings, a=export)
    workspace = take_in(client, tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id").discount
    assert {key: None if pd.isna(value) else value for key, value in found.items()} == {"5": 5.0, "6": None, "7": None}
    assert workspace.account["tables"]["orders"]["reasons"] == {
        "left out: Kind is TEST": 2,
        "left out: Kind is Test": 1,
        "left out: Kind is gift…": 1,
        "left out: Shop is none of Ulm, Ｋöln, empty": 1,
    }


def test_a_value_as_it_is_written_goes_before_one_in_another_case(make_client, tmp_path):
    settings = """\
tables:
  orders:
    from: a.csv
    columns: {channel: Source}
    values: {channel: {WEB: site, web: app, "tel*": phone, "*": other}}
"""
    export = (
        ORDERS.strip()
        + ",Source\n"
        + "".join(
            f"{n},2025-01-01,1,{cell}\n"
            for n, cell in enumerate(["web", "WEB", "Web", "Telesales", "ＴＥＬ", "fax", ""])
        )
    )
    found = rows(make_client, tmp_path, settings, a=export).channel
    assert found.fillna("").tolist() == ["app", "site", "site", "phone", "phone", "other", ""]


def zoned(make_client, tmp_path, heading, *, more="", cell="2025-01-01 10:00", zone="Europe/Berlin"):
    """The moment in UTC of one order, and what was decided about its time."""
    settings = f"timezone: {zone}\ntables: {{orders: {{from: a.csv, columns: {{ordered_at: '{heading}'}}{more}}}}}\n"
    client = make_client(settings, a=f"order_id,{heading},amount\n1,{cell},1\n")
    workspace = take_in(client, tmp_path / "w")
    moment = workspace.table("orders").to_pandas().ordered_at[0].tz_localize(zone).tz_convert("UTC")
    decisions = [said for said in workspace.account["tables"]["orders"]["decisions"] if "without offset" in said]
    return moment.strftime("%m-%d %H:%M"), decisions


@pytest.mark.parametrize(
    ("heading", "moment", "said"),
    [
        ("Created (UTC)", "01-01 10:00", "its heading says UTC"),
        ("created_at_utc", "01-01 10:00", "its heading says UTC"),
        ("createdAtUtc", "01-01 10:00", "its heading says UTC"),
        ("Date (GMT)", "01-01 10:00", "its heading says GMT"),
        ("Time [Z]", "01-01 10:00", "its heading says Z"),
        ("时间(北京时间)", "01-01 02:00", "its heading says 北京时间"),
        ("Created (UTC+8)", "01-01 02:00", "its heading says UTC+8"),
        ("Created GMT-05:00", "01-01 15:00", "its heading says GMT-05:00"),
        ("Created", "01-01 09:00", "local time of Europe/Berlin"),
        ("Outcome", "01-01 09:00", "local time of Europe/Berlin"),
    ],
)
def test_the_zone_that_a_heading_says_is_the_zone_of_its_times(make_client, tmp_path, heading, moment, said):
    expected = (moment, [f"ordered_at: {said} (1 time without offset)"])
    assert zoned(make_client, tmp_path, heading) == expected


def test_the_settings_zone_and_a_cells_own_offset_go_before_the_headings(make_client, tmp_path):
    found = zoned(make_client, tmp_path, "Created (UTC)", more=", timezone: Asia/Shanghai")
    assert found == ("01-01 02:00", ["ordered_at: local time of Asia/Shanghai (1 time without offset)"])
    assert zoned(make_client, tmp_path, "Created (UTC)", cell="2025-01-01T10:00:00+02:00") == ("01-01 08:00", [])
    assert zoned(make_client, tmp_path, "Created (UTC)", cell="1/13/2025 3:05 PM")[0] == "01-13 15:05"


def test_each_of_several_headings_and_files_speaks_for_its_own_times(make_client, tmp_path):
    settings = """\
timezone: Asia/Shanghai
tables:
  orders:
    from: o_*.csv
    columns: {ordered_at: [Paid (UTC), Created]}
"""
    client = make_client(
        settings,
        o_1="order_id,Paid (UTC),Created,amount\n1,2025-01-01 10:00,2025-01-01 17:00,1\n2,,2025-01-01 17:00,1\n",
        o_2="order_id,Created,amount\n3,01/13/2025 17:00,1\n",
        o_3="order_id,Paid (UTC),amount\n4,01/13/2025 10:00,1\n",
    )
    workspace = take_in(client, tmp_path / "w")
    found = workspace.table("orders").to_pandas().set_index("order_id").ordered_at
    said = "ordered_at: the heading 'Paid (UTC)' says UTC, else local time of Asia/Shanghai (4 times without offset)"
    assert said in workspace.account["tables"]["orders"]["decisions"]
    hours = found.dt.strftime("%d %H:%M").to_dict()
    assert hours == {"1": "01 18:00", "2": "01 17:00", "3": "13 17:00", "4": "13 18:00"}
