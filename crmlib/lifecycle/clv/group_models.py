"""Groups of customers whose orders or spend differ from all others', and models of their own for these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crmlib.engine import to_pandas
from crmlib.models.arrays import Numbers

if TYPE_CHECKING:
    from crmlib.lifecycle.clv.fitting import FittedModels

MOST_GROUPS = 12
# What the smallest groups are called together.
OTHER = "(other)"


@dataclass(frozen=True)
class Apart:
    """Which customers are valued by models of their own.

    ``group``: the name of the group, by customer (index ``customer_id``), of those only; ``models``: by group.
    """

    group: pd.Series
    models: Mapping[Any, FittedModels]

    def places(self, ids: pd.Series) -> list[tuple[dict[str, Any], Numbers]]:
        """The models of each group, and the places of its customers among ``ids``; groups without any are left out."""
        of = ids.astype(object).map(self.group)
        found = [(fitted.models, np.flatnonzero(of == name)) for name, fitted in self.models.items()]
        return [part for part in found if len(part[1])]


def groups_apart(
    frame: pd.DataFrame, fitted: FittedModels, label: pd.Series, fit: Callable[[pd.DataFrame], FittedModels]
) -> Apart | None:
    """The groups whose customers models of their own describe better than ``fitted``, that of all, does; None without.

    ``label``: the group of each customer of the summary ``frame``, in its order; ``fit`` makes a group's models. A
    group has its own where they raise the likelihood by more than they have parameters. So groups that do not differ,
    or are too few to show it, are pooled.

    Source: Akaike (1974), "A new look at the statistical model identification", IEEE Transactions on Automatic
    Control 19(6).
    """
    own = {}
    for name in in_order(label.dropna().unique()):
        some = frame[(label == name).to_numpy()]
        models = fit(some)
        if models.complete and _log_likelihood(models, some) - _log_likelihood(fitted, some) > _parameters(models):
            own[name] = models
    if not own:
        return None
    kept = label[label.isin(list(own)).to_numpy()]
    return Apart(pd.Series(kept.to_numpy(), frame["customer_id"].astype(object)[kept.index]), own)


def _parameters(fitted: FittedModels) -> int:
    return len(fitted.models["orders_model"].symbols) + len(fitted.models["spend_model"].symbols)


def _log_likelihood(fitted: FittedModels, frame: pd.DataFrame) -> float:
    """Of the histories and the mean spends of these customers."""
    x, t_x, T, m = (frame[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T", "monetary"))
    paid = (x > 0) & (m > 0)
    of_orders = fitted.models["orders_model"].log_likelihood(x, t_x, T).sum()
    return float(of_orders + fitted.models["spend_model"].log_likelihood(x[paid], m[paid]).sum())


def labels_of(ids: pd.Series, groups: Any, by: str) -> pd.Series:
    """The group of each customer, or a missing value; the smallest groups are taken together if there are many."""
    if absent := [name for name in ("customer_id", by) if name not in groups.columns]:
        raise ValueError(
            f"groups has no column {', '.join(absent)} (it has {', '.join(map(str, groups.columns))}); give a table "
            "with customer_id and the column named by `by`"
        )
    known = groups if isinstance(groups, pd.DataFrame) else groups.select("customer_id", by)
    known = to_pandas(known).drop_duplicates("customer_id")
    if len(ids) and len(known) and not ids.isin(known["customer_id"]).any():
        raise ValueError(
            f"no customer_id of the summary is in groups: the summary has such as {ids.iloc[0]} ({ids.dtype}), groups "
            f"has such as {known['customer_id'].iloc[0]} ({known['customer_id'].dtype}); give both the same type"
        )
    label = ids.astype(object).map(known.astype(object).set_index("customer_id")[by]).astype(object)
    label = label.where(label.notna(), None)
    sizes = label.value_counts()
    if len(sizes) > MOST_GROUPS:
        kept = sorted(in_order(sizes.index), key=lambda name: -sizes[name])[: MOST_GROUPS - 1]
        label = label.where(label.isna() | label.isin(kept), OTHER)
    return label


def in_order(labels: Any) -> list[Any]:
    """The labels sorted; those of unlike kinds by their text."""
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=lambda label: (str(label), type(label).__name__))
