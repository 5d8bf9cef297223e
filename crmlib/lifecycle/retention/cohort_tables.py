"""Cohorts: how many of those who came together came back, by age; unobserved is empty, never zero."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal, get_args

from crmlib import figures, text
from crmlib.calendar import Period, as_day, periods_between, unit_of
from crmlib.engine import same_kind, to_pandas
from crmlib.lifecycle.retention.empty_figure import nothing_to_show
from crmlib.lifecycle.retention.periods import (
    age_name,
    ages_label,
    period_name,
    period_word,
)
from crmlib.purchases import purchases
from crmlib.statistics import wilson

Value = Literal["retention", "customers", "orders", "revenue", "revenue_per_customer"]
# A share of fewer customers than this moves by more than three points when one of them comes back.
SMALL_BASE = 30
_MOST_ROWS, _MOST_NUMBERS = 24, 15


# Measures


@same_kind
def cohorts(orders: Any, *, as_of: Any, period: Period = "month", since: Any = None) -> Any:
    """How each cohort of new customers came back, one row per cohort and age.

    A cohort is the customers whose first purchase fell into the same ``period`` (week, month, quarter or
    year of the calendar); ``age`` counts whole periods since (0: the period of the first purchase). Columns:
    ``cohort`` (first day of the period), ``age``, ``cohort_customers``, ``customers`` (of the cohort who
    bought at that age), ``orders``, ``revenue`` (client's currency), ``retention`` (customers /
    cohort_customers, 0 to 1) and ``revenue_per_customer`` (revenue / cohort_customers). Only periods that
    are over on the day ``as_of`` are answered: what has not been observed is not in the table, and a period
    in which nobody bought is there with zeros. ``since`` leaves customers out whose first purchase was
    before that day: give the day from which the orders are complete, because old customers look like new
    ones at the beginning of an export.

    Retention of shoppers is *activity*: who is missing in one period may be there in the next. For contracts
    see ``renewal_ages``. pandas or Ibis in, same kind out. Raises ``ValueError`` for an unknown period.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-01-20"])})
    >>> cohorts(orders, as_of="2025-04-15")[["age", "customers", "retention"]]
       age  customers  retention
    0    0          2        1.0
    1    1          0        0.0
    2    2          1        0.5
    """
    import ibis

    unit = unit_of(period)
    end = as_day(as_of)
    bought = purchases(orders, as_of=end).mutate(period=lambda t: t.day.truncate(unit).cast("date"))
    first = bought.group_by("customer_id").agg(cohort=bought.period.min(), first_day=bought.day.min())
    if since is not None:
        first = first.filter(first.first_day >= ibis.literal(as_day(since)))
    joined = bought.join(first, "customer_id").mutate(age=lambda t: periods_between(t.cohort, t.period, period))
    seen = joined.group_by("cohort", "age").agg(
        customers=joined.customer_id.nunique(), orders=joined.count(), revenue=joined.spend.sum()
    )
    # The day after as_of begins the first period that is not over; the grid of ages ends before it, whatever was
    # bought: a period without any buyer is a zero, not a gap.
    unfinished = ibis.literal(end + dt.timedelta(days=1)).truncate(unit).cast("date")
    size = first.group_by("cohort").agg(cohort_customers=first.count())
    grid = size.mutate(age=ibis.range(0, periods_between(size.cohort, unfinished, period)).unnest().cast("int64"))
    table = grid.left_join(seen, ["cohort", "age"])
    customers, revenue = table.customers.fill_null(0), table.revenue.fill_null(0.0)
    return table.select(
        cohort=table.cohort,
        age=table.age,
        cohort_customers=table.cohort_customers,
        customers=customers,
        orders=table.orders.fill_null(0),
        revenue=revenue,
        retention=customers / table.cohort_customers,
        revenue_per_customer=revenue / table.cohort_customers,
    ).order_by("cohort", "age")


@same_kind
def last_seen(orders: Any, *, as_of: Any, period: Period = "month", since: Any = None) -> Any:
    """What share of each cohort bought at an age *or later*, as known today: one row per cohort and age.

    This looks like a survival curve and is none. Who has been silent for a while may yet return, so the end
    of the curve is always too low and rises when one looks again later: do not fit a model of leaving to it.
    Columns: ``cohort``, ``age``, ``cohort_customers``, ``customers`` (bought at this age or later),
    ``share``. Ages, ``since`` and kinds as in :func:`cohorts`.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-01-20"])})
    >>> last_seen(orders, as_of="2025-04-15")[["age", "customers", "share"]]
       age  customers  share
    0    0          2    1.0
    1    1          1    0.5
    2    2          1    0.5
    """
    import ibis

    unit = unit_of(period)
    end = as_day(as_of)
    unfinished = ibis.literal(end + dt.timedelta(days=1)).truncate(unit).cast("date")
    bought = purchases(orders, as_of=end)
    bought = bought.mutate(period=bought.day.truncate(unit).cast("date"))
    each = bought.group_by("customer_id").agg(
        cohort=bought.period.min(), last=bought.period.max(), first_day=bought.day.min()
    )
    if since is not None:
        each = each.filter(each.first_day >= ibis.literal(as_day(since)))
    each = each.mutate(
        # The last purchase may lie in the period that is not over: it was at this or any earlier age or later.
        upto=ibis.least(
            periods_between(each.cohort, each.last, period), periods_between(each.cohort, unfinished, period) - 1
        )
    )
    counted = each.filter(each.cohort < unfinished).group_by("cohort", "upto").agg(customers=lambda t: t.count())
    reached = counted.mutate(age=ibis.range(0, counted.upto + 1).unnest().cast("int64"))
    reached = reached.group_by("cohort", "age").agg(customers=reached.customers.sum())
    size = each.group_by("cohort").agg(cohort_customers=each.count())
    grid = size.mutate(age=ibis.range(0, periods_between(size.cohort, unfinished, period)).unnest().cast("int64"))
    table = grid.left_join(reached, ["cohort", "age"])
    customers = table.customers.fill_null(0)
    return table.select(
        cohort=table.cohort,
        age=table.age,
        cohort_customers=table.cohort_customers,
        customers=customers,
        share=customers / table.cohort_customers,
    ).order_by("cohort", "age")


def cohort_triangle(cohorts: Any, value: Value = "retention") -> Any:
    """The cohorts as the triangle that one draws: a row per cohort, a column per age, empty where unobserved.

    ``cohorts``: a table from :func:`cohorts`; ``value``: retention, customers, orders, revenue or
    revenue_per_customer. Answers a pandas frame: index ``cohort`` (first day of the period), columns ``age``
    (0, 1, …); NaN for every period that is not over.

    >>> import pandas as pd
    >>> orders = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [10.0, 5.0, 8.0],
    ...     "ordered_at": pd.to_datetime(["2025-01-10", "2025-03-02", "2025-02-20"])})
    >>> cohort_triangle(cohorts(orders, as_of="2025-03-31"), "customers")
    age           0    1    2
    cohort
    2025-01-01  1.0  0.0  1.0
    2025-02-01  1.0  0.0  NaN
    """
    frame = to_pandas(cohorts)
    if value not in get_args(Value):
        raise ValueError(f"value {value!r} is not known; use one of {', '.join(get_args(Value))}")
    wide = frame.assign(**{value: frame[value].astype(float)}).pivot(index="cohort", columns="age", values=value)
    return wide.sort_index().sort_index(axis="columns")


def pooled_retention(cohorts: Any) -> Any:
    """Retention by age over all cohorts that have reached it, with intervals: the curve of the cohorts together.

    ``cohorts``: a table from :func:`cohorts`. Answers a pandas frame, one row per ``age``: ``cohorts`` (how
    many have reached it), ``cohort_customers`` (in these), ``customers`` (active), ``retention`` and its 95
    % Wilson interval ``low, high``. Customers are pooled, so that a large cohort weighs more than a small
    one; young ages rest on all cohorts, old ages on the oldest only.

    >>> import pandas as pd
    >>> table = pd.DataFrame({"cohort": ["x", "x", "y"], "age": [0, 1, 0], "cohort_customers": [40, 40, 10],
    ...     "customers": [40, 10, 10]})
    >>> pooled_retention(table).round(3)
       age  cohorts  cohort_customers  customers  retention    low   high
    0    0        2                50         50       1.00  0.929  1.000
    1    1        1                40         10       0.25  0.142  0.402
    """
    frame = to_pandas(cohorts)
    pooled = frame.groupby("age", as_index=False).agg(
        cohorts=("cohort", "nunique"), cohort_customers=("cohort_customers", "sum"), customers=("customers", "sum")
    )
    low, high = wilson(pooled.customers, pooled.cohort_customers)
    return pooled.assign(retention=pooled.customers / pooled.cohort_customers, low=low, high=high)


# Figures


def plot_triangle(cohorts: Any, value: Value = "retention", *, period: Period = "month") -> Any:
    """The triangle of cohorts as a heat map; answers the Axes.

    ``cohorts``: a table from :func:`cohorts`, made with this ``period``. Each row is a cohort with its
    number of customers; cells that are not over are blank. At most the latest 24 cohorts are drawn.
    """
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator

    frame = to_pandas(cohorts)
    triangle = cohort_triangle(frame, value).tail(_MOST_ROWS)
    if value == "retention":
        triangle = triangle.drop(columns=0, errors="ignore")
    triangle = triangle.dropna(axis="columns", how="all")
    title = _triangle_title(value)
    if 0 < frame.drop_duplicates("cohort").cohort_customers.sum() < SMALL_BASE:
        return nothing_to_show(title, text.say("Fewer than {least} customers: too few for shares.", least=SMALL_BASE))
    if triangle.empty:
        return nothing_to_show(title, text.say("No cohort has a whole period behind it that could be shown."))
    sizes = frame.drop_duplicates("cohort").set_index("cohort").cohort_customers
    axes = figures.new_axes(9.0, max(2.6, 0.28 * len(triangle) + 1.2))
    axes.grid(False)
    numbers = triangle.to_numpy(dtype=float)
    words = _triangle_words(triangle, value, period, sizes)
    later = numbers[:, triangle.columns > 0]
    top = float(np.nanquantile(later, 0.98)) if np.isfinite(later).any() else float(np.nanmax(numbers))
    colours = LinearSegmentedColormap.from_list("cohorts", ["#ffffff", figures.COLOURS["main"]])
    image = axes.imshow(numbers, aspect="auto", cmap=colours, vmin=0, vmax=top or 1.0)
    shown = _form(value)
    axes.set_yticks(
        range(len(triangle)),
        [
            text.say("{cohort} ({customers})", cohort=period_name(day, period), customers=int(sizes[day]))
            for day in triangle.index
        ],
    )
    step = max(1, len(triangle.columns) // _MOST_NUMBERS)
    axes.set_xticks(range(0, len(triangle.columns), step), triangle.columns[::step])
    axes.set_xlabel(ages_label(period))
    axes.set_ylabel(text.say("Cohort (customers)"))
    axes.tick_params(length=0)
    if len(triangle.columns) <= _MOST_ROWS and period != "week":
        for (row, column), number in np.ndenumerate(numbers):
            if np.isfinite(number):
                colour = "white" if number > 0.55 * top else figures.COLOURS["ink"]
                cell = axes.text(column, row, shown(number), ha="center", va="center", fontsize=7, color=colour)
                cell.set_in_layout(False)  # inside its cell anyway; the layout takes half the time without
    bar = axes.get_figure().colorbar(image, ax=axes, fraction=0.03, pad=0.01)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    bar.ax.yaxis.set_major_formatter(lambda number, _position: shown(number))
    return figures.caption(axes, title=title, **words)


def _triangle_title(value: str) -> str:
    titles = {
        "retention": text.say("Share of each cohort that bought, by age"),
        "customers": text.say("Customers of each cohort who bought, by age"),
        "orders": text.say("Orders of each cohort, by age"),
        "revenue": text.say("Revenue of each cohort, by age"),
        "revenue_per_customer": text.say("Revenue per customer of each cohort, by age"),
    }
    return titles[value]


def _triangle_words(triangle: Any, value: str, period: Period, sizes: Any) -> dict[str, str]:
    """What the triangle says; extremes are named only among cohorts at or above the small base that differ."""
    shown = _form(value)
    age = 1 if 1 in triangle.columns else int(triangle.columns[0])
    observed = triangle[age].dropna()
    column = observed[sizes.reindex(observed.index) >= SMALL_BASE]
    if len(observed) > 1 and column.empty:
        return _words_without_extremes(triangle, period)
    column = observed if column.empty else column  # the only cohort, small as it may be
    best, worst = column.idxmax(), column.idxmin()
    words = {
        "low": shown(column.min()),
        "high": shown(column.max()),
        "age": age_name(age, period),
        "worst": period_name(worst, period),
        "best": period_name(best, period),
    }
    if len(column) > 1 and words["low"] != words["high"]:
        reading = text.say(
            "In {age} after the first purchase the cohorts lie between {low} ({worst}) and {high} ({best}); "
            "blank: the {unit} is not over.",
            unit=period_word(period),
            **words,
        )
    elif len(column) > 1:
        reading = text.say(
            "In {age} after the first purchase the cohorts all stand at {high}; blank: the {unit} is not over.",
            unit=period_word(period),
            **words,
        )
    elif len(observed) > 1:
        reading = text.say(
            "In {age} after the first purchase the one cohort of at least {least} customers, {best}, stands at {high}; "
            "blank: the {unit} is not over.",
            unit=period_word(period),
            least=SMALL_BASE,
            **words,
        )
    else:
        reading = text.say(
            "In {age} after the first purchase the only cohort stands at {high}; blank: the {unit} is not over.",
            unit=period_word(period),
            **words,
        )
    description = text.say(
        "Heat map with a row per cohort and a column per {age_unit} of age, up to {last}; cohorts shown: {count}; in "
        "{age} the values run from {low} to {high}.",
        count=len(triangle),
        last=int(triangle.columns[-1]),
        age_unit=period_word(period),
        **words,
    )
    return {"reading": reading, "description": description}


def _words_without_extremes(triangle: Any, period: Period) -> dict[str, str]:
    words = {"least": SMALL_BASE, "unit": period_word(period), "count": len(triangle)}
    return {
        "reading": text.say(
            "Each cohort has fewer than {least} customers: single cells say little; blank: the {unit} is not over.",
            **words,
        ),
        "description": text.say(
            "Heat map with a row per cohort and a column per {unit} of age, up to {last}; cohorts shown: {count}, each "
            "of fewer than {least} customers.",
            last=int(triangle.columns[-1]),
            **words,
        ),
    }


def plot_retention(cohorts: Any, *, period: Period = "month") -> Any:
    """Retention by age, one line per cohort and all cohorts together with their interval; answers the Axes.

    ``cohorts``: a table from :func:`cohorts`, made with this ``period``.
    """
    frame = to_pandas(cohorts)
    later = frame[frame.age > 0]
    title = text.say("How many customers come back")
    if 0 < frame.drop_duplicates("cohort").cohort_customers.sum() < SMALL_BASE:
        return nothing_to_show(title, text.say("Fewer than {least} customers: too few for shares.", least=SMALL_BASE))
    if later.empty:
        return nothing_to_show(title, text.say("No cohort has a whole period behind it after its first one."))
    pooled = pooled_retention(later)
    axes = figures.new_axes()
    for _, cohort in later[later.cohort_customers >= SMALL_BASE].groupby("cohort"):
        axes.plot(cohort.age, cohort.retention, color=figures.COLOURS["muted"], linewidth=0.7, alpha=0.45)
    axes.fill_between(pooled.age, pooled.low, pooled.high, color=figures.COLOURS["main"], alpha=0.18, linewidth=0)
    axes.plot(
        pooled.age,
        pooled.retention,
        color=figures.COLOURS["main"],
        linewidth=2.5,
        marker="o",
        markersize=3,
        label=text.say("All cohorts that have reached this age, with 95% interval"),
    )
    axes.plot([], [], color=figures.COLOURS["muted"], linewidth=0.7, label=text.say("Single cohorts"))
    axes.legend(loc="upper right", frameon=False)
    axes.set_xlim(0.5, float(later.age.max()) + 0.5)
    figures.percent_axis(axes.yaxis)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_ylim(0, 1.25 * max(float(pooled.high.max()), float(later.retention.quantile(0.95))))
    axes.set_xlabel(ages_label(period))
    axes.set_ylabel(text.say("Share of the cohort that bought"))
    first, last = pooled.iloc[0], pooled[pooled.cohort_customers >= SMALL_BASE].iloc[-1:]
    last = first if last.empty else last.iloc[0]
    words = {
        "first": text.percent(first.retention, digits=1),
        "last": text.percent(last.retention, digits=1),
        "first_age": age_name(first.age, period),
        "last_age": age_name(last.age, period),
    }
    if first.age == last.age:
        reading = text.say("In {first_age} after the first purchase {first} of customers bought again.", **words)
    else:
        reading = text.say(
            "In {first_age} after the first purchase {first} of customers bought again; of those who have come as far "
            "as {last_age}, {last} bought in it.",
            **words,
        )
    return figures.caption(
        axes,
        title=title,
        reading=reading,
        description=text.say(
            "Line chart of the share of customers who bought, by age of the cohort; cohorts shown: {count}; all "
            "together {first} in {first_age} and {last} in {last_age}.",
            count=int(frame.cohort.nunique()),
            **words,
        ),
    )


def _form(value: str) -> Any:
    """How a cell of a triangle is written: a function from number to text."""
    if value == "retention":
        return text.percent
    return text.money if value.startswith("revenue") else text.number
