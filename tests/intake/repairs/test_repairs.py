"""Cells as they stand in exports, and what they are read as; whole columns decide what one cell cannot."""

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlib.intake.repairs import HIDDEN, Cell, Habits, examine, words

LONDON = "Europe/London"
QUICK = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Read:
    """One column read: its values, what is filled and changed, and all that is said about it."""

    def __init__(self, kind, cells, *, habits=None, sql_type="VARCHAR", files=None, name="column", **more):
        habits = habits or Habits(LONDON)
        connection = duckdb.connect()
        connection.sql("SET TimeZone = 'UTC'")
        connection.sql(f"CREATE TABLE raw (_file VARCHAR, _row BIGINT, cell {sql_type})")
        files = files or ["a.csv"] * len(cells)
        rows = [(file, i + 2, cell) for i, (file, cell) in enumerate(zip(files, cells, strict=True))]
        connection.executemany("INSERT INTO raw VALUES (?, ?, ?)", rows)
        cell = Cell(name, kind, "cell", type=sql_type, **more)
        mended, self.problems = examine(connection, "raw", [cell], habits, place="tables.orders in client.yaml")
        self.sql = mended[name]
        value = f"epoch_us({self.sql.value})" if kind == "time" else f"({self.sql.value})"
        read = connection.sql(
            f"SELECT {value}, {self.sql.filled}, {self.sql.changed} FROM raw ORDER BY _row"
        ).fetchall()
        self.values, self.filled, self.changed = ([row[i] for row in read] for i in range(3))
        self.repairs = {repair.name: repair for repair in self.sql.repairs}
        self.decisions = [str(said) for said in self.sql.decisions]

    @property
    def moments(self):
        """Times as UTC without zone."""
        start = datetime.datetime(1970, 1, 1)
        return [None if v is None else start + datetime.timedelta(microseconds=v) for v in self.values]


def one(kind, cell, **more):
    """A cell alone in its column: its value, whether it is filled, and the repairs it needed."""
    read = Read(kind, [cell], **more)
    assert read.changed == [bool(read.repairs)]
    return read.values[0], read.filled[0], set(read.repairs)


@pytest.mark.parametrize(
    ("before", "after", "repairs"),
    [
        ("12.5", 12.5, set()),
        (" 12.5 ", 12.5, set()),
        ("1e3", 1000.0, set()),
        ("¥1,299.50", 1299.5, {"money"}),
        ("￥ 12", 12.0, {"money"}),
        ("12元", 12.0, {"money"}),
        ("৳2,999", 2999.0, {"money"}),
        ("₹1,23,456.50", 123456.5, {"money"}),
        ("RMB 7.20", 7.2, {"money"}),
        ("7.20 USD", 7.2, {"money"}),
        ("Rs.12", 12.0, {"money"}),
        ("(12.50)", -12.5, {"money"}),
        ("($12.50)", -12.5, {"money"}),
        ("-$3", -3.0, {"money"}),
        ("$-3", -3.0, {"money"}),
        ("5.25-", -5.25, {"money"}),
        ("−5", -5.0, {"money"}),
        ("１２３．５", 123.5, {"money"}),
        ("1 234 567.5", 1234567.5, {"money"}),
        ("1\u00a0234.5", 1234.5, {"money", "unseen"}),
        ("1'234.50", 1234.5, {"money"}),
        ("1.2万", 12000.0, {"money"}),
        ("3亿元", 3e8, {"money"}),
        ("12.5%", 0.125, {"percent"}),
        ("12,5", 12.5, {"decimal_comma"}),
        ("-1.234,56", -1234.56, {"decimal_comma"}),
        ("€ 1.234,56", 1234.56, {"decimal_comma", "money"}),
        ("\u200b12.5\ufeff", 12.5, {"trimmed"}),
        ("'12.5", 12.5, {"text_marks"}),
    ],
)
def test_a_number_is_read_as_it_is_meant(before, after, repairs):
    assert one("number", before) == (after, True, repairs)


@pytest.mark.parametrize("cell", ["abc", "inf", "1_000", "12.5.6", "1,23", "(5", "--5", "12 34", "#REF!"])
def test_what_is_no_number_stays_unreadable_and_counts_as_filled(cell):
    habits = Habits(LONDON, decimal=".")
    assert one("number", cell, habits=habits) == (None, True, set())


@pytest.mark.parametrize("kind", ["number", "time", "date", "text"])
@pytest.mark.parametrize(
    "word",
    [*("-", "--", "—", "?", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "nan", "NaT", "(null)", "\\N"),
     *("未知", "空", "暂无", "无")],
)  # fmt: skip
def test_a_blank_word_is_an_empty_cell(kind, word):
    assert one(kind, word) == (None, False, {"blanks"})


@pytest.mark.parametrize("cell", ["", "   ", None])
@pytest.mark.parametrize("kind", ["number", "time", "date", "text", "flag", "whole"])
def test_an_empty_cell_is_empty_without_a_repair(kind, cell):
    assert one(kind, cell) == (None, False, set())


def test_a_lone_currency_sign_is_an_empty_sum():
    assert one("number", "¥") == (None, False, {"blanks"})
    assert one("text", "¥") == ("¥", True, set())


def test_customers_own_words_are_blank_only_where_a_program_wrote_them():
    read = Read("text", ["-", "无", "?", "NaN", "'quoted' words", "a\tb"], free=True)
    assert read.values == ["-", "无", "?", None, "'quoted' words", "a\tb"]
    assert read.repairs["blanks"].cells == 1


def test_na_among_region_codes_is_north_america():
    assert Read("text", ["EU", "NA", "APAC", "NA"]).values == ["EU", "NA", "APAC", "NA"]
    assert Read("text", ["web", "NA", "store"]).values == ["web", None, "store"]
    assert Read("text", ["EU", "NA", "APAC"], key=True).values == ["EU", None, "APAC"]


@pytest.mark.parametrize(
    ("before", "after", "repairs"),
    [
        ("17850.0", "17850", {"float_ids"}),
        ("'18600001111", "18600001111", {"text_marks"}),
        ('="193123"', "193123", {"text_marks"}),
        ("123\t", "123", {"trimmed"}),
        ("\u3000x1 ", "x1", {"trimmed"}),
        ("Anna@Example.com", "anna@example.com", {"key_case"}),
        ("１２ａ", "12a", {"full_width"}),
        ("'17850.0", "17850", {"text_marks", "float_ids"}),
        ("aBc", "aBc", set()),
        ("0017850", "0017850", set()),
        ("00Q5e00000AbCdE", "00Q5e00000AbCdE", set()),
        ("5E10", "5E10", set()),
        ("138****1234", "138****1234", set()),
    ],
)
def test_an_identifier_is_mended_without_losing_a_character(before, after, repairs):
    assert one("text", before, key=True) == (after, True, repairs)


def test_a_text_that_is_no_identifier_keeps_its_capitals_and_apostrophes():
    cells = ["'t Hof 4", "Anna@Example.com", "12.0", "＠１２＿Ａ"]
    assert Read("text", cells).values == [*cells[:-1], "＠12＿A"]


def test_codes_among_which_some_have_a_fraction_are_no_floats():
    read = Read("text", ["1.0", "1.5", "2.0"], key=True)
    assert read.values == ["1.0", "1.5", "2.0"]
    assert "2 values such as 12.0 kept as they are" in read.decisions[0]


def test_identifiers_that_excel_destroyed_are_flagged_and_not_guessed():
    read = Read("text", ["1.23E+17", "123456789012345678"], key=True)
    assert (read.values, read.filled, read.changed) == ([None, "123456789012345678"], [True, True], [False, False])
    assert "destroyed by Excel" in read.decisions[0]
    rounded = Read("text", [f"12345678901234{i}000" for i in range(5)], key=True)
    assert rounded.values[1] == "123456789012341000"
    assert "5 of 5 long numbers have only zeros after the 15th digit" in rounded.decisions[0]
    assert Read("text", ["123456789012345678", "123456789012345000", "9" * 18], key=True).decisions == []


def test_masked_values_are_kept_and_counted():
    assert Read("text", ["138****1234", "139****0000", "x"]).decisions == [
        "column: 2 values masked at the source, kept as they are"
    ]


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("是", "否"),
        ("有", "无"),
        ("已", "未"),
        ("opted in", "Opted Out"),
        ("TRUE", "FALSE"),
        ("1.0", "0.0"),
        ("Y", "N"),
    ],
)
def test_a_flag_is_read_in_the_words_of_its_system(true, false):
    assert Read("flag", [true, false, None]).values == [True, False, None]


def test_a_tick_beside_empty_cells_means_yes_and_no():
    assert Read("flag", ["x", None, "X", ""]).values == [True, False, True, False]
    assert Read("flag", ["x", None, "no"]).values == [True, None, False]
    assert Read("flag", ["是", "未知", "maybe"]).values == [True, None, None]


AT_TWO = datetime.datetime(2023, 6, 21, 13, 5)
"""2023-06-21 14:05 in London, in UTC."""


@pytest.mark.parametrize(
    ("before", "repairs"),
    [
        ("2023-06-21 14:05:00", set()),
        ("2023-06-21T14:05", set()),
        ("2023/6/21 14:05", set()),
        ("2023-06-21T13:05:00Z", set()),
        ("2023-06-21 21:05:00+0800", set()),
        ("2023.06.21 14:05", {"date_format"}),
        ("2023年6月21日 14时05分", {"date_format"}),
        ("2023年06月21日 14:05:00", {"date_format"}),
        ("2023/6/21 下午 2:05:00", {"date_format"}),
        ("20230621 14:05", {"date_format"}),
        ("20230621140500", {"date_format"}),
        ("2023-06-21 02:05 PM", {"date_format"}),
        ("Jun 21, 2023 02:05 PM", {"date_format"}),
        ("June 21st, 2023 2:05pm", {"date_format"}),
        ("21 Jun 2023 14:05", {"date_format"}),
        ("21-Jun-23 14:05", {"date_format"}),
        ("Wed Jun 21 2023 21:05:00 GMT+0800 (China Standard Time)", {"date_format"}),
        ("Wed, 21 Jun 2023 13:05:00 GMT", {"date_format"}),
        ("Wed Jun 21 14:05:00 2023", {"date_format"}),
        ("21/06/2023 14:05", {"day_month"}),
        ("6/21/23 2:05 PM", {"day_month"}),
        ("21.06.2023, 14:05", {"day_month"}),
        ("45098.58680555556", {"serial_dates"}),
        ("1687352700", {"epochs"}),
        ("1687352700000", {"epochs"}),
        ("1687352700000000", {"epochs"}),
        ("'2023-06-21 14:05", {"text_marks"}),
    ],
)
def test_a_time_is_the_same_moment_in_whatever_form_it_is_written(before, repairs):
    read = Read("time", [before])
    assert (read.moments, read.filled, set(read.repairs), read.problems) == ([AT_TWO], [True], repairs, [])
    assert read.changed == [bool(repairs)]


@pytest.mark.parametrize("cell", ["2023-02-30", "31/02/2023", "Feb 30, 2023", "20230230", "yesterday", "25:00", "123"])
def test_a_day_that_does_not_exist_is_unreadable(cell):
    assert one("time", cell) == (None, True, set())


@pytest.mark.parametrize(
    "cell",
    ["1970-01-01", "1970-01-01 00:00:00", "1970-01-01 01:00:00", "1970-01-01T00:00:00Z", "0", "0000-00-00 00:00:00"],
)
def test_the_start_of_the_epoch_is_an_empty_time(cell):
    assert one("time", cell) == (None, False, {"epoch_blank"})


def test_somebody_may_be_born_when_the_epoch_began():
    assert one("date", "1970-01-01", happened=True) == (datetime.date(1970, 1, 1), True, set())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1/13/45", datetime.date(1945, 1, 13)),
        ("19880203", datetime.date(1988, 2, 3)),
        ("1988年2月3日", datetime.date(1988, 2, 3)),
        ("45098", datetime.date(2023, 6, 21)),
        ("2023-06-20T23:30:00Z", datetime.date(2023, 6, 21)),
        ("1687302000000", datetime.date(2023, 6, 21)),
    ],
)
def test_a_date_is_the_day_in_the_clients_zone(before, after):
    assert Read("date", [before], happened=True).values == [after]


def test_one_date_that_can_only_be_read_so_decides_for_the_column():
    day_first = Read("time", ["03/04/2023", "13/04/2023", "05/06/2023 10:00"])
    assert [m.strftime("%m-%d") for m in day_first.moments] == ["04-02", "04-12", "06-05"]
    assert day_first.decisions[0] == "column: day before month (1 of 3 dates can only be read so)"
    month_first = Read("time", ["03/04/2023", "04/13/2023", "12/06/2023 10:00"])
    assert [m.strftime("%m-%d") for m in month_first.moments] == ["03-04", "04-12", "12-06"]
    assert "column: local time of Europe/London (3 times without offset)" in month_first.decisions


def test_a_person_decides_on_dates_that_may_be_either():
    undecided = Read("time", ["03/04/2023", "05/06/2023"])
    assert "2 dates of which none tells" in str(undecided.problems[0])
    assert "month first" in undecided.problems[0].remedy
    decided = Read("time", ["03/04/2023", "13/04/2023"], habits=Habits("UTC", dates="month first"))
    assert decided.problems == []
    assert (decided.moments, decided.filled) == ([datetime.datetime(2023, 3, 4), None], [True, True])
    assert Read("time", ["05/05/2023"]).problems == []


def test_both_orders_in_one_column_are_a_problem():
    read = Read("time", ["21/06/2023", "06/21/2023", "1/2/2023"])
    assert "1 date with the day first, 1 with the month first, 1 that may be either" in str(read.problems[0])


def test_a_column_without_evidence_follows_the_other_columns_of_its_file():
    connection = duckdb.connect()
    connection.sql(
        "CREATE TABLE raw AS SELECT 'a.csv' AS _file, i + 2 AS _row, '03/04/2023' AS opened, '25/12/2023' AS closed, "
        "'1,234' AS cost, '12,50' AS amount FROM range(3) t(i)"
    )
    cells = [Cell("opened", "date", "opened"), Cell("closed", "date", "closed")]
    cells += [Cell("cost", "number", "cost"), Cell("amount", "number", "amount")]
    mended, problems = examine(connection, "raw", cells, Habits(LONDON), place="")
    read = connection.sql(f"SELECT {mended['opened'].value}, {mended['cost'].value} FROM raw").fetchone()
    assert (read, problems) == ((datetime.date(2023, 4, 3), 1.234), [])
    assert [str(said) for said in mended["opened"].decisions] == ["opened: day before month, as in closed"]


def test_the_comma_is_decided_on_the_whole_column():
    comma = Read("number", ["1.234,56", "12,5", "1.234", "7", "2,500"])
    assert comma.values == [1234.56, 12.5, 1234.0, 7.0, 2.5]
    assert comma.decisions == ["column: the comma stands before the fraction (2 numbers can only be read so)"]
    point = Read("number", ["1,234.56", "12.5", "1,234", "7"])
    assert point.values == [1234.56, 12.5, 1234.0, 7.0]
    assert point.problems == []


def test_a_person_decides_on_a_comma_that_may_be_either():
    assert "1 number such as 1,234" in str(Read("number", ["1,234", "12"]).problems[0])
    assert Read("number", ["1,234", "12"], habits=Habits(LONDON, decimal=",")).values == [1.234, 12.0]
    assert Read("number", ["1,234", "12"], habits=Habits(LONDON, decimal=".")).values == [1234.0, 12.0]


def test_twenty_points_that_all_part_three_digits_may_be_thousands():
    assert "may part thousands" in str(Read("number", ["1.377"] * 20 + ["950"]).problems[0])
    assert Read("number", ["1.377"] * 19 + ["950"]).problems == []
    assert Read("number", ["1.377"] * 20, habits=Habits(LONDON, decimal=",")).values == [1377.0] * 20
    assert Read("number", ["1.377"] * 20, habits=Habits(LONDON, decimal=".")).problems == []


def test_a_point_that_cannot_part_thousands_is_never_taken_away():
    assert Read("number", ["1.5", "1.0"], habits=Habits(LONDON, decimal=",")).values == [1.5, 1.0]


@pytest.mark.parametrize(
    ("repair", "kind", "cell", "left", "more"),
    [
        ("blanks", "text", "未知", "未知", {}),
        ("trimmed", "text", "a\n", "a\n", {}),
        ("entities", "text", "A &amp; B", "A &amp; B", {}),
        ("unseen", "text", "A\u200bB", "A\u200bB", {}),
        ("composed", "text", "Jose\u0301", "Jose\u0301", {}),
        ("text_marks", "text", "'123", "'123", {"key": True}),
        ("float_ids", "text", "17850.0", "17850.0", {"key": True}),
        ("destroyed_ids", "text", "1.23E+17", "1.23E+17", {"key": True}),
        ("key_case", "text", "A@b.de", "A@b.de", {"key": True}),
        ("full_width", "text", "１２", "１２", {"key": True}),
        ("money", "number", "¥5", None, {}),
        ("decimal_comma", "number", "1,5", None, {}),
        ("percent", "number", "5%", None, {}),
        ("date_format", "time", "2023.06.21", None, {}),
        ("day_month", "time", "21/06/2023", None, {}),
        ("serial_dates", "time", "45098", None, {}),
        ("epochs", "time", "1687352700", None, {}),
        ("epoch_blank", "time", "1970-01-01T01:00:00+01:00", 0, {}),
        ("flags", "flag", "是", None, {}),
        ("guests", "text", "Gast", "Gast", {"key": True, "name": "customer_id"}),
        ("scores", "number", "9分", None, {}),
        ("sign", "number", "-5", -5.0, {"unit": "money", "low": 0}),
    ],
)
def test_a_repair_that_is_switched_off_leaves_the_cell_as_it_is(repair, kind, cell, left, more):
    assert repair in words.names("repairs")
    assert one(kind, cell, habits=Habits(LONDON, repairs={repair: False}), **more) == (left, True, set())


def test_every_changed_cell_is_counted_and_the_first_is_shown():
    cells = ["-", "¥5", "6", "¥7", "?", "x"]
    read = Read("number", cells, files=["b.csv", "b.csv", "b.csv", "a.csv", "a.csv", "a.csv"])
    assert sum(repair.cells for repair in read.repairs.values()) == sum(read.changed) == 4
    money = read.repairs["money"]
    assert (money.cells, money.file, money.row, money.before, money.after) == (2, "a.csv", 5, "¥7", "7.0")


def test_no_example_shows_a_persons_data():
    repair = Read("text", ["'13800001111"], key=True, private=True).repairs["text_marks"]
    assert (repair.before, repair.after) == (HIDDEN, HIDDEN)


@pytest.mark.parametrize(
    ("kind", "cells", "more"),
    [
        ("text", ["ORD-1", "ORD-2", None], {"key": True}),
        ("text", ["web", "门店"], {}),
        ("text", ["great, 'really'", "-"], {"free": True}),
        ("time", ["2023-06-21 14:05:00", "2023-06-21"], {}),
        ("date", ["2023-06-21"], {}),
        ("number", ["1", "2.50", "-3"], {}),
        ("flag", ["true", "NO", "1"], {}),
    ],
)
def test_a_clean_column_costs_a_cast_and_nothing_more(kind, cells, more):
    read = Read(kind, cells, **more)
    assert (read.sql.changed, read.sql.repairs) == ("false", ())
    assert "regexp" not in read.sql.value


@pytest.mark.parametrize(
    ("kind", "sql_type", "cell", "value", "repairs"),
    [
        ("text", "DOUBLE", 17850.0, "17850", set()),
        ("text", "BIGINT", 17850, "17850", set()),
        ("number", "DECIMAL(9,2)", Decimal("12.50"), 12.5, set()),
        ("number", "DOUBLE", float("nan"), None, set()),
        ("date", "DATE", datetime.date(2023, 6, 21), datetime.date(2023, 6, 21), set()),
        ("date", "BIGINT", 20230621, datetime.date(2023, 6, 21), {"date_format"}),
        ("date", "DOUBLE", 45098.0, datetime.date(2023, 6, 21), {"serial_dates"}),
        ("time", "TIMESTAMP", datetime.datetime(2023, 6, 21, 14, 5), 1687352700000000, set()),
        ("time", "BIGINT", 1687352700000, 1687352700000000, {"epochs"}),
        ("time", "BIGINT", 0, None, {"epoch_blank"}),
        ("flag", "BOOLEAN", True, True, set()),
        ("flag", "INTEGER", 0, False, set()),
    ],
)
def test_cells_that_have_a_type_are_read_by_it(kind, sql_type, cell, value, repairs):
    read = Read(kind, [cell], sql_type=sql_type)
    assert (read.values, set(read.repairs)) == ([value], repairs)


STYLES = {
    "plain": lambda text: text,
    "thousands": lambda text: f"{Decimal(text):,.2f}",
    "sign before": lambda text: f"¥{Decimal(text):,.2f}",
    "sign behind": lambda text: f"{Decimal(text):,.2f} 元",
    "code": lambda text: f"USD {text}",
    "parentheses": lambda text: f"({Decimal(text[1:]):,.2f})" if text.startswith("-") else text,
    "minus behind": lambda text: f"{text[1:]}-" if text.startswith("-") else text,
    "apostrophes": lambda text: f"{Decimal(text):,.2f}".replace(",", "'"),
    "no-break blanks": lambda text: f"{Decimal(text):,.2f}".replace(",", "\u00a0"),
    "full width": lambda text: text.translate(str.maketrans("0123456789.-", "０１２３４５６７８９．－")),
    "comma": lambda text: f"{Decimal(text):,.2f}".translate(str.maketrans(".,", ",.")),
    "euro": lambda text: f"{Decimal(text):,.2f}".translate(str.maketrans(".,", ",.")) + " €",
}


@pytest.mark.parametrize("style", STYLES)
@QUICK
@given(amounts=st.lists(st.decimals("-99999999", "99999999", places=2), min_size=1, max_size=60))
def test_any_amount_reads_back_exactly_in_every_style(style, amounts):
    texts = [format(amount, "f") for amount in amounts]
    read = Read("number", [STYLES[style](text) for text in texts])
    assert read.values == [float(text) for text in texts]
    assert read.problems == []


FORMS = {
    "iso": "%Y-%m-%d %H:%M:%S",
    "year first with points": "%Y.%m.%d %H:%M:%S",
    "chinese": "%Y年%m月%d日 %H时%M分%S秒",
    "compact": "%Y%m%d%H%M%S",
    "month name": "%b %d, %Y %I:%M:%S %p",
    "day before month name": "%d %B %Y %H:%M:%S",
    "short": "%d-%b-%y %H:%M:%S",
    "browser": "%a %b %d %Y %H:%M:%S",
    "day first": "%d/%m/%Y %H:%M:%S",
    "month first": "%m/%d/%Y %I:%M:%S %p",
    "points": "%d.%m.%Y %H:%M:%S",
    "day first, short": "%d-%m-%y %H:%M:%S",
}
TIMES = st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2030, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)


@pytest.mark.parametrize("form", FORMS)
@QUICK
@given(times=st.lists(TIMES, min_size=1, max_size=60))
def test_any_time_reads_back_as_the_same_moment_in_every_form(form, times):
    dates = {"day first": "day first", "month first": "month first"}.get(form.split(",")[0], "day first")
    read = Read("time", [time.strftime(FORMS[form]) for time in times], habits=Habits("Asia/Shanghai", dates=dates))
    shanghai = ZoneInfo("Asia/Shanghai")
    assert read.values == [round(time.replace(tzinfo=shanghai).timestamp()) * 1_000_000 for time in times]


@pytest.mark.parametrize("unit", [1, 1000, 1_000_000])
@QUICK
@given(times=st.lists(TIMES, min_size=1, max_size=60))
def test_any_epoch_reads_back_as_the_same_moment(unit, times):
    seconds = [round(time.replace(tzinfo=datetime.UTC).timestamp()) for time in times]
    assert Read("time", [str(s * unit) for s in seconds]).values == [s * 1_000_000 for s in seconds]


@QUICK
@given(times=st.lists(TIMES, min_size=1, max_size=60))
def test_any_serial_date_reads_back_as_the_same_wall_clock(times):
    days = [(time - datetime.datetime(1899, 12, 30)) / datetime.timedelta(days=1) for time in times]
    assert Read("time", [repr(day) for day in days], habits=Habits("UTC")).moments == times
