"""The customers whom a decision concerns: who, why, what they are worth, when they last bought, may we contact them."""

from __future__ import annotations

from typing import Any

from crmlib.engine import same_kind, to_pandas
from crmlib.purchases import purchase_days

CONSENTS = ("email", "sms", "phone", "wechat")
NOT_ALLOWED = ("no", "unknown")
"""What ``contact`` says where nobody has said yes; a consent that is not recorded counts as no."""


def reachable(contact: Any) -> int | None:
    """How many of a list may be contacted by one channel at least; None where no consent of theirs is recorded.

    ``contact``: the column of :func:`call_list`.

    >>> import pandas as pd
    >>> reachable(pd.Series(["email+sms", "no", "unknown"])), reachable(pd.Series(["unknown"]))
    (1, None)
    """
    return None if contact.eq("unknown").all() else int((~contact.isin(NOT_ALLOWED)).sum())


def call_list(people: Any, *, orders: Any, customers: Any, as_of: Any) -> Any:
    """The list that goes with a decision, the most valuable first.

    Args:
        people: a frame of ``customer_id``, ``value`` (client's currency) and what else is told of each.
        orders, customers: the contract's tables (pandas or Ibis).
        as_of: the day at whose end the data are looked at.

    The frame with ``last_order`` (a day, empty without any) and ``contact`` put in after ``value``: the channels by
    which the customer may be contacted, joined by ``+``; ``no``; or ``unknown`` where nothing is recorded. An ``arm``
    of a test is only theirs who may be contacted, where consent is recorded of anybody: the others are no part of it.

    >>> import pandas as pd
    >>> people = pd.DataFrame({"customer_id": ["a", "b"], "value": [5.0, 9.0]})
    >>> orders = pd.DataFrame({"customer_id": ["a"], "amount": [3.0], "ordered_at": pd.to_datetime(["2025-01-02"])})
    >>> customers = pd.DataFrame({"customer_id": ["a", "b"], "consent_email": [True, False]})
    >>> call_list(people, orders=orders, customers=customers, as_of="2025-01-31")
      customer_id  value  last_order contact
    0           b    9.0         NaT      no
    1           a    5.0  2025-01-02   email
    """
    import pandas as pd

    told = to_pandas(_told(people[["customer_id"]], orders, customers, as_of=as_of)).set_index("customer_id")
    told = told.reindex(people["customer_id"])
    allowed = [name for name in CONSENTS if name in told.columns]
    said = [
        "+".join(name for name, yes in zip(allowed, row, strict=True) if yes is True or yes == 1)
        or ("no" if any(answer is not None and answer == answer for answer in row) else "unknown")
        for row in told[allowed].astype(object).itertuples(index=False, name=None)
    ]
    listed = people.reset_index(drop=True)
    place = list(listed.columns).index("value") + 1
    listed.insert(place, "last_order", pd.to_datetime(told["last_order"]).dt.date.to_numpy())
    listed.insert(place + 1, "contact", said)
    if "arm" in listed and reachable(listed["contact"]) is not None:
        listed["arm"] = listed["arm"].where(~listed["contact"].isin(NOT_ALLOWED), "")
    # Whom a model values alike stay in the order of the table, whatever the last digits say.
    return listed.sort_values(
        "value", ascending=False, kind="stable", ignore_index=True, key=lambda value: value.round(6)
    )


@same_kind
def _told(people: Any, orders: Any, customers: Any, *, as_of: Any) -> Any:
    """``customer_id, last_order`` and each consent that is recorded, of these customers only."""
    import ibis

    bought = purchase_days(orders, as_of=as_of)
    last = bought.semi_join(people, "customer_id").group_by("customer_id").agg(last_order=bought.day.max())
    consents = {name: f"consent_{name}" for name in CONSENTS if f"consent_{name}" in customers.columns}
    known = customers.semi_join(people, "customer_id").distinct(on="customer_id")
    known = known.select("customer_id", **{name: known[column].cast("boolean") for name, column in consents.items()})
    told = people.distinct().left_join(last, "customer_id").drop("customer_id_right")
    told = told.left_join(known, "customer_id").drop("customer_id_right")
    missing = {name: ibis.null("boolean") for name in CONSENTS if name not in consents}
    return told.mutate(**missing) if missing else told
