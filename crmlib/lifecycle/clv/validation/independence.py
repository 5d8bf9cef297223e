"""Are spend and frequency as independent as the model of spend takes them to be?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import text
from crmlib.engine import to_pandas

# Beyond this, values of frequent buyers are biased so much that it matters.
STRONG = 0.3
FEWEST = 10


def spend_and_frequency(summary: Any) -> pd.DataFrame:
    """Do those who buy more often spend more on an order? The model of spend takes it that they do not.

    ``summary`` (pandas or Ibis): ``frequency, monetary``. One row: ``customers`` with paid repeat orders;
    ``correlation`` of the two, with ``low, high`` (95 %, valid whatever the shape of the distributions: the
    correlation's influence function, on Fisher's scale). For fewer than ten customers, or if one of the two does not
    vary, nothing is known: 0 with the interval −1 to 1. :func:`independence_in_words` says what it means.
    Source: Fader, Hardie & Lee (2005), "RFM and CLV", section 3.2.
    """
    x, m = _paid(summary)
    correlation, low, high = 0.0, -1.0, 1.0
    if len(x) >= FEWEST and np.ptp(x) > 0 and np.ptp(m) > 0:
        u, w = (x - x.mean()) / x.std(), (m - m.mean()) / m.std()
        correlation = float(np.clip(np.mean(u * w), -1 + 1e-12, 1 - 1e-12))
        influence = u * w - correlation / 2 * (u**2 + w**2)
        error = float(influence.std() / np.sqrt(len(x))) / (1 - correlation**2)
        low, high = np.tanh(np.arctanh(correlation) + np.array([-1.96, 1.96]) * error)
    return pd.DataFrame({"customers": [len(x)], "correlation": [correlation], "low": [low], "high": [high]})


def independence_in_words(link: pd.DataFrame) -> str:
    """What the correlation of spend and frequency means for the values, in a sentence.

    ``link``: from :func:`spend_and_frequency`.

    >>> independence_in_words(pd.DataFrame({"customers": [900], "correlation": [0.1], "low": [0.02], "high": [0.18]}))
    'Who orders more often spends a little more on an order (correlation 0.10, interval 0.02 to 0.18): small enough.'
    """
    one = link.iloc[0]
    if one["low"] <= -1 and one["high"] >= 1:
        return text.say("Too few repeat buyers, or all alike: whether spend and frequency are linked cannot be told.")
    values = {
        "correlation": text.number(one["correlation"], digits=2),
        "interval": text.interval(one["low"], one["high"], digits=2),
    }
    if one["low"] <= 0 <= one["high"]:
        if max(-one["low"], one["high"]) >= STRONG:
            return text.say(
                "No link between spend and frequency is sure, but these customers are too few to rule out a strong one "
                "(correlation {correlation}, interval {interval}).",
                **values,
            )
        return text.say(
            "No link between spend and frequency is seen (correlation {correlation}, interval {interval}), as the "
            "spend model takes it.",
            **values,
        )
    if abs(one["correlation"]) >= STRONG:
        if one["correlation"] > 0:
            return text.say(
                "Who orders more often spends clearly more on an order (correlation {correlation}, interval "
                "{interval}): the spend model does not know it, and values frequent buyers too low. Model groups "
                "apart.",
                **values,
            )
        return text.say(
            "Who orders more often spends clearly less on an order (correlation {correlation}, interval {interval}): "
            "the spend model does not know it, and values frequent buyers too high. Model groups apart.",
            **values,
        )
    if one["correlation"] > 0:
        return text.say(
            "Who orders more often spends a little more on an order (correlation {correlation}, interval {interval}): "
            "small enough.",
            **values,
        )
    return text.say(
        "Who orders more often spends a little less on an order (correlation {correlation}, interval {interval}): "
        "small enough.",
        **values,
    )


def _paid(summary: Any) -> tuple[np.ndarray, np.ndarray]:
    frame = to_pandas(summary)
    frame = frame[(frame["frequency"] > 0) & (frame["monetary"] > 0)]
    return frame["frequency"].to_numpy(dtype=float), frame["monetary"].to_numpy(dtype=float)
