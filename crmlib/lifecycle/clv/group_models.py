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
class GroupModels:
    """Which customers are valued by models of their own.

    ``group``: the name of the group, by customer (index ``customer_id``), of those only; ``models``: by group.
    """

    group: pd.Series
    models: Mapping[Any, FittedModels]

    def parts(self, summary: Any) -> list[tuple[dict[str, Any] | None, Any, Numbers]]:
        """The customers of a summary by the models that value them: models (None: those of all others), rows, places.

        pandas: ``places`` are those of the rows in the summary. Ibis: the groups are joined in the engine, so that no
        row comes here, and there are no places. Parts without customers are left out.
        """
        if not isinstance(summary, pd.DataFrame):
            return self._joined(summary)
        of = summary["customer_id"].astype(object).map(self.group)
        found = [(fitted.models, np.flatnonzero(of == name)) for name, fitted in self.models.items()]
        rest = np.setdiff1d(np.arange(len(of)), np.concatenate([places for _, places in found]))
        return [(models, summary.iloc[places], places) for models, places in [(None, rest), *found] if len(places)]

    def _joined(self, summary: Any) -> list[tuple[dict[str, Any] | None, Any, Numbers]]:
        import ibis

        names = list(self.models)
        groups = pd.DataFrame({"group_customer": self.group.index, "group": self.group.map(names.index).to_numpy()})
        known = ibis.memtable(groups.infer_objects())
        known = known.mutate(group_customer=known.group_customer.try_cast(summary.customer_id.type()))
        both = summary.left_join(known, summary.customer_id == known.group_customer).drop("group_customer")
        both = both.mutate(group=both.group.fill_null(-1))
        filled = set(to_pandas(both.select("group").distinct())["group"])
        found = [(None, -1), *((self.models[name].models, place) for place, name in enumerate(names))]
        return [
            (models, both.filter(both.group == place).drop("group"), np.empty(0, dtype=int))
            for models, place in found
            if place in filled
        ]


def fit_group_models(
    frame: pd.DataFrame, fitted: FittedModels, label: pd.Series, fit: Callable[[pd.DataFrame], FittedModels]
) -> GroupModels | None:
    """Models of the groups that these describe better than ``fitted``, that of all, does; None without any.

    ``label``: the group of each customer of the summary ``frame``, in its order; ``fit`` makes a group's models. A
    group has its own where they raise the likelihood by more than they have parameters. So groups that do not differ,
    or are too few to show it, are pooled.

    Source: Akaike (1974), "A new look at the statistical model identification", IEEE Transactions on Automatic
    Control 19(6).
    """
    own = {}
    for name in sorted_labels(label.dropna().unique()):
        some = frame[(label == name).to_numpy()]
        models = fit(some)
        if models.complete and _log_likelihood(models, some) - _log_likelihood(fitted, some) > _parameters(models):
            own[name] = models
    if not own:
        return None
    kept = label[label.isin(list(own)).to_numpy()]
    return GroupModels(pd.Series(kept.to_numpy(), frame["customer_id"].astype(object)[kept.index]), own)


def _parameters(fitted: FittedModels) -> int:
    return len(fitted.models["orders_model"].symbols) + len(fitted.models["spend_model"].symbols)


def _log_likelihood(fitted: FittedModels, frame: pd.DataFrame) -> float:
    """Of the histories and the mean spends of these customers."""
    x, t_x, T, m = (frame[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T", "monetary"))
    paid = (x > 0) & (m > 0)
    of_orders = fitted.models["orders_model"].log_likelihood(x, t_x, T).sum()
    return float(of_orders + fitted.models["spend_model"].log_likelihood(x[paid], m[paid]).sum())


def labels_of(ids: pd.Series, groups: Any, by: str) -> pd.Series:
    """The group of each customer, or a missing value; the smallest groups are taken together if there are many.

    Nobody may be in ``groups``: a list of customers that is newer than the day of the summary need not hold them.
    Raises ``ValueError`` for ``groups`` without its columns, and where no id can be found because one side has numbers
    and the other one text.
    """
    if absent := [name for name in ("customer_id", by) if name not in groups.columns]:
        raise ValueError(
            f"groups has no column {', '.join(absent)} (it has {', '.join(map(str, groups.columns))}); give a table "
            "with customer_id and the column named by `by`"
        )
    known = groups if isinstance(groups, pd.DataFrame) else groups.select("customer_id", by)
    known = to_pandas(known).drop_duplicates("customer_id")
    label = ids.astype(object).map(known.astype(object).set_index("customer_id")[by]).astype(object)
    if label.isna().all() and not ids.isin(known["customer_id"]).any() and _are_unlike(ids, known["customer_id"]):
        raise ValueError(
            f"no customer_id of the summary is in groups: the summary has such as {ids.iloc[0]} ({ids.dtype}), groups "
            f"has such as {known['customer_id'].iloc[0]} ({known['customer_id'].dtype}); give both the same type"
        )
    label = label.where(label.notna(), None)
    sizes = label.value_counts()
    if len(sizes) > MOST_GROUPS:
        kept = sorted(sorted_labels(sizes.index), key=lambda name: -sizes[name])[: MOST_GROUPS - 1]
        label = label.where(label.isna() | label.isin(kept), OTHER)
    return label


def _are_unlike(some: pd.Series, others: pd.Series) -> bool:
    """Whether ids of the one and of the other can never be equal, because their types differ: numbers and text, say."""
    kinds = []
    for ids in (some, others):
        known = ids.dropna()
        is_number = pd.api.types.is_numeric_dtype(known.dtype)
        kinds.append({"number"} if is_number and len(known) else {type(one) for one in known.astype(object)})
    return bool(kinds[0] and kinds[1] and not kinds[0] & kinds[1])


def sorted_labels(labels: Any) -> list[Any]:
    """The labels sorted; those of unlike kinds by their text."""
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=lambda label: (str(label), type(label).__name__))
