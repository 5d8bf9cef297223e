"""Linear algebra on one thread: small matrices and sums of some 100,000 products gain nothing from more.

Where other work goes on beside, the threads of a matrix library wait for each other many times longer than they work.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Work = TypeVar("Work", bound=Callable[..., Any])


def one_thread(work: Work) -> Work:
    """Let a function do its linear algebra on one thread.

    >>> @one_thread
    ... def double(value):
    ...     return 2 * value
    >>> double(4)
    8
    """

    @functools.wraps(work)
    def alone(*args: Any, **kwargs: Any) -> Any:
        with _pools().limit(limits=1):
            return work(*args, **kwargs)

    return alone  # type: ignore[return-value]


@functools.cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()
