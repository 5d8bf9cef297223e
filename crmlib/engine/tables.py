"""Tables of two kinds: pandas frames and Ibis tables; a measure takes either and answers in kind."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    import pandas as pd


class AnyTable(Protocol):
    """A pandas frame or an Ibis table: what a measure takes, and what it answers."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, columns: Any, /) -> Any:
        """One column, or some of them."""

    def __getattr__(self, name: str, /) -> Any:
        """A column by its name, or whatever else its kind of table can do."""


Answer = TypeVar("Answer", bound=Callable[..., Any])


def same_kind(measure: Answer) -> Answer:
    """Let a measure that is written on Ibis tables take pandas frames too, and answer in kind.

    Frames among the arguments become Ibis tables; if any was a frame, the answer becomes a pandas frame. A table
    argument that is ``None`` stays ``None``.

    >>> import pandas as pd
    >>> @same_kind
    ... def orders_per_customer(orders):
    ...     return orders.group_by("customer_id").agg(orders=orders.count()).order_by("customer_id")
    >>> orders_per_customer(pd.DataFrame({"customer_id": ["b", "a", "b"]}))
      customer_id  orders
    0           a       1
    1           b       2
    """

    @functools.wraps(measure)
    def answer(*args: Any, **kwargs: Any) -> Any:
        import ibis
        import pandas as pd

        frames = [v for v in (*args, *kwargs.values()) if isinstance(v, pd.DataFrame)]

        def as_table(value: Any) -> Any:
            return ibis.memtable(value) if isinstance(value, pd.DataFrame) else value

        result = measure(*map(as_table, args), **{k: as_table(v) for k, v in kwargs.items()})
        return to_pandas(result) if frames else result

    return cast(Answer, answer)


def to_pandas(table: AnyTable) -> pd.DataFrame:
    """The table as a pandas frame, whichever kind it is.

    >>> import ibis
    >>> to_pandas(ibis.memtable({"n": [1, 2]})).n.sum().item()
    3
    """
    import pandas as pd

    return table if isinstance(table, pd.DataFrame) else table.to_pandas()


def to_ibis(table: AnyTable) -> Any:
    """The table as an Ibis table, whichever kind it is.

    >>> import pandas as pd
    >>> to_ibis(pd.DataFrame({"n": [1, 2]})).n.sum().execute()
    3
    """
    import ibis
    import pandas as pd

    return ibis.memtable(table) if isinstance(table, pd.DataFrame) else table
