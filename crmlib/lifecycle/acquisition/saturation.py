"""What more money would bring: where a channel's spend has moved by itself, and what could be moved first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crmlib.lifecycle.experiments import enough_to_compare
from crmlib.statistics import standard_errors

if TYPE_CHECKING:
    import pandas as pd

FEWEST_PERIODS = 18
LEAST_SPREAD = 0.2
"""How far spend must have moved for itself (standard deviation of its logarithm, trend and season taken out): 20 %."""
FEWEST_NEW = 5
STEPS = (0.1, 0.25)
"""Shares of a budget that are moved one after the other; the last is the quarter of which chapter 04 speaks."""
_OF_RESPONSE = ["channel", "periods", "spread", "elasticity", "low", "high", "verdict"]
_OF_STEPS = [
    "step", "source", "target", "share", "moved", "lost_customers", "won_customers", "cost_now", "cost_most", "room",
    "comparable",
]  # fmt: skip


def response_to_spend(costs: pd.DataFrame) -> pd.DataFrame:
    """By how many per cent new customers rise if a channel's spend rises by one per cent, where the data can tell.

    ``costs``: from :func:`~crmlib.lifecycle.acquisition.acquisition_costs` by month. For each channel the logarithm of
    new customers is regressed on that of spend, with a trend and the months of the year (from two years on) taken out:
    the elasticity. Below 1, each further unit of money wins fewer than the one before (saturation). One row per
    channel: ``periods`` with spend and customers; ``spread``: how far the logarithm of spend moved around its trend and
    season (standard deviation); ``elasticity`` with its 95 % interval ``low, high`` (errors robust to unequal and
    successive scatter, Newey & West 1987); ``verdict``: ``few`` (under 18 periods), ``still`` (spread under 0.2:
    nothing can be told, and no elasticity is named), ``saturates`` (all of the interval below 1), ``proportional``
    (holds 1) or ``rises``.

    Even a narrow interval is no proof. Where money follows customers, such as a fee for each one won, they move
    together whatever money does; only a budget that was moved on purpose tells.
    """
    import pandas as pd

    rows = []
    of = costs[costs.channel.notna() & (costs.cost > 0) & (costs.new_customers >= FEWEST_NEW)]
    for channel, part in of.sort_values("period", kind="stable").groupby("channel", sort=True):
        rows.append({"channel": channel, "periods": len(part), **_response(part)})
    return pd.DataFrame(rows, columns=_OF_RESPONSE)


def _response(part: pd.DataFrame) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    nothing = {"spread": np.nan, "elasticity": np.nan, "low": np.nan, "high": np.nan}
    if len(part) < FEWEST_PERIODS:
        return nothing | {"verdict": "few"}
    months = pd.DatetimeIndex(pd.to_datetime(part.period))
    at = (12 * months.year + months.month).to_numpy(dtype=float)
    spent, won = (np.log(part[name].to_numpy(dtype=float)) for name in ("cost", "new_customers"))
    others = [np.ones(len(part)), at - at.mean()]
    if len(part) >= 24:
        angle = 2 * np.pi * at / 12
        others += [np.sin(angle), np.cos(angle)]
    base = np.column_stack(others)
    left = spent - base @ np.linalg.lstsq(base, spent, rcond=None)[0]
    spread = float(np.sqrt((left**2).sum() / (len(part) - base.shape[1])))
    if spread < LEAST_SPREAD:
        return nothing | {"spread": spread, "verdict": "still"}
    from statsmodels.regression.linear_model import OLS

    fitted = OLS(won, np.column_stack([base, spent])).fit(
        cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": True}
    )
    elasticity, error = float(fitted.params[-1]), float(fitted.bse[-1])
    reach = standard_errors() * error
    low, high = elasticity - reach, elasticity + reach
    verdict = "saturates" if high < 1 else "rises" if low > 1 else "proportional"
    return {"spread": spread, "elasticity": elasticity, "low": low, "high": high, "verdict": verdict}


def budget_steps(
    first_year: pd.DataFrame, *, by: str = "channel", quarters: int = 4, trusted: bool = True
) -> pd.DataFrame:
    """What to move first, from the channel whose new customers leave least to the one whose leave most.

    ``first_year``: what a new customer of each group costs and brings in (``spent``, ``new_customers``,
    ``cost_to_win``, ``brings_in``, ``left_over``, as chapter 04 finds them, of a year of ``quarters`` quarters);
    ``trusted``: whether money may be put on its forecast. One row per step, each tried for a quarter before the next:
    ``step``; ``source`` and ``target``; ``share`` of the source's budget; ``moved`` in that quarter;
    ``lost_customers`` at the source and ``won_customers`` at the target, at today's cost; ``cost_now`` of a new
    customer at the target, and ``cost_most``, up to which the step pays: there the money brings in as much as it did at
    the source; ``room``, their ratio; ``comparable``: whether so many customers are enough to tell the cost
    apart (:func:`~crmlib.lifecycle.experiments.enough_to_compare`). Empty without trust, with fewer than two groups
    with a cost, and where the source brings in more for its money than the target.
    """
    import pandas as pd

    table = first_year[first_year[by].notna()]
    needed = [name for name in ("left_over", "cost_to_win", "brings_in", "spent") if name in table]
    known = table.dropna(subset=needed) if len(needed) == 4 else table.head(0)
    known = known[(known.spent > 0) & (known.cost_to_win > 0)] if len(known) else known
    if len(known) < 2 or not trusted:
        return pd.DataFrame(columns=_OF_STEPS)
    known = known.sort_values("left_over", ascending=False, kind="stable")
    best, worst = known.iloc[0], known.iloc[-1]
    for_money = float(worst.brings_in / worst.cost_to_win)
    most = float(best.brings_in) / for_money if for_money > 0 else float("inf")
    if not most > best.cost_to_win:
        return pd.DataFrame(columns=_OF_STEPS)
    rows = []
    for number, share in enumerate(STEPS, 1):
        moved = share * float(worst.spent) / quarters
        lost, won = moved / float(worst.cost_to_win), moved / float(best.cost_to_win)
        rows.append(
            (number, worst[by], best[by], share, moved, lost, won, best.cost_to_win, most, most / best.cost_to_win,
             enough_to_compare(moved, worst.cost_to_win, best.cost_to_win))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=_OF_STEPS)
