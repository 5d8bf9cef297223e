"""Who may be contacted by which channel, and how much of the revenue that is. Unknown consent counts as no."""

from __future__ import annotations

from typing import Any

from crmlib import figures, text
from crmlib.calendar import is_whole_year
from crmlib.engine import to_pandas
from crmlib.finding import Finding
from crmlib.lifecycle.customer_data.buyers import buyers_of_the_year
from crmlib.lifecycle.customer_data.captioned import CaptionedTable

CHANNELS = ("email", "sms", "phone", "wechat")
ANY = "any_channel"
NOTABLE = 0.05
_ANSWERS = ("yes", "no", "unknown")

# Measures


def consents(customers: Any, orders: Any, *, as_of: Any) -> Any:
    """The buyers of the twelve months with their consents: a pandas row per customer.

    Columns: ``customer_id``, ``revenue_year``, and for each channel ``yes``, ``no`` or ``unknown``; ``any_channel`` is
    ``yes`` where one channel is, else ``unknown`` where one is unknown. ``customers`` may be None: all is unknown.
    """
    columns = [f"consent_{channel}" for channel in CHANNELS]
    there = [c for c in columns if customers is not None and c in customers.columns]
    buyers = to_pandas(buyers_of_the_year(orders, customers, as_of=as_of, keep=there))
    for channel, column in zip(CHANNELS, columns, strict=True):
        said = buyers[column] if column in buyers.columns else None
        buyers[channel] = "unknown" if said is None else said.map({True: "yes", False: "no"}).fillna("unknown")
    answers = buyers[list(CHANNELS)]
    buyers[ANY] = "no"
    buyers.loc[(answers == "unknown").any(axis=1), ANY] = "unknown"
    buyers.loc[(answers == "yes").any(axis=1), ANY] = "yes"
    return buyers[["customer_id", "revenue_year", *CHANNELS, ANY]]


def reach(said: Any) -> Any:
    """How many buyers, and how much of their revenue, may be contacted: a row per channel and for any of them.

    Columns: ``reach_by`` (``email``, ``sms``, ``phone``, ``wechat``, ``any_channel``), ``buyers_yes``, ``buyers_no``,
    ``buyers_unknown``, ``share`` (of the buyers: yes), ``revenue_yes``, ``revenue_no``, ``revenue_unknown``,
    ``revenue_share`` (yes). ``said`` from :func:`consents`.
    """
    import pandas as pd

    rows = []
    everything = said.revenue_year.sum()
    for channel in (*CHANNELS, ANY):
        buyers = {f"buyers_{answer}": int((said[channel] == answer).sum()) for answer in _ANSWERS}
        money = {f"revenue_{a}": float(said.revenue_year[said[channel] == a].sum()) for a in _ANSWERS}
        shares = {
            "share": buyers["buyers_yes"] / len(said) if len(said) else 0.0,
            "revenue_share": money["revenue_yes"] / everything if everything else 0.0,
        }
        rows.append({"reach_by": channel, **buyers, **money, **shares})
    columns = [
        "reach_by", "buyers_yes", "buyers_no", "buyers_unknown", "share", "revenue_yes", "revenue_no",
        "revenue_unknown", "revenue_share",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def reach_overlap(said: Any) -> Any:
    """By which channels together buyers may be contacted: ``channels`` (in words), ``buyers``, ``share``, revenue.

    Columns: ``channels``, ``channels_count``, ``buyers_count``, ``share``, ``revenue_year``, ``revenue_share``, most
    revenue first. ``said`` from :func:`consents`.
    """
    names = [text.label(channel) for channel in CHANNELS]
    allowed = (said[list(CHANNELS)] == "yes").to_numpy()
    labels = [" + ".join(n for n, yes in zip(names, row, strict=True) if yes) or text.say("none") for row in allowed]
    each = said.assign(channels=labels, channels_count=allowed.sum(axis=1))
    together = each.groupby(["channels", "channels_count"], as_index=False, sort=True).agg(
        buyers_count=("customer_id", "size"), revenue_year=("revenue_year", "sum")
    )
    everything = together.revenue_year.sum()
    together = together.assign(
        share=together.buyers_count / max(1, len(said)),
        revenue_share=together.revenue_year / everything if everything else 0.0,
    )
    ordered = together.sort_values("revenue_year", ascending=False, kind="stable", ignore_index=True)
    return ordered[["channels", "channels_count", "buyers_count", "share", "revenue_year", "revenue_share"]]


# Tables and figures


def table_of_overlap(overlap: Any, *, most: int = 10, history_days: int | None = None) -> CaptionedTable:
    """The largest groups of :func:`reach_overlap` in words."""
    single = float(overlap.revenue_share[overlap.channels_count == 1].sum())
    reading = text.say(
        "Each customer who bought in the {period} is in exactly one row, by the channels allowed; {single} of the "
        "revenue hangs on a single channel.",
        period=text.last_span(history_days),
        single=text.percent(single),
    )
    columns = ["channels", "buyers_count", "share", "revenue_year", "revenue_share"]
    return CaptionedTable(overlap[columns].head(most), text.say("Which channels go together"), reading)


def plot_reach(reached: Any, *, history_days: int | None = None) -> Any:
    """Bars of the revenue by what its customers have allowed, per channel. ``reached`` from :func:`reach`."""
    import numpy as np

    axes = figures.new_axes(8.4, 3.6)
    axes.grid(False)
    axes.grid(True, axis="x")
    money = reached[[f"revenue_{answer}" for answer in _ANSWERS]].to_numpy(dtype=float)
    shares = money / np.maximum(money.sum(axis=1, keepdims=True), 1e-9)
    colours = (figures.COLOURS["good"], figures.COLOURS["bad"], figures.COLOURS["light"])
    words = (text.say("may be contacted"), text.say("refused"), text.say("unknown: counts as no"))
    left = np.zeros(len(reached))
    for answer, colour, word in zip(range(3), colours, words, strict=True):
        axes.barh(range(len(reached)), shares[:, answer], left=left, color=colour, label=word, height=0.7)
        for row in np.flatnonzero(shares[:, answer] >= 0.06):
            ink = figures.COLOURS["ink"] if answer == 2 else "white"
            place = (left[row] + shares[row, answer] / 2, row)
            axes.annotate(text.percent(shares[row, answer]), place, ha="center", va="center", fontsize=9, color=ink)
        left += shares[:, answer]
    axes.set_yticks(range(len(reached)), [text.label(name) for name in reached.reach_by])
    axes.set_ylim(len(reached) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    figures.percent_axis(axes.xaxis)
    axes.set_xlabel(text.say("Share of the revenue of known customers, {period}", period=text.last_span(history_days)))
    axes.get_figure().legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    whole = reached.set_index("reach_by").loc[ANY]
    reading = text.say(
        "Customers who brought {share} of the revenue of known customers may be contacted by at least one channel.",
        share=text.percent(whole.revenue_share, digits=1),
    )
    description = text.say(
        "Stacked bars by channel of the share of revenue whose customers may be contacted: {shares}.",
        shares="; ".join(
            f"{text.label(row.reach_by)} {text.percent(row.revenue_share)}" for row in reached.itertuples()
        ),
    )
    title = text.say("How much of the revenue may be contacted")
    return figures.caption(axes, title=title, reading=reading, description=description)


# Findings


def finding_unreachable(reached: Any, *, history_days: int | None = None) -> Finding | None:
    """Revenue of customers who have allowed no channel; None where nobody bought. ``reached`` from :func:`reach`."""
    whole = reached.set_index("reach_by").loc[ANY]
    buyers = int(whole.buyers_yes + whole.buyers_no + whole.buyers_unknown)
    revenue = float(whole.revenue_yes + whole.revenue_no + whole.revenue_unknown)
    if not buyers:
        return None
    out, money = int(whole.buyers_no + whole.buyers_unknown), float(whole.revenue_no + whole.revenue_unknown)
    share = money / revenue if revenue else 0.0
    said = {
        "buyers": out,
        "all": buyers,
        "money": text.money(money),
        "share": text.percent(share, digits=1),
        "unknown": text.money(whole.revenue_unknown),
        "period": text.last_span(history_days),
    }
    if int(whole.buyers_unknown) == buyers:
        return _no_consent_recorded(said)
    sentence = text.say(
        "{buyers} of {all} customers who bought in the {period} may be contacted by no channel; they brought "
        "{money}, {share} of the revenue of known customers.",
        **said,
    )
    return Finding(
        "customer_data.unreachable",
        sentence,
        "bad" if share >= NOTABLE else "neutral" if out else "good",
        certainty=text.say(
            "Counted over all buyers, not a sample: there is no interval. Unknown consent counts as no ({unknown}). "
            "The revenue is not lost; it cannot be worked for.",
            **said,
        ),
        action=text.say(
            "Ask for consent where these customers are met anyway, at the till, in the parcel and in the service chat, "
            "the most valuable first."
        ),
        money=money if is_whole_year(history_days) else None,
        plays=("ask_for_consent",) if out else (),
    )


def _no_consent_recorded(said: dict[str, Any]) -> Finding:
    """Data without any consent say nothing of the customers, only of the data: no money is at stake in them."""
    return Finding(
        "customer_data.unreachable",
        text.say(
            "These data do not say who may be contacted: no consent is recorded of any of the {all} customers who "
            "bought in the {period}.",
            **said,
        ),
        "neutral",
        certainty=text.say("Counted over all buyers, not a sample: there is no interval."),
        action=text.say("Have the consents exported with the customers before any list of customers is worked with."),
    )
