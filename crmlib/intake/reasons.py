"""Why a row is in quarantine: kept as data in a cell, put into words when it is shown."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence

from crmlib.words import Saying, Words

words = Words(__file__)


def kept(*said: Saying) -> str:
    """Reasons as the text of a cell, a line for each.

    >>> in_words(kept(words.later("reasons.missing", column="order_id")))
    'no order_id'
    """
    return "\n".join(json.dumps(one.as_dict(), ensure_ascii=False) for one in said)


@functools.cache
def restored(cell: str) -> tuple[Saying, ...]:
    """What :func:`kept` has made the text of a cell."""
    return tuple(Saying.from_dict(json.loads(line)) for line in cell.split("\n"))


def in_words(cell: str) -> str:
    """The reasons in a cell, in the language in use."""
    return together(list(map(str, restored(cell))))


def together(said: Sequence[str]) -> str:
    """Several things that are true of one row, in one line."""
    return functools.reduce(lambda first, then: words.say("reasons.also", first=first, then=then), said)


def deliberate(cell: str) -> bool:
    """Whether a row is out by a rule, rather than because something is wrong with it.

    >>> deliberate(kept(words.later("reasons.left_out.totals"))), deliberate(kept(words.later("reasons.positive")))
    (True, False)
    """
    return restored(cell)[0].key.startswith(("reasons.left_out.", "reasons.no_data."))
