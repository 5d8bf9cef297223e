"""What was fitted to the same customers by the same code is read; other customers, settings or code are another fit."""

from __future__ import annotations

import json
import multiprocessing

import numpy as np
import pandas as pd
import pytest

from crmlib.models import BetaGeoNBD, FitDidNotConverge, GammaGamma, ModifiedBetaGeoNBD, ParetoNBD, kept


@pytest.fixture
def folder(tmp_path):
    kept.keep_fits_in(tmp_path / "made")
    yield tmp_path / "made"
    kept.keep_fits_in(None)


def customers(count=400, seed=3):
    random = np.random.default_rng(seed)
    rate, span = random.gamma(0.8, 0.3, count), random.exponential(1 / random.gamma(0.7, 1 / 12, count))
    T = random.integers(20, 60, count).astype(float)
    x = random.poisson(rate * np.minimum(span, T)).astype(float)
    t_x = np.where(x > 0, np.minimum(span, T) * random.beta(np.maximum(x, 1), 1), 0.0)
    spend = np.where(x > 0, random.gamma(6, 5, count), 0.0)
    return pd.DataFrame({"frequency": x, "recency": t_x, "T": T, "monetary": spend})


def files(folder):
    return {file.name: file.read_text() for file in folder.glob("*.fit.json")}


@pytest.mark.parametrize("kind", [BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD, GammaGamma])
def test_a_fit_that_is_read_is_the_fit_that_was_made_to_the_last_digit(kind, tmp_path):
    known = customers()
    alone = kind.fit(known)
    kept.keep_fits_in(tmp_path)
    try:
        made, read = kind.fit(known), kind.fit(known)
    finally:
        kept.keep_fits_in(None)
    assert len(files(tmp_path)) == 1
    for one in (made, read):
        assert one.log_parameters.tolist() == alone.log_parameters.tolist()
        assert one.covariance.equals(alone.covariance)
        assert one.log_likelihood_ == alone.log_likelihood_
        assert (one.draws(50).values == alone.draws(50).values).all()


def test_what_is_read_was_not_sought_again(folder):
    ParetoNBD.fit(customers())
    (file,) = folder.glob("*.fit.json")
    found = json.loads(file.read_text())
    file.write_text(json.dumps(found | {"iterations": 4711}))
    assert ParetoNBD.fit(customers()).estimate.iterations == 4711


def test_other_customers_another_model_another_prior_and_other_code_are_another_fit(folder, monkeypatch):
    known = customers()
    counts = []
    for fit in (
        lambda: ParetoNBD.fit(known),
        lambda: ParetoNBD.fit(known.assign(T=known["T"] + 1)),
        lambda: ParetoNBD.fit(pd.concat([known, known.head(1)])),
        lambda: BetaGeoNBD.fit(known),
        lambda: ModifiedBetaGeoNBD.fit(known),  # of parameters with the same names
        lambda: BetaGeoNBD.fit(known, prior_spread=2.0),
        lambda: BetaGeoNBD.fit(known, prior_spread=1.0),
    ):
        fit()
        counts.append(len(files(folder)))
    monkeypatch.setattr(kept, "_code", lambda: b"changed")
    BetaGeoNBD.fit(known)
    assert [*counts, len(files(folder))] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_that_there_is_no_maximum_is_kept_in_the_same_words(folder):
    alike = pd.DataFrame({"frequency": [19.0, 20.0] * 50, "recency": 20.0, "T": 20.0})
    said = []
    for _ in range(2):
        with pytest.raises(FitDidNotConverge) as caught:
            BetaGeoNBD.fit(alike)
        said.append((str(caught.value), caught.value.runs_to))
    assert len(files(folder)) == 1
    assert said[0] == said[1]
    assert "no maximum of the likelihood" in said[0][0]


@pytest.mark.parametrize("left", ["", '{"place": [0.1, '])
def test_what_a_process_left_that_was_ended_in_the_middle_is_made_anew(left, folder):
    right = BetaGeoNBD.fit(customers()).log_parameters.tolist()
    (file,) = folder.glob("*.fit.json")
    whole = file.read_text()
    file.write_text(left)
    assert BetaGeoNBD.fit(customers()).log_parameters.tolist() == right
    assert file.read_text() == whole


def test_where_nothing_can_be_written_it_is_sought(tmp_path):
    (tmp_path / "made").write_text("no folder")
    kept.keep_fits_in(tmp_path / "made")
    try:
        assert BetaGeoNBD.fit(customers()).converged
    finally:
        kept.keep_fits_in(None)


def _fitted_in(folder):
    kept.keep_fits_in(folder)
    return ParetoNBD.fit(customers(3000)).log_parameters.tolist()


def test_two_processes_that_need_a_fit_at_once_both_have_it(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        one, two = pool.map(_fitted_in, [tmp_path, tmp_path])
    assert one == two
    assert len(files(tmp_path)) == 1
