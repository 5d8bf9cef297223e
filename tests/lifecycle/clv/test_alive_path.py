"""One customer over time, day by day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib import models
from crmlib.lifecycle import clv

BG = models.BetaGeoNBD(r=0.2426, alpha=4.4136, a=0.7929, b=2.4259)
MODELS = [
    BG,
    models.ModifiedBetaGeoNBD(r=0.5248, alpha=6.1831, a=0.8914, b=1.6140),
    models.ParetoNBD(r=0.55328, alpha=10.5777, s=0.60624, beta=11.6687),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
@given(gaps=st.lists(st.integers(1, 90), min_size=0, max_size=12), after=st.integers(0, 200))
def test_belief_falls_in_silence_and_an_order_lifts_it(model, gaps: list[int], after: int) -> None:
    first = pd.Timestamp("2024-01-01")
    days = [first + pd.Timedelta(int(d), "D") for d in np.cumsum([0, *gaps])]
    end = days[-1] + pd.Timedelta(after, "D")
    path = clv.alive_path(model, days, as_of=end.date())
    assert len(path) == (end - first).days + 1
    assert path["ordered"].sum() == len(days)
    assert path["p_alive"].between(0, 1).all()
    moves = path["p_alive"].diff().iloc[1:]
    silent = ~path["ordered"].iloc[1:]
    assert (moves[silent] <= 1e-12).all()
    if model is not BG:  # under which who never came back is surely there, so that the first order back lowers it
        assert (moves[~silent & (path["silence_days"].shift().iloc[1:] > 30)] > 0).all()
    now = path.iloc[-1]
    whole = model.p_alive(len(days) - 1, (days[-1] - first).days / 7, (end - first).days / 7)
    assert now["p_alive"] == pytest.approx(float(whole))


def test_a_path_needs_an_order_and_counts_a_day_once() -> None:
    path = clv.alive_path(BG, ["2025-02-01", "2025-01-01", "2025-02-01", "2026-01-01"], as_of="2025-03-01")
    assert path["frequency"].iloc[-1] == 1
    assert path["silence_days"].iloc[-1] == 28
    assert clv.alive_path(BG, ["2025-01-01"], as_of="2024-12-31").empty
