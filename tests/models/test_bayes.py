"""The same customers through PyMC-Marketing, an independent program; most of it by ``make bayes``."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlib.models import bayes
from crmlib.models.errors import CustomerBaseInvalid

installed = importlib.util.find_spec("pymc_marketing") is not None
needs_pymc = pytest.mark.skipif(not installed, reason="the extra crmlib[bayes] is not installed; make bayes runs this")


def test_without_the_extra_the_error_says_how_to_install_it(
    cdnow: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymc_marketing.clv", None)  # so that importing it fails
    with pytest.raises(bayes.PymcMarketingMissing, match=r'pip install "crmlib\[bayes\]"'):
        bayes.fit_by_pymc(cdnow)


def test_a_model_that_only_one_of_them_knows_is_refused(cdnow: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="'BetaDiscreteWeibull' is not known to both; use one of BetaGeoNBD"):
        bayes.fit_by_pymc(cdnow, "BetaDiscreteWeibull")  # type: ignore[arg-type]


def test_a_maximum_knows_no_prior(cdnow: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="leave prior_spread out"):
        bayes.fit_by_pymc(cdnow, method="map", prior_spread=2)


def test_impossible_histories_are_named_before_any_sampling(
    cdnow: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bayes, "_require_pymc_marketing", lambda: (None, None))
    wrong = cdnow.assign(T=cdnow["T"].where(cdnow["customer_id"] != 5, -1.0))
    with pytest.raises(CustomerBaseInvalid, match="customer 5: "):
        bayes.fit_by_pymc(wrong)
    with pytest.raises(CustomerBaseInvalid, match="mean spend of 0 or less"):
        bayes.fit_by_pymc(cdnow.assign(monetary=-1.0), "GammaGamma")


@needs_pymc
@pytest.mark.parametrize(
    ("model", "published"),
    [
        ("BetaGeoNBD", [0.2426, 4.4136, 0.7929, 2.4259]),
        ("ModifiedBetaGeoNBD", [0.5248, 6.1831, 0.8914, 1.6140]),
        ("GammaGamma", [6.2496, 3.7442, 15.4435]),
    ],
)
def test_its_maximum_is_the_published_one(cdnow: pd.DataFrame, model: Any, published: list[float]) -> None:
    found = bayes.fit_by_pymc(cdnow, model, method="map")
    assert list(found.params.columns) == ["parameter", "mean"]
    np.testing.assert_allclose(found.params["mean"], published, rtol=5e-4)


# Of Pareto/NBD the gradients are so slow that differential evolution, which needs none, is quicker; and s and beta have
# no bound on these data under a flat prior.
@needs_pymc
@pytest.mark.parametrize(
    ("model", "method", "draws", "prior_spread"),
    [
        ("BetaGeoNBD", "mcmc", 1000, None),
        ("ModifiedBetaGeoNBD", "mcmc", 1000, None),
        ("ParetoNBD", "demz", 5000, 2.0),
        ("GammaGamma", "mcmc", 1000, None),
    ],
)
def test_both_programs_tell_the_same(
    cdnow: pd.DataFrame, model: Any, method: Any, draws: int, prior_spread: float | None
) -> None:
    found = bayes.compare_with_pymc(cdnow, model, method=method, draws=draws, prior_spread=prior_spread, seed=1)
    table = found.parameters
    logs = np.log(table.drop(columns="parameter"))  # the scale on which posteriors are nearly normal
    width = logs["theirs_high"] - logs["theirs_low"]
    apart = {end: (logs[f"ours{end}"] - logs[f"theirs{end}"]).abs() / width for end in ("", "_low", "_high")}
    print(f"\n{model} by {method}: seconds {found.ours_seconds:.3f} here, {found.theirs_seconds:.1f} there "
          f"({found.theirs_seconds / found.ours_seconds:.0f} times); largest difference in widths of the interval: "
          f"means {apart[''].max():.3f}, ends {max(apart['_low'].max(), apart['_high'].max()):.3f}")  # fmt: skip
    print(table.round(4).to_string(index=False))
    # Some 300 effective draws of theirs: a mean is off by 0.06 standard deviations, 0.015 widths; an end of an interval
    # by 0.04, and as much again for ours.
    assert apart[""].max() < 0.06
    assert max(apart["_low"].max(), apart["_high"].max()) < 0.15
    assert found.ours_seconds < found.theirs_seconds
    if model == "GammaGamma":
        assert found.orders.empty
        return
    print(f"expected orders of 52 weeks, largest difference of one customer: {found.largest_difference:.3%} by each "
          f"program's draws, {found.largest_difference_of_formulas:.1e} at the same parameters; in all "
          f"{found.orders['ours'].sum():.1f} here, {found.orders['theirs'].sum():.1f} there")  # fmt: skip
    assert found.orders["customer_id"].tolist() == cdnow["customer_id"].tolist()
    assert found.largest_difference_of_formulas < 1e-8
    assert found.orders["ours"].sum() == pytest.approx(found.orders["theirs"].sum(), rel=0.01)


@needs_pymc
def test_its_draws_are_the_same_for_the_same_seed(cdnow: pd.DataFrame) -> None:
    one, two = (bayes.fit_by_pymc(cdnow.head(800), method="demz", draws=3000, seed=4).draws for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


@needs_pymc
def test_chains_that_disagree_are_refused(cdnow: pd.DataFrame) -> None:
    with pytest.raises(bayes.FitDidNotConverge, match="disagree: R-hat r "):
        bayes.fit_by_pymc(cdnow.head(300), method="demz", draws=20)
