"""Cells that could be read, but not as what they mean: percentages of money, turned signs, days and words for none."""

import datetime

import pytest

from crmlib.contract import TABLES
from crmlib.intake.repairs import HIDDEN, Habits
from crmlib.intake.shape import _cell
from crmlib.mapping import Filling
from tests.intake.repairs.test_repairs import LONDON, Read, one

MONEY = {"unit": "money", "low": 0}


def days(*counted):
    """Birthdays as cells, each so often."""
    return [day for day, number in counted for _ in range(number)]


def born(first, last):
    """One birthday on every day from the first to the last."""
    start, end = datetime.date.fromisoformat(first), datetime.date.fromisoformat(last)
    return [str(start + datetime.timedelta(days=n)) for n in range((end - start).days + 1)]


# Money


def test_a_percentage_is_no_amount_of_money():
    problem = Read("number", ["5.00", "10 %", "7,5 %", "20%"], heading="disc", name="discount", **MONEY).problems[0]
    assert (problem.file, problem.place) == ("tables.orders in client.yaml", "discount (disc)")
    assert problem.found == "3 cells with a percent sign, the first in a.csv, row 3"
    assert problem.remedy == "a discount in percent is no amount: leave the column out, or export the amount"


def test_a_percentage_that_is_no_money_is_a_fraction():
    read = Read("number", ["10 %"], unit="pieces", low=0)
    assert (read.values, read.problems) == ([0.1], [])


def test_with_the_repair_off_a_percentage_of_money_is_unreadable_and_no_question():
    read = Read("number", ["10 %", "5"], habits=Habits(LONDON, repairs={"percent": False}), **MONEY)
    assert (read.values, read.filled, read.problems) == ([None, 5.0], [True, True], [])


@pytest.mark.parametrize(
    ("filling", "units", "low"),
    [
        (Filling(first=["Discount"]), ["money"], 0),
        (Filling(difference=["Price", "Discount"]), ["money", "money"], None),
        (Filling(product=["Price", "Share"]), ["", ""], None),
        (Filling(product=["Price", "Share"], less="Coupon"), ["", "", "money"], None),
    ],
)
def test_the_parts_of_a_sum_are_money_and_the_factors_of_a_product_need_not_be(filling, units, low):
    parts = ["discount"] if len(units) == 1 else [f"discount {n}" for n in range(1, len(units) + 1)]
    cells = [_cell(TABLES["orders"], part, "VARCHAR", {"discount": filling}) for part in parts]
    assert [(cell.unit, cell.low, cell.required) for cell in cells] == [(unit, low, False) for unit in units]


@pytest.mark.parametrize(
    ("sql_type", "cells", "before"),
    [
        ("VARCHAR", ["-12.50", "0", None, "(3.00)", "-€4"], "-12.50"),
        ("DOUBLE", [-12.5, 0.0, None, -3.0, -4.0], "-12.5"),
    ],
)
def test_amounts_that_are_all_negative_have_the_sign_turned(sql_type, cells, before):
    read = Read("number", cells, sql_type=sql_type, **MONEY)
    assert read.values == [12.5, 0.0, None, 3.0, 4.0]
    sign = read.repairs["sign"]
    assert (sign.cells, sign.row, sign.before, sign.after) == (3, 2, before, "12.5")
    assert "column: every amount is negative or 0 (3 negatives), so the sign is turned" in read.decisions


@pytest.mark.parametrize(
    ("cells", "more"),
    [
        (["-5", "-3", "0.01"], MONEY),
        (["-5", "-3"], {"unit": "money"}),
        (["-5", "-3"], {"unit": "points", "low": 0}),
        (["0", None], MONEY),
    ],
)
def test_the_sign_stays_where_signs_are_mixed_or_may_be_negative(cells, more):
    read = Read("number", cells, **more)
    assert read.values == [None if cell is None else float(cell) for cell in cells]
    assert (read.repairs, read.decisions) == ({}, [])


# Birthdays


@pytest.mark.parametrize("sql_type", ["VARCHAR", "DATE"])
@pytest.mark.parametrize("day", ["1900-01-01", "1901-01-01", "1970-01-01"])
def test_a_day_that_stands_for_no_birthday_is_an_empty_cell(day, sql_type):
    read = Read("date", days((day, 5), ("1984-05-06", 1), ("1970-01-02", 1)), sql_type=sql_type, happened=True)
    assert read.values == [None] * 5 + [datetime.date(1984, 5, 6), datetime.date(1970, 1, 2)]
    assert read.filled == [False] * 5 + [True] * 2
    assert (read.repairs["epoch_blank"].cells, sum(read.changed)) == (5, 5)
    said = f"column: {day} stands in 5 cells, far more often than the days around it, and is taken as empty"
    assert read.decisions == [said]


@pytest.mark.parametrize(
    "cells",
    [
        days(("1970-01-01", 4), ("1984-05-06", 3)),
        days(("1984-05-06", 50)),
        # Only the year is known: every 1 January has as many.
        days(*((f"{year}-01-01", 6) for year in range(1960, 1990))),
    ],
)
def test_a_day_on_which_no_more_were_born_than_on_others_is_a_birthday(cells):
    read = Read("date", cells, happened=True)
    assert (read.filled, read.repairs) == ([True] * len(cells), {})


def test_among_many_birthdays_less_than_a_hundredth_is_enough_if_the_days_around_have_far_fewer():
    around = born("1968-06-01", "1971-06-30")
    assert "epoch_blank" in Read("date", [*around, *days(("1970-01-01", 10))], happened=True).repairs
    assert Read("date", [*around, *days(("1970-01-01", 5))], happened=True).repairs == {}


def test_days_that_a_table_requires_are_not_emptied():
    assert Read("date", days(("1970-01-01", 5)), required=True).repairs == {}


# Words


@pytest.mark.parametrize(
    "word",
    [*("k.A.", "k. A.", "keine Angabe", "entfällt", "n. v.", "unbekannt", "inconnu", "non renseigné", "desconocido"),
     *("unknown", "Unknown", "none", "(empty)", "(blank)", "tbd", "不详", "未填写", "(空)", "（空）", "(跳过)")],
)  # fmt: skip
@pytest.mark.parametrize(("kind", "more"), [("text", {}), ("text", {"key": True}), ("number", {}), ("date", {})])
def test_a_word_for_what_nobody_knows_is_an_empty_cell(kind, more, word):
    assert one(kind, word, **more) == (None, False, {"blanks"})


def test_in_their_own_words_only_what_a_program_wrote_is_empty():
    read = Read("text", ["(跳过)", "（空）", "(blank)", "unknown", "none", "k.A.", "tbd"], free=True)
    assert read.values == [None, None, None, "unknown", "none", "k.A.", "tbd"]


def test_a_word_that_the_settings_write_into_a_column_is_meant():
    read = Read("text", ["unknown", "tbd", None], meant=frozenset(["unknown"]))
    assert (read.values, read.repairs["blanks"].cells) == (["unknown", None, None], 1)


def test_longer_words_and_codes_are_no_blanks():
    cells = ["Unknown Pleasures", "KA", "NV", "none of these", "Gast"]
    assert Read("text", cells).values == cells


@pytest.mark.parametrize("word", ["guest", "GUEST", "anonymous", "anonym", "Gast", "游客", "匿名", "散客"])
def test_a_guest_is_no_customer(word):
    read = Read("text", ["C-1", word, word], name="customer_id", key=True, private=True)
    assert (read.values, read.filled) == (["C-1", None, None], [True, False, False])
    assert (read.repairs["guests"].cells, read.repairs["guests"].before) == (2, HIDDEN)
    assert "customer_id: 2 cells with a word for a guest" in read.decisions[0]
    assert Read("text", [word], name="owner_id", key=True).values == [word]


# Scores


def test_a_score_with_its_words_is_the_score():
    read = Read("number", ["10(极有可能)", "0（不可能）", "7", "5 - Very satisfied", "9分", "4星", "", "(跳过)"])
    assert read.values == [10.0, 0.0, 7.0, 5.0, 9.0, 4.0, None, None]
    scores = read.repairs["scores"]
    assert (scores.cells, scores.before, scores.after) == (5, "10(极有可能)", "10.0")
    assert "column: 5 of 6 scores stand with words or a unit" in read.decisions[0]


@pytest.mark.parametrize(
    "cells",
    [["10(极有可能)", "very likely"], ["5-3"], ["2-Jan"], ["12 (34)"], ["5 apples"], ["9分钟"], ["1234 (yes)"]],
)
def test_a_number_among_other_words_is_no_score(cells):
    read = Read("number", cells)
    assert (read.values, read.repairs) == ([None] * len(cells), {})


def test_words_beside_money_are_not_dropped():
    assert Read("number", ["12 (net)"], unit="money").values == [None]


# Years of two digits


@pytest.mark.parametrize("cell", ["23-09-03", "21.06.23", "03/04/23 10:00"])
def test_a_person_decides_where_a_year_of_two_digits_may_be_first_or_last(cell):
    problem = Read("time", [cell]).problems[0]
    assert problem.found == "1 date such as 23-09-03 of which none tells whether the year stands first or last"
    assert "export with four-digit years; if the year stands last, write dates: day first" in problem.remedy
    assert Read("time", [cell], habits=Habits("UTC", dates="day first")).problems == []


@pytest.mark.parametrize(
    ("cells", "day"),
    [
        (["23-09-03", "23-09-45"], datetime.date(1945, 9, 23)),
        (["6/21/23"], datetime.date(2023, 6, 21)),
        (["21/06/2023", "23/09/03"], datetime.date(2003, 9, 23)),
    ],
)
def test_one_date_whose_year_can_only_be_last_decides_for_the_column(cells, day):
    read = Read("date", cells, happened=True)
    assert (read.problems, read.values[-1]) == ([], day)


def test_many_different_first_numbers_and_few_last_ones_are_days_and_years():
    day_first = Read(
        "date", [f"{day:02}.{month:02}.{year}" for day in range(1, 29) for month, year in ((9, 23), (2, 24))]
    )
    assert (day_first.problems, day_first.values[0]) == ([], datetime.date(2023, 9, 1))
    assert day_first.decisions == [
        "column: day before month, the year last (28 different first numbers, 2 different last ones)"
    ]
    year_first = Read("date", [f"23-09-{day:02}" for day in range(1, 29)])
    assert year_first.problems[0].found == "28 dates such as 23-09-03 that begin with a year of two digits"
    assert year_first.problems[0].remedy == "export with four-digit years"


def test_a_first_number_of_0_is_a_year():
    assert Read("date", ["00-09-03", "12-09-03"]).problems[0].remedy == "export with four-digit years"
