"""Where a maximum is, and what is said where there is none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from crmlib.models import BetaGeoNBD, FitDidNotConverge, ParetoNBD
from crmlib.models.convergence import MEANINGS, meaning
from crmlib.models.maximum_likelihood import maximise


def concave(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Two log-rates of 3 and 50 counts."""
    rate, seen = np.exp(at), np.array([3.0, 50.0])
    return float(seen @ at - rate.sum()), seen - rate, -np.diag(rate)


def test_the_maximum_is_found_from_afar_and_its_curvature_told() -> None:
    place, value, hessian, _ = maximise(concave, [np.array([-6.0, 9.0])], ["first", "second"])
    np.testing.assert_allclose(np.exp(place), [3, 50], rtol=1e-5)
    assert value == pytest.approx(3 * np.log(3) + 50 * np.log(50) - 53, abs=1e-8)
    np.testing.assert_allclose(hessian, [[-3, 0], [0, -50]], rtol=1e-4, atol=1e-12)


def test_parameters_that_run_away_are_named_with_where_they_run() -> None:
    def open_end(at: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        # The first is known, the second may be as large as it likes, the third as small.
        far = np.exp(-at[1]), np.exp(at[2])
        gradient = np.array([-at[0], far[0], -far[1]])
        return -0.5 * at[0] ** 2 - sum(far), gradient, -np.diag([1, *far])

    with pytest.raises(FitDidNotConverge, match=r"from \[1.0, 1.0, 1.0\]: .* steps to known") as caught:
        maximise(open_end, [np.zeros(3)], ["known", "large", "small"])
    assert caught.value.runs_to == {"large": "infinity", "small": "0"}


def test_a_base_where_nobody_leaves_is_described_and_so_is_what_its_parameters_mean() -> None:
    customers = pd.DataFrame({"frequency": [19.0, 20.0] * 50, "recency": 20.0, "T": 20.0})
    with pytest.raises(FitDidNotConverge) as caught:
        BetaGeoNBD.fit(customers, unit="weeks")
    message = str(caught.value)
    assert "customers hardly differ in how often they order (r and alpha run to infinity)" in message
    assert (
        "100 customers, of whom 100 (100.0 %) bought again, seen for up to 20 weeks; the heaviest buyer has x = 20, "
        "t_x = 20, T = 20" in message
    )
    assert caught.value.runs_to["r"] == caught.value.runs_to["alpha"] == "infinity"


def leavers(seed: int) -> pd.DataFrame:
    """Customers of very different rates who all leave with one chance after an order."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(400):
        rate, clock, x, last = random.gamma(1.0, 0.5), 0.0, 0, 0.0
        while True:
            clock += random.exponential(1 / rate)
            if clock > 50:
                break
            x, last = x + 1, clock
            if random.random() < 0.3:
                break
        rows.append((x, last, 50.0))
    return pd.DataFrame(rows, columns=["frequency", "recency", "T"])


def test_a_chance_to_leave_that_is_one_for_all_is_said_so() -> None:
    messages = []
    for seed in range(6):
        try:
            BetaGeoNBD.fit(leavers(seed))
        except FitDidNotConverge as error:
            messages.append(str(error))
    # Of such bases, about every second looks a little less different than one chance would make it.
    assert messages
    for message in messages:
        assert "customers hardly differ in their chance to leave after an order (a and b run to infinity)" in message


def test_customers_who_never_leave_make_the_rate_of_leaving_run_to_zero() -> None:
    random = np.random.default_rng(5)
    rate = random.gamma(2.0, 0.5, 300)
    x = random.poisson(rate * 40.0).astype(float)
    # The last of x orders at random times.
    last = np.where(x > 0, 40 * random.random(300) ** (1 / np.maximum(x, 1)), 0.0)
    customers = pd.DataFrame({"frequency": x, "recency": last, "T": 40.0})
    with pytest.raises(FitDidNotConverge, match="hardly anybody leaves") as caught:
        ParetoNBD.fit(customers)
    assert {"s", "beta"} & set(caught.value.runs_to)
    assert not {"r", "alpha"} & set(caught.value.runs_to)


@pytest.mark.parametrize(
    ("runs_to", "words"),
    [
        ({"r": "infinity", "alpha": "infinity"}, "customers hardly differ in how often they order"),
        ({"a": "0"}, "hardly anybody leaves (a runs to 0)"),
        ({"b": "infinity"}, "hardly anybody leaves (b runs to infinity)"),
        ({"a": "0", "b": "infinity"}, "hardly anybody leaves (a runs to 0, b runs to infinity)"),
        ({"a": "0", "b": "0"}, "some customers leave after an order for sure and all others never leave"),
        ({"s": "0"}, "hardly anybody leaves (s runs to 0)"),
        ({"s": "infinity", "beta": "infinity"}, "customers hardly differ in how soon they leave"),
        ({"beta": "infinity"}, "hardly anybody leaves (beta runs to infinity)"),
        ({"s": "infinity"}, "nearly everybody leaves at once"),
        ({"alpha": "0"}, ""),
        ({}, ""),
    ],
)
def test_each_way_to_run_away_has_a_meaning(runs_to: dict[str, str], words: str) -> None:
    assert meaning(runs_to).startswith(words)
    assert bool(meaning(runs_to)) == bool(words)


def test_no_meaning_is_hidden_by_one_before_it() -> None:
    for ends, _, words in MEANINGS:
        assert words in meaning(ends)


def test_who_all_leave_at_one_rate_are_told_so_after_few_steps() -> None:
    """Parameters on their way to infinity are left alone once nothing is to be gained: a hundred steps told no more."""
    random = np.random.default_rng(5)
    rate, span = random.gamma(0.8, 0.3, 3000), random.exponential(30.0, 3000)
    T = random.integers(20, 60, 3000).astype(float)
    x = random.poisson(rate * np.minimum(span, T)).astype(float)
    t_x = np.where(x > 0, np.minimum(span, T) * random.beta(np.maximum(x, 1), 1), 0.0)
    with pytest.raises(FitDidNotConverge) as caught:
        ParetoNBD.fit(pd.DataFrame({"frequency": x, "recency": t_x, "T": T}))
    assert caught.value.runs_to == {"s": "infinity", "beta": "infinity"}
    steps = [int(n) for n in re.findall(r"\]: (\d+) steps to", str(caught.value))]
    assert len(steps) == 4
    assert max(steps) < 40
