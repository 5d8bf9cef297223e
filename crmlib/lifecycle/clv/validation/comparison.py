"""Which model for these customers: all of them fitted to the same histories, judged by the same holdout, one picked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.engine import to_pandas
from crmlib.lifecycle.clv.fitting import WEAK_PRIOR
from crmlib.lifecycle.clv.model_names import SURELY_ALIVE
from crmlib.lifecycle.clv.validation.holdout import calibration_by_decile, expected_holdout_orders, with_holdout
from crmlib.lifecycle.clv.validation.holdout_score import log_scores
from crmlib.lifecycle.clv.validation.ranking import baseline_forecasts, errors_and_ranking
from crmlib.models import model_name
from crmlib.models.arrays import Numbers
from crmlib.models.customer_base import CustomerBase, read_histories
from crmlib.models.errors import FitDidNotConverge, TooFewRepeatBuyers
from crmlib.models.orders_model import OrdersModel
from crmlib.models.time_units import Unit

# Less of a difference in BIC stands for odds below 20 to 1: Kass & Raftery (1995), "Bayes factors", call from 6 on
# "strong".
STRONG_BIC = 6.0

_OF_FIT = ("parameters", "log_likelihood", "aic", "bic")
_OF_HOLDOUT = (
    "actual_total", "expected_total", "missed", "log_score", "mean_absolute_error", "root_mean_squared_error", "gini",
    "top_fifth_share", "calibration_error",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """Models side by side (``table``), the one to take (``pick``, a name of ``models``; None if none), and ``why``."""

    table: pd.DataFrame
    models: dict[str, OrdersModel]
    pick: str | None
    why: str

    @property
    def picked(self) -> OrdersModel | None:
        """The fitted model that was picked; None if there is none."""
        return None if self.pick is None else self.models[self.pick]


@dataclass(frozen=True)
class _Candidate:
    """A fitted model and what the pick is made from."""

    name: str
    bic: float
    scores: Numbers | None  # of each customer's holdout
    all_alive: bool  # whether every one-time buyer is surely alive


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
    :func:`~crmlib.lifecycle.clv.validation.ranking.baseline_forecasts`: ``model``; ``parameters`` (how many),
    ``log_likelihood, aic, bic``; with a holdout ``actual_total, expected_total, missed`` (a share),
    ``log_score``, the mean log-probability that the model gave to what each customer then did,
    ``mean_absolute_error, root_mean_squared_error, gini, top_fifth_share`` as in ``baseline_comparison``, and
    ``calibration_error``, the mean over customers of how far their decile's forecast was off (orders);
    ``p_alive_one_time``, mean P(alive) of those who bought once; ``converged`` and, where not, the ``reason``. What
    does not apply (a rule has no likelihood) is ``<NA>``.

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
            rows.append({"model": name, "parameters": len(kind.symbols), "converged": False, "reason": str(problem)})
            continue
        fitted[name] = model
        scores = log_scores(frame, model) if held else None
        of_fit = _of_fit(model, base) | ({"reason": with_help} if with_help else {})
        rows.append({"model": name, **of_fit, **(_of_holdout(frame, model, scores) if held else {})})
        candidates.append(_Candidate(name, rows[-1]["bic"], scores, _all_alive(model, base)))
    if held:
        rows += _rule_rows(frame)
    pick, why = _pick(candidates)
    return Comparison(_as_table(rows, held), fitted, pick, why)


def _fitted(
    kind: type[OrdersModel], frame: pd.DataFrame, unit: Unit | None, prior_spread: float | None
) -> tuple[OrdersModel, str]:
    """The model, and what had to be done where the data alone have no maximum."""
    try:
        return kind.fit(frame, unit=unit, prior_spread=prior_spread), ""
    except FitDidNotConverge:
        if prior_spread is not None:
            raise
        model = kind.fit(frame, unit=unit, prior_spread=WEAK_PRIOR)
        return model, text.say("the data alone did not settle it: with a weak prior from typical customer bases")


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
        "reason": "" if model.converged else text.say("parameters were given, not fitted"),
    }
    if once.any():
        alive = model.p_alive(0.0, 0.0, base.T[once])
        found["p_alive_one_time"] = float(np.average(alive, weights=base.customers[once]))
    return found


def _of_holdout(frame: pd.DataFrame, model: OrdersModel, scores: Numbers | None) -> dict[str, float]:
    assert scores is not None
    deciles = calibration_by_decile(frame, model)
    off = (deciles["actual_orders"] - deciles["expected_orders"]).abs().sum() / len(frame)
    return {
        **_errors(frame, expected_holdout_orders(frame, model)),
        "log_score": float(scores.mean()),
        "calibration_error": float(off),
    }


def _rule_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{"model": name, **_errors(frame, expected)} for name, expected in baseline_forecasts(frame).items()]


def _errors(frame: pd.DataFrame, expected: Numbers) -> dict[str, float]:
    actual = frame["holdout_orders"].to_numpy(dtype=float)
    total, forecast = float(actual.sum()), float(expected.sum())
    found = errors_and_ranking(actual, expected)
    del found["correlation"]
    missed = (total - forecast) / forecast if forecast > 0 else float(total > 0)
    return {"actual_total": total, "expected_total": forecast, "missed": missed, **found}


def _pick(candidates: list[_Candidate]) -> tuple[str | None, str]:
    """The model to take, by the rule that :func:`compare` states, and why, in words."""
    if not candidates:
        return None, text.say("No model could be fitted to these customers; see the reasons in the table.")
    if len(candidates) == 1:
        only = candidates[0]
        return only.name, text.say("{model} is the only model that could be fitted.", model=model_name(only.name))
    left, said = _tied_in_holdout(candidates)
    if len(left) > 1:
        least = min(one.bic for one in left)
        close = [one for one in left if one.bic - least < STRONG_BIC]
        said.append(_said_of_bic(left, close, least))
        left = close
    if len(left) > 1:
        without = [one for one in left if not one.all_alive]
        if without and len(without) < len(left):
            said.append(
                text.say(
                    "{defect} calls every one-time buyer surely still a customer, however long ago that was, by "
                    "construction and whatever the data: so a model without this defect is taken.",
                    defect=_names([one for one in left if one.all_alive]),
                )
            )
            left = without
    pick = max(left, key=_quality)
    if len(left) > 1:
        said.append(text.say("Of what is left, {model} is ahead by a little.", model=model_name(pick.name)))
    return pick.name, " ".join([text.say("Picked: {model}.", model=model_name(pick.name)), *said])


def _quality(one: _Candidate) -> float:
    return -one.bic if one.scores is None else float(one.scores.mean())


def _tied_in_holdout(candidates: list[_Candidate]) -> tuple[list[_Candidate], list[str]]:
    scored = [one for one in candidates if one.scores is not None]
    if not scored:
        return candidates, [text.say("There is no time held out to judge by.")]
    best = max(scored, key=_quality)
    left = [one for one in scored if one is best or _within_noise(best, one)]
    worse = [one for one in scored if one not in left]
    if not worse:
        return left, [text.say("What happened in the time held out was about as likely under all models.")]
    return left, [
        text.say(
            "What happened in the time held out was surely more likely under {better} than under {worse}.",
            better=_names(left),
            worse=_names(worse),
        )
    ]


def _within_noise(best: _Candidate, other: _Candidate) -> bool:
    assert best.scores is not None
    assert other.scores is not None
    apart = best.scores - other.scores
    return bool(apart.mean() <= 1.96 * apart.std(ddof=1) / np.sqrt(len(apart))) if len(apart) > 1 else True


def _said_of_bic(left: list[_Candidate], close: list[_Candidate], least: float) -> str:
    far = [one for one in left if one not in close]
    if not far:
        return text.say("The histories themselves do not tell {models} apart (BIC).", models=_names(left))
    return text.say(
        "The histories themselves speak strongly against {worse} (BIC at least {gap} larger).",
        worse=_names(far),
        gap=text.number(min(one.bic for one in far) - least, digits=1),
    )


def _names(models: list[_Candidate]) -> str:
    names = [model_name(one.name) for one in models]
    if len(names) == 1:
        return names[0]
    return text.say("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])
