"""Which model for these customers: all of them fitted to the same histories, judged by the same holdout, one picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.fitting import with_prior_if_needed
from crmlib.lifecycle.clv.holdout import (
    calibration_by_decile,
    calibration_end,
    expected_holdout_orders,
    log_scores,
    with_holdout,
)
from crmlib.lifecycle.clv.preparation import summary
from crmlib.lifecycle.clv.ranking import baseline_forecasts, errors_and_ranking
from crmlib.lifecycle.clv.season import find_season
from crmlib.models import model_name
from crmlib.models.arrays import Numbers
from crmlib.models.beta_geo_nbd import BetaGeoNBD
from crmlib.models.customer_base import CustomerBase, read_histories
from crmlib.models.errors import FitDidNotConverge, TooFewRepeatBuyers
from crmlib.models.modified_beta_geo_nbd import ModifiedBetaGeoNBD
from crmlib.models.orders_model import OrdersModel
from crmlib.models.pareto_nbd import ParetoNBD
from crmlib.models.time_units import Unit
from crmlib.words import Saying, Words, joined

words = Words(__file__)

# A model that says so of one-time buyers says it by construction, and not because of the data.
SURELY_ALIVE = 1 - 1e-9
# Less of a difference in BIC stands for odds below 20 to 1: Kass & Raftery (1995), "Bayes factors", call from 6 on
# "strong".
STRONG_BIC = 6.0

KINDS = (BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD)
"""The models of customers without a contract from which one is taken."""

_OF_FIT = ("parameters", "log_likelihood", "aic", "bic")
_OF_HOLDOUT = (
    "actual_total", "expected_total", "missed", "log_score", "mean_absolute_error", "root_mean_squared_error", "gini",
    "top_fifth_share", "calibration_error",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Models side by side (``table``), the one to take (``pick``, a name of ``models``; None if none), and ``why``.

    ``steps``: how the pick was made; ``held_out``: whether a time was held out to judge by.
    """

    table: pd.DataFrame
    models: dict[str, OrdersModel]
    pick: str | None
    steps: tuple[Saying, ...] = ()
    held_out: bool = False

    @property
    def picked(self) -> OrdersModel | None:
        """The fitted model that was picked; None if there is none."""
        return None if self.pick is None else self.models[self.pick]

    @property
    def kind(self) -> type[OrdersModel] | None:
        """The class of the model that was picked, to fit it to other data; None if there is none."""
        return None if self.picked is None else type(self.picked)

    @property
    def tested(self) -> OrdersModel | None:
        """The fitted model that was picked, if a time was held out to test it on; else None."""
        return self.picked if self.held_out else None

    @property
    def why(self) -> str:
        """Why this model is taken, in words."""
        return joined([str(step) for step in self.steps])


@dataclass(frozen=True)
class _Candidate:
    """A fitted model and what the pick is made from."""

    name: str
    bic: float
    scores: Numbers | None  # of each customer's holdout
    all_alive: bool  # whether every one-time buyer is surely alive


def model_choice(orders: Any, *, as_of: Any, holdout_weeks: int = 0) -> Comparison:
    """The one choice of the model by which this client's customers are valued, in all chapters.

    ``orders``: the contract's (pandas or Ibis). :func:`compare` of :data:`KINDS`, with the time held out that
    :func:`~crmlib.lifecycle.clv.calibration_end` says. Where nobody has bought, nothing
    is compared, and no model is picked.

    >>> one = pd.DataFrame({"customer_id": ["a"], "amount": 9.0, "ordered_at": pd.to_datetime(["2025-01-01"])})
    >>> print(model_choice(one, as_of="2025-12-31").kind)
    None
    """
    histories = held_out(orders, as_of=as_of, holdout_weeks=holdout_weeks)
    if histories.empty:
        pick, steps = _pick([])
        return Comparison(_as_table([], held=False), {}, pick, tuple(steps))
    return compare(KINDS, histories)


def held_out(orders: Any, *, as_of: Any, holdout_weeks: int = 0) -> pd.DataFrame:
    """The histories by which models are tested: those until the time held out, and what came in it.

    In the time of the season that was known then. Without a holdout, where there can be none.
    """
    until = calibration_end(orders, as_of=as_of, holdout_weeks=holdout_weeks)
    season = find_season(orders, as_of=until)
    return to_pandas(summary(orders, as_of=as_of, calibration_end=until, season=season))


def compare(
    models: Sequence[type[OrdersModel] | OrdersModel],
    summary: Any,
    *,
    unit: Unit | None = None,
    prior_spread: float | None = None,
) -> Comparison:
    """Which of these models describes the customers best, and is it better than simple rules?

    ``models``: classes, which are fitted to ``summary``, or models already fitted to it. ``summary`` (pandas or Ibis):
    with a holdout (``calibration_end``) if there can be one; ``unit`` and ``prior_spread`` as for ``fit``.

    ``table``, a row per model by its class name and, with a holdout, per simple rule of
    :func:`~crmlib.lifecycle.clv.ranking.baseline_forecasts`: ``model``; ``parameters`` (how many),
    ``log_likelihood, aic, bic``; with a holdout ``actual_total, expected_total, missed`` (a share),
    ``log_score``, the mean log-probability that the model gave to what each customer then did,
    ``mean_absolute_error, root_mean_squared_error, gini, top_fifth_share`` as in ``baseline_comparison``, and
    ``calibration_error``, the mean over customers of how far their decile's forecast was off (orders);
    ``p_alive_one_time``, mean P(alive) of those who bought once; ``converged``, and ``reason``: "too_few" repeat
    buyers or "unsettled" where there is no model, "prior" where it needed a weak prior, "given" where parameters were
    given and not fitted, else "". What does not apply (a rule has no likelihood) is ``<NA>``.

    ``pick``, in this order:

    1. The holdout: the highest ``log_score`` wins, a proper score. Models whose customers' scores differ by no more
       than 1.96 standard errors of the paired difference from it are tied with it.
    2. Of these, the least BIC. Less than 6 more is no strong evidence: still tied.
    3. Of these, one that does not call every one-time buyer surely alive, as BG/NBD does by construction.
    4. Then the higher ``log_score`` (the smaller BIC without holdout).

    Without a holdout it starts at 2. Where the data alone do not settle a model, it is fitted with a weak prior, and
    ``reason`` says so. Raises ``CustomerBaseInvalid`` for histories that cannot be true.
    """
    frame = to_pandas(summary)
    held = {"holdout_orders", "holdout_length", "last_period_orders"} <= set(frame.columns)
    if held:
        frame = with_holdout(frame)
    base = read_histories(frame)
    rows: list[dict[str, Any]] = []
    fitted: dict[str, OrdersModel] = {}
    candidates: list[_Candidate] = []
    for kind in models:
        name = (kind if isinstance(kind, type) else type(kind)).__name__
        if name in {row["model"] for row in rows}:
            raise ValueError(f"{name} was given twice; each model is compared once, under its class name")
        try:
            model, with_help = _fitted(kind, frame, unit, prior_spread) if isinstance(kind, type) else (kind, "")
        except (FitDidNotConverge, TooFewRepeatBuyers) as problem:
            reason = "too_few" if isinstance(problem, TooFewRepeatBuyers) else "unsettled"
            rows.append({"model": name, "parameters": len(kind.symbols), "converged": False, "reason": reason})
            continue
        fitted[name] = model
        row = {"model": name, **_of_fit(model, base)} | ({"reason": with_help} if with_help else {})
        scores = log_scores(frame, model) if held else None
        rows.append(row if scores is None else row | _of_holdout(frame, model, scores))
        candidates.append(_Candidate(name, rows[-1]["bic"], scores, _all_alive(model, base)))
    if held:
        rows += [{"model": rule, **_errors(frame, of)} for rule, of in baseline_forecasts(frame).items()]
    pick, steps = _pick(candidates)
    steps = [*steps, *_of_a_part(fitted, float(base.customers.sum()))]
    return Comparison(_as_table(rows, held), fitted, pick, tuple(steps), held)


def _fitted(
    kind: type[OrdersModel], frame: pd.DataFrame, unit: Unit | None, prior_spread: float | None
) -> tuple[OrdersModel, str]:
    """The model, and what had to be done where the data alone have no maximum."""
    if prior_spread is not None:
        return kind.fit(frame, unit=unit, prior_spread=prior_spread), ""
    model, helped = with_prior_if_needed(lambda spread: kind.fit(frame, unit=unit, prior_spread=spread))
    return model, "prior" if helped else ""


def _of_a_part(fitted: dict[str, OrdersModel], customers: float) -> list[Saying]:
    """Which models were fitted to a part of so many customers, because there are so many."""
    counts = {name: model.estimate.customers for name, model in fitted.items() if model.estimate is not None}
    return [
        words.later("pick.part", model=model_name(name), customers=round(count), all=round(customers))
        for name, count in counts.items()
        if count < customers
    ]


def _all_alive(model: OrdersModel, base: CustomerBase) -> bool:
    """Whether every one-time buyer is surely alive; on their first day, models may rightly say so."""
    alive = model.p_alive(0.0, 0.0, base.T[(base.x == 0) & (base.T > 0)])
    return len(alive) > 0 and bool((alive >= SURELY_ALIVE).all())


def _as_table(rows: list[dict[str, Any]], held: bool) -> pd.DataFrame:
    numbers = [*_OF_FIT, *(_OF_HOLDOUT if held else ()), "p_alive_one_time"]
    table = pd.DataFrame(rows).reindex(columns=["model", *numbers, "converged", "reason"])
    types = {name: "Int64" if name == "parameters" else "Float64" for name in numbers}
    return table.astype({**types, "converged": "boolean"}).fillna({"reason": ""})


def _of_fit(model: OrdersModel, base: CustomerBase) -> dict[str, Any]:
    customers, count = float(base.customers.sum()), len(model.symbols)
    height = float(base.customers @ model.log_likelihood(base.x, base.t_x, base.T))
    once = base.x == 0
    found: dict[str, Any] = {
        "parameters": count,
        "log_likelihood": height,
        "aic": 2 * count - 2 * height,
        "bic": count * float(np.log(customers)) - 2 * height,
        "converged": model.converged,
        "reason": "" if model.converged else "given",
    }
    if once.any():
        alive = model.p_alive(0.0, 0.0, base.T[once])
        found["p_alive_one_time"] = float(np.average(alive, weights=base.customers[once]))
    return found


def _of_holdout(frame: pd.DataFrame, model: OrdersModel, scores: Numbers) -> dict[str, float]:
    deciles = calibration_by_decile(frame, model)
    off = (deciles["actual_orders"] - deciles["expected_orders"]).abs().sum() / len(frame)
    errors = _errors(frame, expected_holdout_orders(frame, model))
    return {**errors, "log_score": float(scores.mean()), "calibration_error": float(off)}


def _errors(frame: pd.DataFrame, expected: Numbers) -> dict[str, float]:
    found = errors_and_ranking(frame["holdout_orders"].to_numpy(dtype=float), expected)
    came, forecast = found["actual_total"], found["expected_total"]
    return found | {"missed": (came - forecast) / forecast if forecast > 0 else float(came > 0)}


def _pick(candidates: list[_Candidate]) -> tuple[str | None, list[Saying]]:
    """The model to take, by the rule that :func:`compare` states, and the steps that led there."""
    if not candidates:
        return None, [words.later("pick.none")]
    if len(candidates) == 1:
        only = candidates[0]
        return only.name, [words.later("pick.only", model=model_name(only.name))]
    left, step = _tied_in_holdout(candidates)
    steps = [step]
    if len(left) > 1:
        least = min(one.bic for one in left)
        far = [one for one in left if one.bic - least >= STRONG_BIC]
        if far:
            gap = float(min(one.bic for one in far) - least)
            steps.append(words.later("pick.histories.against", worse=_names(far), gap=gap))
        else:
            steps.append(words.later("pick.histories.tied", models=_names(left)))
        left = [one for one in left if one not in far]
    alive = [one for one in left if one.all_alive]
    if 0 < len(alive) < len(left):
        steps.append(words.later("pick.defect", models=_names(alive)))
        left = [one for one in left if not one.all_alive]
    pick = max(left, key=_quality)
    if len(left) > 1:
        steps.append(words.later("pick.ahead", model=model_name(pick.name)))
    return pick.name, [words.later("pick.picked", model=model_name(pick.name)), *steps]


def _quality(one: _Candidate) -> float:
    return -one.bic if one.scores is None else float(one.scores.mean())


def _tied_in_holdout(candidates: list[_Candidate]) -> tuple[list[_Candidate], Saying]:
    scored = [one for one in candidates if one.scores is not None]
    if not scored:
        return candidates, words.later("pick.holdout.untested")
    best = max(scored, key=_quality)
    left = [one for one in scored if one is best or _within_noise(best, one)]
    worse = [one for one in scored if one not in left]
    if not worse:
        return left, words.later("pick.holdout.tied")
    return left, words.later("pick.holdout.against", better=_names(left), worse=_names(worse))


def _within_noise(best: _Candidate, other: _Candidate) -> bool:
    assert best.scores is not None
    assert other.scores is not None
    apart = best.scores - other.scores
    return bool(apart.mean() <= 1.96 * apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else True


def _names(models: list[_Candidate]) -> list[str]:
    return [model_name(one.name) for one in models]
