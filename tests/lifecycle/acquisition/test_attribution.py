"""Who is credited: rules, the Markov chain, Shapley values; published examples, and brute force."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.lifecycle import acquisition
from tests.lifecycle.acquisition.conftest import empties

AS_OF = "2025-12-31"


def paths_of(*ways):
    """Paths from (channels, won)."""
    rows = [
        (f"c{place:04d}", won, channel, nth, len(channels), len(channels) - nth)
        for place, (channels, won) in enumerate(ways)
        for nth, channel in enumerate(channels, 1)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "won", "channel", "nth", "touches", "days_before"])


def effects(*ways):
    found = acquisition.removal_effects(acquisition.transitions(paths_of(*ways)), resamples=20)
    return found.set_index("channel")


# Published examples


def test_the_example_of_c1_c2_c3():
    """Bryl (2016), "Attribution model with R, part 1: Markov chains concept": the effects are ½, 1 and 1."""
    found = effects((["c1", "c2", "c3"], 1), (["c1"], 0), (["c2", "c3"], 0))
    assert found.removal_effect.tolist() == pytest.approx([0.5, 1.0, 1.0])
    assert found.share.tolist() == pytest.approx([0.2, 0.4, 0.4])


def test_the_example_of_google_and_mailing():
    """Puzyrov (2019), "Markov chain attribution: simple explanation of removal effect": conversion 0.8 as a whole."""
    ways = [(["google"], 1), (["google"], 1), (["mailing"], 1), (["google", "mailing"], 1), (["google"], 0)]
    found = effects(*ways)
    assert found.removal_effect["mailing"] == pytest.approx(1 - 0.4 / 0.8)
    assert found.removal_effect["google"] == pytest.approx(1 - 0.2 / 0.8)
    assert found.credit.to_dict() == pytest.approx({"google": 4 * 0.6, "mailing": 4 * 0.4})


def test_the_example_of_shapley_values():
    """The game of three players with v = 3 (a), 0 (b), 0 (c), and more together, by its definition."""
    sets = pd.DataFrame({"channels": ["a", "a + b", "a + b + c", "b + c"], "won": [3, 4, 6, 2], "not_won": 0})
    assert acquisition.shapley_credits(sets).set_index("channel").credit.to_dict() == pytest.approx(
        {"a": 3 + 2 + 2, "b": 2 + 2 + 1, "c": 2 + 1}
    )


# A second way


def by_definition(sets):
    """Shapley values by their definition: the mean of what a channel adds, over all orders of all channels."""
    won = {frozenset(row.channels.split(" + ")): row.won for row in sets.itertuples()}
    names = sorted(set().union(*won))

    def worth(team):
        return sum(n for channels, n in won.items() if channels <= set(team))

    orders = list(itertools.permutations(names))
    return {
        name: sum(worth(o[: o.index(name) + 1]) - worth(o[: o.index(name)]) for o in orders) / len(orders)
        for name in names
    }


def simulated_effects(ways, n=40_000):
    """Removal effects by walking through the chain at random."""
    random = np.random.default_rng(1)
    steps = {}
    for channels, won in ways:
        way = ["start", *channels, "won" if won else "lost"]
        for source, target in itertools.pairwise(way):
            steps.setdefault(source, []).append(target)

    def chance(gone):
        arrived = 0
        for _ in range(n):
            at = "start"
            while at not in ("won", "lost"):
                at = steps[at][random.integers(len(steps[at]))]
                at = "lost" if at == gone else at
            arrived += at == "won"
        return arrived / n

    whole = chance(None)
    return {name: 1 - chance(name) / whole for name in steps if name != "start"}


way = st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4), st.integers(0, 1))


@settings(max_examples=12)
@given(st.lists(way, min_size=1, max_size=12))
def test_all_rules_credit_each_customer_once_and_shapley_is_its_definition(ways):
    ways = [*ways, (["a"], 1)]
    path = paths_of(*ways)
    won = sum(won for _, won in ways)
    rules = acquisition.rule_credits(path)
    for rule in ("first", "last", "linear", "time_decay", "position"):
        assert rules[rule].sum() == pytest.approx(won)
    sets = acquisition.channel_sets(path)
    assert sets.won.sum() == won
    assert sets.not_won.sum() == len(ways) - won
    credits = acquisition.shapley_credits(sets).set_index("channel").credit.to_dict()
    assert credits == pytest.approx(by_definition(sets))
    markov = acquisition.removal_effects(acquisition.transitions(path), resamples=5)
    assert markov.credit.sum() == pytest.approx(won)
    assert markov.removal_effect.between(-1e-9, 1 + 1e-9).all()


def test_removal_effects_are_those_of_a_walk_through_the_chain():
    ways = [(list("ab"), 1), (list("aba"), 0), (list("cb"), 1), (list("c"), 0), (list("bca"), 1), (list("aac"), 0)]
    found, walked = effects(*ways).removal_effect, simulated_effects(ways)
    for channel, effect in walked.items():
        assert found[channel] == pytest.approx(effect, abs=0.015)


def test_a_contact_that_is_repeated_changes_no_removal_effect():
    once = effects((list("ab"), 1), (list("b"), 0), (list("a"), 0))
    again = effects((list("aab"), 1), (list("bbb"), 0), (list("aa"), 0))
    assert again.removal_effect.tolist() == pytest.approx(once.removal_effect.tolist())


def test_the_interval_of_a_share_is_that_of_repeated_samples():
    random = np.random.default_rng(7)

    def sample():
        ways = []
        for _ in range(400):
            channels = [str(c) for c in random.choice(list("abc"), 1 + random.integers(3), p=[0.5, 0.3, 0.2])]
            ways.append((channels, int(random.random() < (0.5 if channels[-1] == "a" else 0.3))))
        return acquisition.removal_effects(acquisition.transitions(paths_of(*ways)), resamples=100)

    found = [sample() for _ in range(30)]
    widths = np.mean([(one.high - one.low) / 3.92 for one in found], axis=0)
    assert widths == pytest.approx(np.std([one.share for one in found], axis=0), rel=0.3)


def test_time_decay_halves_with_each_half_life():
    path = pd.DataFrame(
        {"customer_id": "a", "won": 1, "channel": ["x", "y"], "nth": [1, 2], "touches": 2, "days_before": [14, 0]}
    )
    rules = acquisition.rule_credits(path, half_life=7.0).set_index("channel")
    assert rules.time_decay.to_dict() == pytest.approx({"x": 0.2, "y": 0.8})


# Paths


def test_what_is_a_path():
    day = "2025-06-{:02d}".format
    touches = pd.DataFrame(
        [
            ("buyer", day(1), "ads", "visit"), ("buyer", day(5), "mail", "clicked"), ("buyer", day(5), "mail", "sent"),
            ("buyer", day(20), "ads", "visit"),  # after the first order
            ("buyer", "2025-01-01", "ads", "visit"),  # too long before it
            ("gone", day(1), "ads", "visit"), ("gone", day(9), "fair", "visit"),
            ("open", "2025-12-20", "ads", "visit"),  # its way is not over
            (None, day(1), "ads", "visit"), ("dayless", None, "ads", "visit"), ("nowhere", day(1), None, "visit"),
        ],
        columns=["customer_id", "touched_at", "channel", "kind"],
    ).assign(touched_at=lambda t: pd.to_datetime(t.touched_at))  # fmt: skip
    orders = pd.DataFrame({"customer_id": ["buyer"], "ordered_at": pd.to_datetime(["2025-06-10"]), "amount": [10.0]})
    found = acquisition.paths(touches, orders, as_of=AS_OF)
    assert found[["customer_id", "won", "channel", "nth", "touches", "days_before"]].values.tolist() == [
        ["buyer", 1, "ads", 1, 2, 9], ["buyer", 1, "mail", 2, 2, 5],
        ["gone", 0, "ads", 1, 2, 8], ["gone", 0, "fair", 2, 2, 0],
    ]  # fmt: skip
    only = acquisition.paths(touches, orders, as_of=AS_OF, kinds="sent, clicked")
    assert only.channel.tolist() == ["mail", "mail"]
    summary = acquisition.path_summary(found, orders, as_of=AS_OF).iloc[0]
    assert (summary.won, summary.not_won, summary.touches, summary.several, summary.seen) == (1, 1, 2.0, 1.0, 1.0)


def test_many_channels_are_taken_together():
    rows = [(f"c{n}", "2025-06-01", f"channel {n % 20:02d}", "visit") for n in range(210)]
    touches = pd.DataFrame(rows, columns=["customer_id", "touched_at", "channel", "kind"])
    touches["touched_at"] = pd.to_datetime(touches.touched_at)
    found = acquisition.paths(touches, empties()["orders"].to_pandas(), as_of=AS_OF)
    assert found.channel.nunique() == 12
    assert (found.channel == "(other)").sum() == 210 - 11 * 10 - 10


def test_nothing_in_nothing_out():
    tables = empties()
    path = acquisition.paths(tables["touches"], tables["orders"], as_of=AS_OF)
    rules, sets = acquisition.rule_credits(path), acquisition.channel_sets(path)
    markov = acquisition.removal_effects(acquisition.transitions(path))
    shapley = acquisition.shapley_credits(sets)
    assert markov.empty
    assert shapley.empty
    assert acquisition.attribution(rules, markov, shapley).empty
    summary = acquisition.path_summary(path, tables["orders"], as_of=AS_OF).iloc[0]
    assert (summary.won, summary.not_won, summary.new_customers) == (0, 0, 0)


# The sample


def test_the_sample_says_that_the_rules_disagree(aurora, tables):
    path = acquisition.paths(tables["touches"], tables["orders"], as_of=aurora.as_of)
    markov = acquisition.removal_effects(acquisition.transitions(path), resamples=200)
    table = acquisition.attribution(
        acquisition.rule_credits(path), markov, acquisition.shapley_credits(acquisition.channel_sets(path))
    ).set_index("channel")
    assert table[["first", "last", "linear", "time_decay", "position", "markov", "shapley"]].sum().tolist() == (
        pytest.approx([1.0] * 7)
    )
    # The last contact is planted as that of the channel that won; the first one often comes through social media.
    assert table["first"]["social"] > 1.4 * table["last"]["social"]
    assert table["last"]["referral"] > 1.3 * table["first"]["referral"]
    # Plain pandas: first and last contact of those who bought.
    rows = path.to_pandas()
    won = rows[rows.won == 1].sort_values(["customer_id", "nth"])
    for rule, kept in (("first", "first"), ("last", "last")):
        by_hand = won.drop_duplicates("customer_id", keep=kept).channel.value_counts(normalize=True)
        assert table[rule].to_dict() == pytest.approx(by_hand.to_dict())
    summary = acquisition.path_summary(path, tables["orders"], as_of=aurora.as_of).iloc[0]
    assert 0.35 < summary.seen < 0.4
    assert math.isclose(summary.won, won.customer_id.nunique())
