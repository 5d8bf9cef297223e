"""The pictures and tables of the chapter: each draws one measure's table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmlib import exhibits, pictures
from crmlib.exhibits import Exhibit
from crmlib.lifecycle.clv.assumptions import NEARLY_RANDOM, STRONG
from crmlib.lifecycle.clv.comparison import SURELY_ALIVE, Comparison
from crmlib.lifecycle.clv.contracts import ContractModel
from crmlib.lifecycle.clv.groups import LOST
from crmlib.lifecycle.clv.trust import UNTESTED, Trust, within
from crmlib.words import Words, interval, known, month, number, percent, short, sums

words = Words(__file__)


def plot_alive_grid(grid: pd.DataFrame) -> Exhibit:
    """P(alive) and expected orders by repeat orders and weeks of silence.

    ``grid``: from :func:`~crmlib.lifecycle.clv.alive_grid`. Where the model takes all customers who bought once for
    alive by construction (BG/NBD), their line is hatched.
    """
    if grid.empty:
        return exhibits.nothing(words, "alive")
    of_once = grid["frequency_order"] == 0
    untold = of_once & bool((grid.loc[of_once, "p_alive"] >= SURELY_ALIVE).all())
    kinds = untold.map({True: "untold_cell", False: "alive_cell"})
    rows = grid.itertuples(index=False)
    drawn = grid.assign(untold=untold, said=[words.say(f"axes.{k}", row) for k, row in zip(kinds, rows, strict=True)])
    picture = pictures.heat_map(
        drawn, row="frequency_order", column="silence_order", value="p_alive", text="said", hatched="untold", top=1.0,
        rows=_in_order(grid, "frequency", ascending=False), columns=_in_order(grid, "silence"),
        row_label=words.say("axes.frequency"), column_label=words.say("axes.silence"),
    )  # fmt: skip
    told = grid[~untold]
    return exhibits.figure(
        words, "alive", grid, picture,
        reading="back" if untold.any() else "all",
        doubtful=int(told.loc[told["p_alive"] < 0.5, "customers"].sum()),
        told=int(told["customers"].sum()),
        once=int(grid.loc[of_once, "customers"].sum()),
        cells=[words.say("axes.cell_words", row) for row in told.itertuples(index=False)],
    )  # fmt: skip


def plot_holdout(comparison: pd.DataFrame, weeks: pd.DataFrame, total: pd.DataFrame) -> Exhibit:
    """Was the model right about the time held out: by earlier frequency, and week by week.

    ``comparison``: from :func:`~crmlib.lifecycle.clv.holdout_comparison`; ``weeks``: from
    :func:`~crmlib.lifecycle.clv.tracking`; ``total``: from :func:`~crmlib.lifecycle.clv.holdout_total`, all of the same
    model.
    """
    if total.empty:
        return exhibits.nothing(words, "holdout")
    left = _came_and_expected(comparison, "frequency", words.say("axes.before"))
    right = _course(weeks, "cumulative")
    titles = [words.say("axes.per_customer"), words.say("axes.added_up")]
    picture = pictures.small_multiples([left, right], titles=titles, columns=2, width=9.6, panel_height=4.2)
    one = total.iloc[0]
    last = weeks[["actual_cumulative", "expected_cumulative"]].astype(float).tail(1).to_numpy().sum(axis=0)
    return exhibits.figure(
        words, "holdout", comparison, picture,
        reading=within(total), weeks=round(float(one["weeks"])), actual=one["actual_orders"],
        expected=one["expected_orders"], low=one["expected_low"], high=one["expected_high"],
        groups=_each_against(comparison, "frequency"), came=last[0], forecast=last[1],
    )  # fmt: skip


def _came_and_expected(table: pd.DataFrame, by: str, label: str) -> pictures.Picture:
    """Bars of what came, and dots with intervals of what was expected, per customer."""
    low, high = "expected_low", "expected_high"
    expected = pictures.Series("expected_mean", words.say("axes.expected"), "main", low, high)
    came = pictures.Series("actual_mean", words.say("axes.came"), "muted", kind="bars")
    drawn = table.assign(**{by: table[by].astype(str)})
    return pictures.pairs(
        drawn, label=by, series=[came, expected], form=lambda n: number(n, digits=1), label_label=label
    )


def _each_against(table: pd.DataFrame, by: str) -> list[str]:
    rows = table.assign(group=table[by].astype(str)).itertuples(index=False)
    return [words.say("axes.against", row) for row in rows]


def _course(weeks: pd.DataFrame, kind: str) -> pictures.Picture:
    """Repeat orders over time, as they came and as expected, with a line where the time held out begins."""
    known = weeks.loc[weeks["in_calibration"].astype(bool), "ends_on"].tail(1)
    return pictures.curves(
        weeks, x="ends_on", x_form=lambda at: month(at.date()), y_form=number, y_limits=(0, None),
        series=[
            pictures.Series(f"actual_{kind}", words.say("axes.came"), "muted"),
            pictures.Series(f"expected_{kind}", words.say("axes.expected"), "main"),
        ],
        references=[pictures.Reference(day, words.say("axes.held_out"), axis="x") for day in known],
    )  # fmt: skip


def plot_tracking(weeks: pd.DataFrame) -> Exhibit:
    """Repeat orders week by week and added up, actual and as a model expects.

    ``weeks``: from :func:`~crmlib.lifecycle.clv.tracking`.
    """
    held = weeks[~weeks["in_calibration"].astype(bool)]
    if held.empty:
        return exhibits.nothing(words, "tracking")
    titles = [words.say("axes.by_period"), words.say("axes.added_up")]
    panels = [_course(weeks, "orders"), _course(weeks, "cumulative")]
    picture = pictures.small_multiples(panels, titles=titles, columns=2, width=9.6, panel_height=4.0)
    sums = {kind: held[f"{kind}_orders"].sum() for kind in ("actual", "expected")}
    return exhibits.figure(words, "tracking", weeks, picture, sums, place="notebook")


def plot_calibration(deciles: pd.DataFrame) -> Exhibit:
    """Did customers with a higher forecast order as much more? Actual and expected orders by tenth.

    ``deciles``: from :func:`~crmlib.lifecycle.clv.calibration_by_decile`.
    """
    if deciles.empty:
        return exhibits.nothing(words, "calibration")
    top = deciles.iloc[-1]
    return exhibits.figure(
        words, "calibration", deciles, _came_and_expected(deciles, "decile", words.say("axes.tenth")), place="notebook",
        inside=int(deciles["actual_mean"].between(deciles["expected_low"], deciles["expected_high"]).sum()),
        groups=len(deciles), actual=top["actual_mean"], expected=top["expected_mean"],
        listed=_each_against(deciles, "decile"),
    )  # fmt: skip


def plot_lift(table: pd.DataFrame) -> Exhibit:
    """Which share of orders the best-ranked customers placed, method by method.

    ``table``: from :func:`~crmlib.lifecycle.clv.lift`.
    """
    if table.empty:
        return exhibits.nothing(words, "lift")
    # The mean of all ranks nobody: it is the choice at random.
    ranked = table[table["method"] != "overall_mean"]
    methods = list(dict.fromkeys(ranked["method"]))
    wide = ranked.pivot(index="share_contacted", columns="method", values="share_captured")
    drawn = pd.concat([pd.DataFrame(0.0, index=[0.0], columns=wide.columns), wide]).rename_axis("at").reset_index()
    own: dict[str, dict[str, Any]] = {
        "actual_orders": {"tone": "muted", "kind": "dotted"},
        methods[0]: {"tone": "main"},
    }
    series = [pictures.Series(m, words.name("lift", m), **own.get(m, {})) for m in methods]
    picture = pictures.curves(
        drawn, x="at", series=series, diagonal=words.say("axes.at_random"), x_form=percent, y_form=percent,
        x_label=words.say("axes.contacted"), y_label=words.say("axes.captured"), y_limits=(0, 1), height=4.6,
    )  # fmt: skip
    at = wide.index[np.abs(wide.index - 0.2).argmin()]
    some = wide.loc[at, methods]
    return exhibits.figure(
        words, "lift", table, picture, place="notebook",
        contacted=at, captured=some.iloc[0], times=some.iloc[0] / at,
        methods=[words.say("axes.method_share", method=name, share=share) for name, share in some.items()],
    )  # fmt: skip


def plot_alive_path(path: pd.DataFrame) -> Exhibit:
    """How the model's belief that a customer is still one fell in silence and rose with orders.

    ``path``: from :func:`~crmlib.lifecycle.clv.alive_path`.
    """
    if path.empty:
        return exhibits.nothing(words, "alive_path")
    ordered = path["ordered"].astype(bool)
    drawn = path.assign(at_order=path["p_alive"].where(ordered))
    picture = pictures.curves(
        drawn, x="day", x_form=lambda at: month(at.date()), y_form=percent, y_limits=(0, 1.04), height=3.6,
        y_label=words.say("axes.p_alive"), references=[pictures.Reference(0.5)],
        series=[
            pictures.Series("p_alive", tone="main"),
            pictures.Series("at_order", words.say("axes.order"), "second", kind="dots"),
        ],
    )  # fmt: skip
    now, least = path.iloc[-1], path.loc[path["p_alive"].idxmin()]
    untold = (path.loc[path["frequency"] == 0, "p_alive"] >= SURELY_ALIVE).all()
    return exhibits.figure(
        words, "alive_path", path, picture, place="notebook",
        reading="untold" if untold else "told",
        orders=int(ordered.sum()), silence=int(now["silence_days"]), now=now["p_alive"], last=now["day"].date(),
        least=least["p_alive"], day=least["day"].date(),
    )  # fmt: skip


def plot_concentration(curve: pd.DataFrame, shares: pd.DataFrame, *, trust: Trust = UNTESTED) -> Exhibit:
    """How the expected value is spread over customers, the most valuable first.

    ``curve``: from :func:`~crmlib.lifecycle.clv.equity_concentration`; ``shares``: from
    :func:`~crmlib.lifecycle.clv.equity_shares` by :func:`~crmlib.lifecycle.clv.top_fifth`; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`: without money, it only says why.
    """
    if curve.empty:
        return exhibits.nothing(words, "concentration")
    if not trust.money:
        return exhibits.nothing(words, "concentration", why="untold", verdict=trust.said)
    top = shares[shares["group"].astype(bool)].iloc[0]
    label = words.say("axes.fifth", top)
    point = pictures.Point(0.2, top["share"], label, low=top["share_low"], high=top["share_high"])
    picture = pictures.curves(
        curve, x="share_of_customers", series=[pictures.Series("share_of_equity", tone="main")], points=[point],
        diagonal=words.say("axes.all_equal"), x_form=percent, y_form=percent, y_limits=(0, 1.02), height=4.4,
        x_label=words.say("axes.most_valuable"), y_label=words.say("axes.value_share"),
    )  # fmt: skip
    half = float(np.interp(0.5, curve["share_of_equity"], curve["share_of_customers"]))
    return exhibits.figure(words, "concentration", curve, picture, top, half=half)


def plot_value_at_risk(tenths: pd.DataFrame, *, trust: Trust = UNTESTED) -> Exhibit:
    """With which customers lies what may be lost, by tenth.

    ``tenths``: from :func:`~crmlib.lifecycle.clv.risk_by_tenth`; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`: without money, or where customers order far more regularly than the
    model takes it, it only says why.
    """
    if tenths.empty:
        return exhibits.nothing(words, "no_value_at_risk")
    if trust.regular or not trust.money:
        return exhibits.nothing(words, "no_value_at_risk", why="untold", verdict=trust.said)
    drawn = tenths.assign(
        name=tenths["tenth"].astype(str),
        said=tenths["value_at_risk"].map(short),
        tone=np.where(tenths["tenth"] == 1, "main", "muted"),
    )[tenths["value_at_risk"] > 0]
    picture = pictures.bars(
        drawn, value="value_at_risk", label="name", tone="tone", note="said", form=short,
        label_label=words.say("axes.tenth_at_risk"), value_label=words.say("axes.at_risk"),
    )  # fmt: skip
    first = tenths.iloc[0]
    return exhibits.figure(
        words, "value_at_risk", tenths, picture, first, place="section", total=tenths["value_at_risk"].sum(),
        reading="all" if len(drawn) == len(tenths) else "some", bound=LOST, three=tenths["share"].head(3).sum(),
    )  # fmt: skip


def plot_value_matrix(matrix: pd.DataFrame, *, trust: Trust = UNTESTED) -> Exhibit:
    """Value so far × value to come: who is where, what they hold, what to do.

    ``matrix``: from :func:`~crmlib.lifecycle.clv.value_matrix`, with ``value_now`` of all time so far; ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`: without money, it only says why.
    """
    if not (matrix.empty or trust.money):
        return exhibits.nothing(words, "matrix", why="untold", verdict=trust.said)
    if matrix.empty:
        return exhibits.nothing(words, "matrix")
    tones = {"keep": "good", "develop": "main", "win_back": "second", "automate": "muted"}
    drawn = matrix.assign(
        name=[words.name("cells", cell) for cell in matrix["cell"]],
        said=[words.say("axes.cell", row) for row in matrix.itertuples(index=False)],
        tone=matrix["cell"].map(tones),
        fill=1.0,
    )
    sides = {side: words.name("averages", side) for side in ("high", "low")}
    picture = pictures.heat_map(
        drawn, row="now", column="to_come", value="fill", heading="name", text="said", tone="tone", top=3.0,
        rows=sides, columns=dict(reversed(sides.items())), row_label=words.say("axes.now"),
        column_label=words.say("axes.to_come"), width=9.0,
    )  # fmt: skip
    by = matrix.set_index("cell")
    return exhibits.figure(
        words, "matrix", matrix, picture,
        keep=by.loc["keep", "customers"], kept=by.loc["keep", "share_of_value_to_come"],
        back=by.loc["win_back", "customers"], lost=by.loc["win_back", "share_of_value_now"],
        develop=by.loc["develop", "customers"],
        cells=[words.say("axes.cell_listed", row) for row in matrix.itertuples(index=False)],
    )  # fmt: skip


def plot_parameter_posterior(draws: pd.DataFrame) -> Exhibit:
    """How sure each parameter is, and the pair of which go together most; logarithmic scales.

    ``draws``: from :func:`~crmlib.lifecycle.clv.parameter_posterior`.
    """
    if draws.empty:
        return exhibits.nothing(words, "parameters")
    draws = draws.rename(columns={"alpha": "α", "beta": "β"})
    logs = np.log10(draws)
    linked = np.triu(logs.corr().fillna(0.0).to_numpy(copy=True), k=1)
    first, second = (draws.columns[i] for i in divmod(int(np.abs(linked).argmax()), len(linked)))
    ends = {symbol: np.quantile(draws[symbol], [0.025, 0.975]) for symbol in draws}
    panels = [
        pictures.histogram(
            logs, value=symbol, x_form=_from_log,
            references=[pictures.Reference(float(np.log10(end)), tone="second") for end in ends[symbol]],
        )
        for symbol in draws
    ]  # fmt: skip
    pair = pictures.scatter(
        logs.head(800), x=first, y=second, x_form=_from_log, y_form=_from_log, x_label=first, y_label=second, size=3.0
    )
    both = words.say("axes.two", first=first, second=second)
    picture = pictures.small_multiples(
        [*panels, pair], titles=[*draws.columns, both], columns=3, width=9.6, panel_height=2.9
    )
    listed = [
        words.say("axes.parameter", symbol=symbol, low=_three_digits(low), high=_three_digits(high))
        for symbol, (low, high) in ends.items()
    ]
    return exhibits.figure(
        words, "parameters", draws, picture, place="notebook",
        intervals=listed, first=first, second=second, correlation=logs[first].corr(logs[second]),
    )  # fmt: skip


def _from_log(log: float) -> str:
    return _three_digits(10**log)


def _three_digits(value: float) -> str:
    """A positive number with about three digits that tell something."""
    return number(value, digits=int(np.clip(2 - np.floor(np.log10(max(value, 1e-9))), 0, 6)))


def plot_contracts(projected: pd.DataFrame) -> Exhibit:
    """How many contracts are left after each renewal: observed, and projected beyond.

    ``projected``: from :func:`~crmlib.lifecycle.retention.project_renewals`.
    """
    seen = projected[projected["survival"].notna()]
    if len(seen) < 2:
        return exhibits.nothing(words, "contracts")
    is_projected = projected["projected"].notna().any()
    series = [pictures.Series("survival", words.say("axes.seen"), "ink", "low", "high", kind="dots")]
    if is_projected:
        label = words.say("axes.projected", model=projected["model"].iloc[-1])
        series = [pictures.Series("projected", label, "main", "projected_low", "projected_high"), *series]
    picture = pictures.curves(
        projected, x="age", series=series, x_form=number, y_form=percent, y_limits=(0, 1.02),
        x_label=words.say("axes.renewal"), y_label=words.say("axes.left"),
    )  # fmt: skip
    now, last = seen.iloc[-1], projected.iloc[-1]
    return exhibits.figure(
        words, "contracts", projected, picture,
        reading="projected" if is_projected else "seen",
        seen=int(now["age"]), share=now["survival"], ahead=int(last["age"]), expected=last["projected"],
        low=last["projected_low"], high=last["projected_high"],
    )  # fmt: skip


def account_table(account: pd.DataFrame) -> Exhibit:
    """What became of each order, by the rules that applied to some.

    ``account``: from :func:`~crmlib.lifecycle.clv.summary_account`.
    """
    shown = account[account["orders"] > 0]
    if shown.empty:
        return exhibits.nothing(words, "account", of="tables")
    return exhibits.table(words, "account", shown, columns=["rule", "orders", "amount"], place="notebook")


def independence_table(link: pd.DataFrame) -> Exhibit:
    """Whether spend and frequency are linked, and what that means for the values.

    ``link``: from :func:`~crmlib.lifecycle.clv.spend_and_frequency`.

    >>> link = pd.DataFrame({"customers": [900], "correlation": [0.1], "low": [0.02], "high": [0.18]})
    >>> independence_table(link).reading.split(" (")[0]
    'Customers who order more often spend a little more on an order'
    """
    one = link.iloc[0]
    if one["low"] <= -1 and one["high"] >= 1:
        reading = "unknown"
    elif one["low"] <= 0 <= one["high"]:
        reading = "open" if max(-one["low"], one["high"]) >= STRONG else "none"
    else:
        much, more = abs(one["correlation"]) >= STRONG, one["correlation"] > 0
        reading = ("much_more" if more else "much_less") if much else ("more" if more else "less")
    return exhibits.table(words, "independence", link, one, reading=reading, place="notebook")


def models_table(compared: Comparison) -> Exhibit:
    """The models and simple rules side by side, and why one is taken.

    ``compared``: from :func:`~crmlib.lifecycle.clv.compare`.
    """
    table = compared.table
    if table.empty:
        return exhibits.nothing(words, "models", of="tables")
    wanted = ["missed", "mean_absolute_error", "gini", "log_score", "bic", "p_alive_one_time"]
    columns = ["model", *[name for name in wanted if name in table], *["reason"] * bool((table["reason"] != "").any())]
    return exhibits.table(words, "models", table, columns=columns, place="notebook", why=compared.why)


def baselines_table(baselines: pd.DataFrame) -> Exhibit:
    """The model's forecasts against those of simple rules.

    ``baselines``: from :func:`~crmlib.lifecycle.clv.baseline_comparison`. What the model saves, there a part of the
    squared error, is here a part of the typical error (its root), which the table shows too; within ±100 %.
    """
    if baselines.empty:
        return exhibits.nothing(words, "baselines", of="tables")
    columns = ["method", "expected_total", "actual_total", "root_mean_squared_error", "gini", "top_fifth_share"]
    ends = ["error_saved", "saved_low", "saved_high"]
    saved = {name: typical_error_saved(baselines[name]).clip(-1.0, 1.0) for name in ends}
    return exhibits.table(words, "baselines", baselines[columns].assign(**saved))


def typical_error_saved(squared: Any) -> Any:
    """The part of a typical (root mean squared) error that is saved, from the part of the squared error.

    >>> float(typical_error_saved(0.75)), float(typical_error_saved(-3.0))
    (0.5, -1.0)
    """
    return 1 - np.maximum(1 - squared, 0.0) ** 0.5


def tells_of_all(equity: pd.DataFrame) -> bool:
    """Whether the model gives those who bought once a probability of still being customers; BG/NBD cannot.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity`, which then has a row ``alive``.

    >>> tells_of_all(pd.DataFrame({"measure": ["customer_equity"], "value": [100.0]}))
    False
    """
    alive = equity.loc[equity["measure"] == "alive", "value"]
    return bool(len(alive) and alive.notna().all())


def equity_table(equity: pd.DataFrame, summary: pd.DataFrame, *, trust: Trust = UNTESTED) -> Exhibit:
    """Customer equity and what goes with it.

    ``equity``: from :func:`~crmlib.lifecycle.clv.customer_equity` of the customers in ``summary``. Where the model can
    tell it of all customers, how many are probably still there; else that of those who came back, and a row of its own
    counts those who bought once. Value without the limit of 12 months stands last, where there is one. ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`; without money in it, amounts are left out, and the reading says why.
    """
    if equity.empty:
        return exhibits.nothing(words, "equity", of="tables")
    of_all, once = tells_of_all(equity), int((summary["frequency"] == 0).sum())
    counts = {"customers": len(summary), "back": len(summary) - once}
    by = equity.set_index("measure")
    counted = ["alive" if of_all else "came_back_alive", "expected_orders"]
    rows = []
    for name in [*counted, *(["customer_equity", "value_at_risk", "residual_equity"] if trust.money else [])]:
        if name in by.index:
            form = number if name in counted else short
            key = f"{name}.{'all' if of_all else 'back'}" if name == "value_at_risk" else name
            value, low, high = by.loc[name, ["value", "low", "high"]]
            rows.append([words.say(f"measures.{key}", counts), form(value), interval(low, high, form)])
    if not of_all:
        rows.insert(1, [words.say("measures.once"), number(once), ""])
    shown = pd.DataFrame(rows, columns=["measure", "value", "range"])
    reading = "told" if trust.money else "untold"
    return exhibits.table(words, "equity", shown, kept=equity, reading=reading, place="section", verdict=trust.said)


def groups_table(groups: pd.DataFrame, *, by: str = "channel", trust: Trust = UNTESTED) -> Exhibit:
    """What a new customer of each group costs and brings in, or, where no cost is known, is worth.

    ``groups``: from :func:`~crmlib.lifecycle.clv.first_year_by_group` or :func:`~crmlib.lifecycle.clv.value_by_group`.
    The groups that leave most stand first, customers whose group is not known last. ``trust``: from
    :func:`~crmlib.lifecycle.clv.trust_in_model`: without money, it only says why.
    """
    if not (groups.empty or trust.money):
        return exhibits.nothing(words, "by_group", of="tables", why="untold", verdict=trust.said)
    if groups.empty:
        return exhibits.nothing(words, "by_group", of="tables")
    priced, worded = "left_over" in groups and groups["left_over"].notna().any(), None
    shown = groups.assign(
        group=[group_name(name, by, begins=True) for name in groups[by]],
        note=groups["note"].where(groups[by].notna(), ""),
        new_range=[interval(*ends, short) for ends in zip(groups["new_low"], groups["new_high"], strict=True)],
    )
    shown["new_range"] = shown["new_range"].where(groups["new_customer_value"].notna())
    columns = ["group", "customers", "customer_equity", "new_customer_value", "new_range"]
    if priced:
        columns = ["group", "new_customers", "cost_to_win", "brings_in", "left_over"]
        shown = shown[groups[by].notna()].sort_values("left_over", ascending=False, kind="stable")
        told = [told_first_year(row) for row in shown.itertuples(index=False)]
        worded = {name: [row[name] for row in told] for name in columns[2:]}
    columns += ["note"] * bool((shown["note"] != "").any())
    reading = "cost" if priced else "value"
    return exhibits.table(
        words, "by_group", shown, columns=columns, kept=groups, reading=reading, place="section", worded=worded
    )


def told_first_year(row: Any) -> dict[str, str]:
    """What a new customer of a group brings in, costs, and leaves over, in words that agree as they are printed."""
    names = ("brings_in", "cost_to_win", "left_over")
    if not known(row.left_over):
        return {name: short(getattr(row, name)) for name in names}
    (brings_in, cost), left, step = sums([row.brings_in, -row.cost_to_win], row.left_over)
    return {name: short(one, step=step) for name, one in zip(names, (brings_in, -cost, left), strict=True)}


def group_name(group: Any, by: str, *, begins: bool = False) -> str:
    """A group of customers in words: a channel as sentences say it; ``begins``: with a capital, as a row begins."""
    if group is None or group != group:
        return words.name("groups", "(none)")
    name = words.name("channels" if by == "channel" else "groups", group)
    return name[:1].upper() + name[1:] if begins else name


def told_group(group: Any, by: str) -> str:
    """The new customers of a group as a sentence says it: ``through referral``, ``from East``."""
    return words.say(f"axes.through.{'channel' if by == 'channel' else 'group'}", name=group_name(group, by))


def regularity_table(timing: pd.DataFrame) -> Exhibit:
    """How regularly customers order, and what that means for the model's answers.

    ``timing``: from :func:`~crmlib.lifecycle.clv.regularity`.
    """
    if timing.empty:
        return exhibits.nothing(words, "regularity", of="tables")
    one = timing.iloc[0]
    if one["low"] <= 1 <= one["high"]:
        reading = "random"
    elif NEARLY_RANDOM[0] <= one["k"] <= NEARLY_RANDOM[1]:
        reading = "nearly"
    else:
        reading = "regular" if one["k"] > 1 else "clumps"
    columns = ["customers", "pairs", "k", "low", "high"]
    return exhibits.table(words, "regularity", timing, one, columns=columns, reading=reading, place="notebook")


def contract_models_table(compared: ContractModel) -> Exhibit:
    """The two models of contracts side by side, and why one is taken.

    ``compared``: from :func:`~crmlib.lifecycle.clv.contract_model`.
    """
    table = compared.table
    if compared.model is None:
        return exhibits.nothing(words, "contract_models", of="tables")
    p_value = float(table["p_value"].max())
    columns = ["model", "alpha", "beta", "c", "log_likelihood", "bic", "p_value"]
    return exhibits.table(
        words, "contract_models", table, columns=columns, reading=compared.reason, place="notebook",
        model=words.name("methods", "BdW" if "c" in compared.model.symbols else "sBG"),
        p_value=words.say("tables.contract_models.below") if p_value < 0.001 else number(p_value, digits=3),
    )  # fmt: skip


def _in_order(grid: pd.DataFrame, name: str, *, ascending: bool = True) -> dict[Any, Any]:
    """The names of a heat map's lines by their order."""
    ordered = grid.sort_values(f"{name}_order", ascending=ascending, kind="stable")
    return dict(ordered[[f"{name}_order", name]].to_numpy())
