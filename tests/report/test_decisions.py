"""Which findings become decisions, and in which order."""

from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from crmlib.finding import Finding
from crmlib.report.decisions import KINDS, MOST, MOST_OF_A_CHAPTER, decisions, matter_most


def finding(key: str, money: float | None = None, kind: str = "profit", **more: Any) -> Finding:
    asked = {"action": "Act.", "owner": "sales", "when": "week", "direction": "bad"} | more
    return Finding(key, key, certainty="", money=money, kind=kind if money is not None else "", **asked)


def keys(findings) -> list[str]:
    return [one.key for one in findings]


def test_without_findings_there_is_nothing_to_decide():
    assert decisions([]) == []


@pytest.mark.parametrize("lacking", ["action", "owner", "when"])
def test_a_finding_that_lacks_what_to_do_who_or_when_informs_only(lacking):
    assert decisions([finding("clv.a", 9.0, **{lacking: ""}), finding("nps.b")]) == [finding("nps.b")]


def test_the_largest_amount_of_a_kind_comes_first_and_its_sign_does_not_matter():
    made = [finding("a.x", 5.0), finding("b.x", -9.0), finding("c.x", 7.0)]
    assert keys(decisions(made)) == ["b.x", "c.x", "a.x"]


def test_kinds_of_money_are_never_mixed_however_large_the_amounts():
    made = [finding(f"{kind}.x", 10.0**place, kind) for place, kind in enumerate(KINDS) if kind]
    assert keys(decisions(made)) == [f"{kind}.x" for kind in KINDS if kind][:MOST]


def test_money_of_a_kind_that_is_not_named_comes_after_all_that_are():
    assert keys(decisions([finding("a.x", 1e9, "gold"), finding("b.x", 1.0, "sales")])) == ["b.x", "a.x"]


def test_at_most_two_come_from_a_chapter_and_the_next_chapters_follow():
    made = [finding(f"clv.{place}", 100.0 - place) for place in range(4)] + [finding("nps.a", 1.0), finding("nps.b")]
    assert keys(decisions(made)) == ["clv.0", "clv.1", "nps.a", "nps.b"]


def test_one_place_is_kept_for_what_cannot_be_put_in_money():
    made = [finding(f"{letter}.x", 10.0 - place) for place, letter in enumerate("abcdef")]
    assert keys(decisions(made)) == ["a.x", "b.x", "c.x", "d.x", "e.x"]
    assert keys(decisions([*made, finding("z.x")])) == ["a.x", "b.x", "c.x", "d.x", "z.x"]


def test_the_place_kept_goes_back_to_money_where_the_chapter_has_had_its_two():
    made = [finding(f"{letter}.x", 10.0 - place) for place, letter in enumerate("abcde")]
    made += [finding("a.y", 10.5), finding("a.z")]  # the third of its chapter
    assert keys(decisions(made)) == ["a.y", "a.x", "b.x", "c.x", "d.x"]


def test_bad_news_comes_before_good_and_good_before_neutral_where_there_is_no_money():
    made = [finding(f"{direction}.x", direction=direction) for direction in ("neutral", "good", "bad")]
    assert keys(decisions(made)) == ["bad.x", "good.x", "neutral.x"]


def test_what_only_suggests_plays_that_a_test_has_refuted_is_left_out():
    tested = finding("tests.offer", 3.0, "spent", plays=("offer",), failed_plays=("offer",))
    made = [finding("clv.a", 9.0, plays=("offer",)), finding("clv.b", 8.0, plays=("offer", "call")), tested]
    assert keys(decisions(made)) == ["clv.b", "tests.offer"]


def test_what_suggests_no_play_at_all_cannot_be_refuted():
    made = [finding("clv.a", 9.0), finding("tests.offer", plays=("offer",), failed_plays=("offer",))]
    assert keys(decisions(made)) == ["clv.a", "tests.offer"]


@pytest.mark.parametrize(("money", "stands"), [(20.01, True), (20.0, False), (19.0, False)])
def test_an_action_that_costs_what_it_can_bring_is_no_decision(money, stands):
    made = [finding("clv.a", money, listed=10)]
    assert bool(decisions(made, contact_cost=2.0)) == stands


def test_a_list_without_money_and_money_without_a_list_are_held_to_no_cost():
    made = [finding("clv.a", 1.0), finding("nps.b", listed=10)]
    assert keys(decisions(made, contact_cost=2.0)) == ["clv.a", "nps.b"]


def test_news_that_ask_for_nothing_come_after_all_decisions():
    made = [finding("a.x", 1e9, owner=""), finding("b.x"), finding("c.x", 1.0)]
    assert keys(matter_most(made)) == ["c.x", "b.x", "a.x"]


some = st.builds(
    lambda chapter, name, money, kind, owner, listed, failed: finding(
        f"{chapter}.{name}", money, kind, owner=owner, listed=listed, plays=("p",) if failed else (),
        failed_plays=("p",) if failed == 2 else (),
    ),
    chapter=st.sampled_from("abcd"), name=st.integers(0, 9), kind=st.sampled_from([kind for kind in KINDS if kind]),
    money=st.none() | st.floats(-1e6, 1e6), owner=st.sampled_from(["", "sales"]), listed=st.integers(0, 9),
    failed=st.integers(0, 2),
)  # fmt: skip


@given(st.lists(some, max_size=30, unique_by=lambda one: one.key), st.randoms())
def test_whatever_was_found_the_limits_hold_and_the_order_of_telling_does_not_matter(found, random):
    made = decisions(found, contact_cost=1.0)
    assert len(made) <= MOST
    assert max(Counter(one.chapter for one in made).values(), default=0) <= MOST_OF_A_CHAPTER
    assert all(one.decides for one in made)
    kinds = [KINDS.index(one.kind) for one in made]
    assert kinds == sorted(kinds)
    mixed = random.sample(found, len(found))
    assert decisions(mixed, contact_cost=1.0) == made
