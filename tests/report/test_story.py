"""What the briefing begins with: one test per rule, at its boundaries, in both languages and within its lengths."""

import datetime as dt
import re
from typing import Any

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from crmlib.finding import Finding
from crmlib.lifecycle.scorecard.bridge import revenue_bridge
from crmlib.report.story import story
from crmlib.words import use

ACCOUNT = {
    "as_of": "2025-12-31",
    "first_day": "2024-01-01",
    "last_day": "2025-12-30",
    "tables": {"orders": {"rows": 900, "last_day": "2025-12-30"}},
}


def bridge(
    *,
    months: int = 12,
    begins: str = "2020-01-01",
    error: float = 1.0,
    cut: bool = False,
    **parts: tuple[int, float, float],
) -> Any:
    """A bridge of parts given as ``(customers, before, after)``; ``returned`` only where it is given."""
    came = "new_or_returned" if "new_or_returned" in parts else "new"
    given = {"lost": (0, 0, 0), "stayed": (0, 0, 0), came: (0, 0, 0), "guests": (0, 0, 0)} | parts
    order = [name for name in ("lost", "stayed", "returned", came, "guests") if name in given]
    table = pd.DataFrame([given[name] for name in order], columns=["customers", "before", "after"])
    table = table.assign(part=order, amount=table.after - table.before).astype({"before": float, "after": float})
    of = table.set_index("part").customers
    whole = table[["before", "after"]].sum()
    ends = [
        {"part": "before", "customers": of["lost"] + of["stayed"], **whole, "amount": whole["before"]},
        {"part": "after", "customers": of.sum() - of["lost"] - of["guests"], **whole, "amount": whole["after"]},
    ]
    table = pd.concat([pd.DataFrame(ends[:1]), table, pd.DataFrame(ends[1:])], ignore_index=True)
    changes = dt.date(2026, 1, 1) - dt.timedelta(days=round(30.4 * months))
    times = {"months": months, "starts": changes - (dt.date(2026, 1, 1) - changes), "changes": changes}
    return table.assign(
        error=error, **times, ends=dt.date(2025, 12, 31), data_begin=dt.date.fromisoformat(begins), cut=cut
    )


CUT = {"data_begin": "2024-01-01", "left_out": 300, "customers": 500}


@pytest.fixture(autouse=True)
def in_yuan():
    use("en", "CNY")
    yield
    use()


def finding(key: str = "nps.score", **more: Any) -> Finding:
    told = {
        "headline": "The score is 32",
        "evidence": "450 answers in 2025.",
        "certainty": "Few.",
        "action": "",
        "direction": "bad",
    }
    return Finding(key, **(told | more))


def headline(*args: Any, **more: Any) -> str:
    return story(bridge(*args, **more), [], ACCOUNT).headline


def test_the_invented_bridges_look_like_the_real_one():
    days = pd.date_range("2023-02-01", "2025-12-01", freq="MS")
    orders = pd.DataFrame({"customer_id": [f"{day:%m}" for day in days], "amount": 10.0, "ordered_at": days})
    real = revenue_bridge(orders, as_of="2025-12-31")
    assert sorted(bridge(returned=(1, 0, 5))) == sorted(real)
    assert list(bridge().part) == [name for name in real.part if name != "returned"]
    told = story(real, [], ACCOUNT)
    assert told.headline == "Sales held, and nobody new is in the data"


def test_growth_beyond_chance_is_told_with_the_buyers_who_left_where_at_least_two_in_five_did():
    many = bridge(lost=(40, 400, 0), stayed=(60, 600, 700), new=(50, 0, 800))
    assert story(many, [], ACCOUNT).headline == "Sales rose 50%, but 40% of last year’s buyers did not come back"
    fewer = bridge(lost=(39, 390, 0), stayed=(61, 610, 700), new=(50, 0, 800))
    assert story(fewer, [], ACCOUNT).headline == "Sales rose 50%, carried by new customers"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"stayed": (90, 900, 1500), "new": (5, 0, 100)}, "Sales rose 60%, because those who stayed bought more"),
        ({"stayed": (90, 900, 1000), "new": (5, 0, 700)}, "Sales rose 70%, carried by new customers"),
        ({"stayed": (90, 900, 900), "returned": (9, 0, 400)}, "Sales rose 30%, because former customers came back"),
        ({"stayed": (90, 900, 900), "guests": (0, 0, 400)}, "Sales rose 30%, but through guests whom we do not know"),
        ({"stayed": (90, 900, 500), "new": (5, 0, 200)}, "Sales fell 30%, because those who stayed bought less"),
        ({"stayed": (90, 900, 850), "new": (5, 0, 40)}, "Sales fell 11%: too few new ones replaced those who left"),
    ],
)  # fmt: skip
def test_else_the_part_that_moved_most_stands_behind_the_change(parts, said):
    assert headline(**({"new": (5, 0, 0)} | parts), lost=(10, 100, 0)) == said


def test_what_new_customers_brought_is_held_against_what_those_who_left_had_spent():
    replaced = {"lost": (30, 500, 0), "stayed": (70, 500, 800), "new": (40, 0, 550)}
    assert headline(**replaced) == "Sales rose 35%, because those who stayed bought more"


def test_where_the_earlier_buyers_have_no_name_nobody_is_said_to_have_come_back():
    unnamed = bridge(lost=(0, 0, 0), stayed=(0, 0, 0), new=(90, 0, 1010), guests=(0, 1000, 0), error=100.0)
    told = story(unnamed, [], ACCOUNT)
    assert told.headline == "Sales held, but we cannot tell who came back"
    assert "100% of the earlier sales were paid without a name" in told.lead


def test_guests_who_buy_less_explain_a_fall():
    parts = {"stayed": (90, 500, 500), "new": (9, 0, 9), "guests": (0, 400, 100)}
    assert headline(**parts) == "Sales fell 32%, because guests bought less"


def test_a_fall_is_told_with_the_buyers_who_left_as_its_reason():
    parts = {"lost": (50, 500, 0), "stayed": (50, 500, 480), "new": (5, 0, 20)}
    assert headline(**parts) == "Sales halved: half of last year’s buyers did not come back"


def test_a_change_within_chance_is_none():
    parts = {"lost": (30, 300, 0), "stayed": (70, 700, 700), "new": (40, 0, 350)}
    assert headline(**parts, error=50 / 1.96 + 0.1) == "Sales held at ¥1,050, and most buyers came back"
    assert headline(**parts, error=50 / 1.96 - 0.1) == "Sales rose 5%, carried by new customers"
    many = {"lost": (70, 300, 0), "stayed": (30, 700, 700), "new": (40, 0, 350)}
    assert headline(**many, error=100.0) == "Sales held, but 70% of last year’s buyers did not come back"


@pytest.mark.parametrize(("new", "is_closed"), [(0, True), (1, True), (2, False)])
def test_a_base_without_new_customers_can_only_shrink(new, is_closed):
    parts = {"lost": (100, 600, 0), "stayed": (100 - new, 400, 300), "new": (new, 0, 10)}
    told = story(bridge(**parts, begins="2024-01-01"), [], ACCOUNT)
    assert ("the data hold nobody new, and half stopped buying" in told.headline) == is_closed
    assert ("Compare groups of customers by age" in told.lead) == is_closed
    assert "filling up" not in told.caveat


def test_a_closed_base_that_spends_more_is_told_too():
    assert headline(lost=(1, 10, 0), stayed=(99, 90, 180)) == "Sales rose 80%, although nobody new is in the data"


@pytest.mark.parametrize(("guests", "unknown"), [(499, False), (500, False), (501, True), (1000, True)])
def test_where_guests_pay_more_than_half_nobody_can_say_who_came_back(guests, unknown):
    told = story(bridge(lost=(9, 500, 0), new=(9, 0, 1000 - guests), guests=(0, 100, guests)), [], ACCOUNT)
    assert told.headline.endswith("but most come from buyers whom we do not know") == unknown
    assert ("nobody can say who came back" in told.lead) == unknown


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        (100, 189, "rose 89%"), (100, 190, "doubled"), (100, 215, "doubled"), (100, 216, "rose 116%"),
        (100, 56, "fell 44%"), (100, 55, "halved"), (100, 45, "halved"), (100, 44, "fell 56%"),
    ],
)  # fmt: skip
def test_double_and_half_are_said_only_near_double_and_half(then, now, said):
    parts = {"stayed": (9, then, now - 2), "new": (1, 0, 2)}
    assert headline(**parts).startswith(f"Sales {said}")


@pytest.mark.parametrize(
    ("lost", "said"),
    [(46, "46%"), (47, "half"), (53, "half"), (54, "54%"), (64, "64%"), (65, "two thirds"), (69, "two thirds"),
     (70, "70%"), (72, "72%"), (73, "three quarters"), (77, "three quarters"), (78, "78%")],
)  # fmt: skip
def test_shares_are_said_as_one_says_them_where_they_are_that(lost, said):
    assert f"but {said} of" in headline(lost=(lost, 10, 0), stayed=(100 - lost, 100, 90), new=(50, 0, 100))


def test_the_lead_says_what_came_who_left_and_what_it_takes_to_stand_still():
    told = story(bridge(lost=(1922, 944e3, 0), stayed=(1868, 1241e3, 1598e3), new=(3924, 0, 2717e3)), [], ACCOUNT)
    assert told.lead == (
        "Sales reached ¥4.32m, up from ¥2.19m. New customers brought ¥2.72m. Of 3,790 earlier buyers, 1,922 "
        "bought nothing since. Standing still would take about 2,900 new buyers a year."
    )


def test_what_nobody_left_for_is_not_told():
    lead = story(bridge(stayed=(9, 900, 1000), new=(1, 0, 10)), [], ACCOUNT).lead
    assert lead == "Sales reached ¥1,010, up from ¥900. New customers brought ¥10."


def test_a_time_that_is_no_year_is_not_called_one():
    assert "of earlier buyers did not" in headline(months=9, lost=(9, 90, 0), stayed=(9, 90, 90), new=(9, 0, 190))


@pytest.mark.parametrize("table", [None, bridge().iloc[:0], bridge(months=2, stayed=(9, 9, 99))])
def test_without_two_times_that_can_be_compared_the_strongest_news_speak(table):
    told = story(table, [finding(), finding("nps.trend", headline="It rose")], ACCOUNT)
    assert (told.headline, told.lead, told.told.key) == ("The score is 32", "450 answers in 2025.", "nps.score")


def test_three_months_can_be_compared():
    assert headline(months=3, stayed=(9, 100, 200), new=(1, 0, 5)).startswith("Sales doubled")


def test_news_are_told_before_decisions_which_stand_below_and_before_the_state_of_the_data():
    asks = {"action": "Act.", "owner": "sales", "when": "week"}
    made = [finding("nps.a", headline="Decide", **asks), finding("customer_data.b", headline="Data"), finding("nps.c")]
    assert story(None, made, ACCOUNT).told.key == "nps.c"
    assert story(None, made[:1], ACCOUNT).headline == "Decide"
    assert story(None, made[1:2], ACCOUNT).headline == "Data"


def test_what_has_no_evidence_is_led_by_how_sure_it_is():
    assert story(None, [finding(evidence="")], ACCOUNT).lead == "Few."


def test_without_anything_there_is_no_story_yet():
    told = story(None, [], ACCOUNT)
    assert (told.headline, told.is_empty) == ("These data tell no story yet", True)
    assert not story(None, [finding()], ACCOUNT).is_empty


GROWS = {"stayed": (9, 100, 200), "new": (5, 0, 100)}


def caveat(table: Any = None, *, last: str | None = "2025-12-30", margin_is_set: bool = True) -> str:
    tables = {} if last is None else {"orders": {"last_day": last}}
    return story(table, [], ACCOUNT | {"tables": tables}, margin_is_set=margin_is_set).caveat


def test_of_all_that_must_be_known_only_the_gravest_is_said():
    short = bridge(**GROWS, months=6, begins="2024-01-01")
    assert caveat(short, last="2025-11-01", margin_is_set=False).startswith(
        "No order since Nov 1, 2025, 60 days before"
    )
    assert caveat(short, last="2025-11-02", margin_is_set=False).startswith("We compare 6 months with the 6 months")
    full = bridge(**GROWS, begins="2024-06-01")
    assert caveat(full, margin_is_set=False).startswith("Records begin on Jun 1, 2024")
    whole = bridge(**GROWS, begins="2022-01-01")
    assert caveat(whole, margin_is_set=False).startswith("No margin is set")
    assert caveat(whole) == ""


def test_a_file_that_fills_up_explains_growth_only():
    shrinks = bridge(stayed=(9, 200, 100), new=(5, 0, 10), begins="2024-06-01")
    assert caveat(shrinks) == ""


def test_without_orders_there_is_nothing_to_be_careful_about():
    assert caveat(None, last=None, margin_is_set=False) == ""


def words_of(text: str) -> int:
    return len(text.split())


amounts = st.floats(1, 1e9)
people = st.integers(1, 10**5)


@settings(max_examples=40)
@given(
    st.tuples(people, amounts), st.tuples(people, amounts, amounts), st.tuples(st.integers(0, 10**5), amounts),
    st.floats(0, 1e9), st.sampled_from([3, 9, 12]), st.sampled_from([0.0, 1e9]),
    st.sampled_from(["2018-01-01", "2025-01-01"]),
)  # fmt: skip
def test_whatever_happened_the_lengths_hold_in_both_languages(lost, stayed, new, guests, months, error, begins):
    table = bridge(
        lost=(lost[0], lost[1], 0), stayed=stayed, new=(new[0], 0, new[1] if new[0] else 0),
        guests=(0, guests / 2, guests), months=months, error=error, begins=begins,
    )  # fmt: skip
    for language, most in (("en", (14, 50, 25)), ("zh", (40, 100, 50))):
        use(language, "CNY")
        told = story(table, [], ACCOUNT, margin_is_set=False)
        for text, limit in zip((told.headline, told.lead, told.caveat), most, strict=True):
            assert (words_of(text) if language == "en" else len(text.replace("\u2060", ""))) <= limit, text
            assert not re.search(r"nan|None|\.\.|。。|  |\{|\b0 new|¥-", text), text
        assert not told.headline.endswith((".", "。"))
        assert told.lead.endswith((".", "。"))
        assert not re.search("[A-Za-z]", told.headline + told.lead) or language == "en", told


def test_customers_older_than_the_data_are_counted_in_the_caveat_and_growth_is_no_filling_up():
    parts = {"lost": (10, 100, 0), "stayed": (90, 900, 950), "new": (60, 0, 600)}
    whole = story(bridge(begins="2024-01-05", **parts), [], ACCOUNT)
    assert "filling up" in whole.caveat
    older = story(bridge(begins="2024-01-05", cut=True, **parts), [], ACCOUNT | {"customers_start": CUT})
    assert older.caveat == (
        "Records begin on Jan 1, 2024, but the business is older, or may be: 300 of 500 customers are not called new."
    )


@pytest.mark.parametrize(("amount", "said"), [(600, "carried by buyers who are new or were long away"),
                                              (20, "too few others replaced those who left")])  # fmt: skip
def test_where_nobody_can_be_called_new_the_headline_does_not(amount, said):
    parts = {"lost": (30, 300, 0), "stayed": (90, 900, 900), "new_or_returned": (60, 0, amount)}
    told = story(bridge(begins="2024-01-05", cut=True, **parts), [], ACCOUNT | {"customers_start": CUT})
    assert said in told.headline
    assert "new customers" not in f"{told.headline} {told.lead}".lower()
    assert "Customers who are new, or were long away, brought" in told.lead
