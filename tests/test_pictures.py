"""The vocabulary of pictures: marks stand where the values are, text is text, colours are tokens."""

import re
import xml.etree.ElementTree as ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest

from crmlib import pictures
from crmlib.pictures import Picture, Point, Reference, Series, Span
from crmlib.pictures.canvas import _page_ready
from crmlib.pictures.measuring import ems, wrapped
from crmlib.pictures.tokens import PALETTE, TOKENS, contrast

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def drawn(picture: Picture, label: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(picture.svg(label=label))


def places(root: ElementTree.Element, kind: str) -> list[tuple[float, float]]:
    """Where the marks of a kind stand, in the picture's units."""
    groups = [group for group in root.iter(f"{SVG}g") if group.get("class") == kind]
    return [(float(use.get("x", "")), float(use.get("y", ""))) for group in groups for use in group.iter(f"{SVG}use")]


def boxes(root: ElementTree.Element, kind: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of the marks of a kind."""
    found = []
    for group in root.iter(f"{SVG}g"):
        if group.get("class") == kind:
            for path in group.iter(f"{SVG}path"):
                points = np.array(re.findall(r"-?\d+(?:\.\d+)?", path.get("d", "")), dtype=float).reshape(-1, 2)
                found.append((*points.min(axis=0), *points.max(axis=0)))
    return found


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


@pytest.fixture
def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "group": ["Channel", "Channel", "Tier", "Tier"],
            "who": ["Search", "Shop", "Core", "Lost"],
            "score": [10.0, 30.0, 20.0, np.nan],
            "low": [5.0, 20.0, 15.0, np.nan],
            "high": [15.0, 40.0, 25.0, np.nan],
            "shrunk": [12.0, 28.0, 20.0, np.nan],
            "small": [False, True, False, False],
            "tone": ["main", "muted", "good", "main"],
        }
    )


def every_picture(words: str = "A") -> dict[str, Picture]:
    table = pd.DataFrame(
        {
            "who": [words, words + "2"],
            "when": pd.to_datetime(["2025-01-01", "2025-06-01"]),
            "x": [1.0, 2.0],
            "value": [3.0, 5.0],
            "low": [2.0, 4.0],
            "high": [4.0, 6.0],
            "total": [True, False],
        }
    )
    name = {"value": "value", "label": "who"}
    return {
        "dots": pictures.dots(table, **name, low="low", high="high"),
        "pairs": pictures.pairs(table, label="who", series=[Series("value", words), Series("low", words)]),
        "bars": pictures.bars(table, **name),
        "stacked_shares": pictures.stacked_shares(
            table, label="who", parts=[Series("value", words), Series("low", words)], form="{:.0%}".format
        ),
        "bridge": pictures.bridge(table, **name, total="total"),
        "heat_map": pictures.heat_map(table, row="who", column="x", value="value"),
        "curves": pictures.curves(table, x="x", series=[Series("value", words, low="low", high="high")]),
        "curves_in_time": pictures.curves(table, x="when", series=[Series("value", words)]),
        "control_chart": pictures.control_chart(table, **name, lower="low", upper="high"),
        "scatter": pictures.scatter(table, x="x", y="value", label="who"),
        "timeline": pictures.timeline(table, at="when", kind="who", day_form="{:%Y}".format),
        "histogram": pictures.histogram(table, value="value"),
    }


# Marks and values


def test_dots_stand_where_their_values_are(scores):
    root = drawn(pictures.dots(scores, value="score", label="who", low="low", high="high"))
    across = [x for x, _ in places(root, "crm-dot")]
    assert len(across) == 3  # the value that is not known has none
    assert (across[1] - across[0]) / (across[2] - across[0]) == pytest.approx(2.0, abs=0.01)
    per_point = (across[1] - across[0]) / 20
    left, _, right, _ = boxes(root, "crm-interval")[0]
    assert (across[0] - left) / per_point == pytest.approx(5, abs=0.05)
    assert (right - across[0]) / per_point == pytest.approx(5, abs=0.05)
    assert "Lost" in texts(root)  # and keeps its place


def test_small_bases_are_hollow_second_estimates_ticks_and_groups_bold(scores):
    root = drawn(
        pictures.dots(scores, value="score", label="who", hollow="small", tick="shrunk", group="group", tone="tone")
    )
    assert (len(places(root, "crm-dot")), len(places(root, "crm-hollow")), len(places(root, "crm-tick"))) == (2, 1, 3)
    bold = [text.text for text in root.iter(f"{SVG}text") if "font-weight" in text.get("style", "")]
    assert bold == ["Channel", "Tier"]


def test_bars_are_as_long_as_their_values():
    table = pd.DataFrame({"who": ["a", "b", "c"], "value": [10.0, 20.0, -5.0]})
    for vertical in (False, True):
        root = drawn(pictures.bars(table, value="value", label="who", vertical=vertical))
        side = 1 if vertical else 0
        lengths = [box[side + 2] - box[side] for box in boxes(root, "crm-bar")]
        assert lengths[1] / lengths[0] == pytest.approx(2, abs=0.01)
        assert lengths[2] / lengths[0] == pytest.approx(0.5, abs=0.01)
        assert {"10", "20", "−5"} <= set(texts(root))


def test_shares_of_a_row_fill_it_and_rows_of_nothing_stay_empty():
    table = pd.DataFrame({"who": ["a", "b"], "yes": [30.0, 0.0], "no": [10.0, 0.0]})
    root = drawn(pictures.stacked_shares(table, label="who", parts=[Series("yes"), Series("no")], form="{:.0%}".format))
    yes, no = boxes(root, "crm-bar")
    assert (yes[2] - yes[0]) / (no[2] - no[0]) == pytest.approx(3, abs=0.02)
    assert yes[2] == pytest.approx(no[0], abs=0.02)


def test_a_bridge_goes_on_where_the_step_before_ended():
    table = pd.DataFrame(
        {
            "what": ["before", "new", "lost", "after"],
            "value": [10.0, 6.0, -4.0, 12.0],
            "total": [True, False, False, True],
        }
    )
    root = drawn(pictures.bridge(table, value="value", label="what", total="total"))
    before, new, lost, after = boxes(root, "crm-bar")
    assert new[3] == pytest.approx(before[1], abs=0.02)
    assert lost[1] == pytest.approx(new[1], abs=0.02)
    assert after[1] == pytest.approx(lost[3], abs=0.02)
    svg = pictures.bridge(table, value="value", label="what", total="total").svg(label="")
    assert "--crm-good" in svg
    assert "--crm-bad" in svg


def test_what_is_not_known_is_no_field_and_zero_is_one():
    table = pd.DataFrame(
        {"row": ["a", "a", "b"], "column": [1, 2, 1], "value": [0.0, 0.5, np.nan], "unsure": [False, True, False]}
    )
    root = drawn(
        pictures.heat_map(table, row="row", column="column", value="value", form="{:.0%}".format, hatched="unsure")
    )
    assert len(boxes(root, "crm-cell")) == 1
    assert len(list(root.iter(f"{SVG}pattern"))) == 1
    assert [text for text in texts(root) if "%" in text] == ["0%", "50%"]


def test_words_that_do_not_fit_into_fields_are_left_out_and_the_scale_stays():
    table = pd.DataFrame({"row": "a", "column": range(30), "value": np.arange(30.0)})
    picture = pictures.heat_map(
        table, row="row", column="column", value="value", form="{:,.0f} yuan".format, scale_form="{:.0f} at most".format
    )
    root = drawn(picture)
    assert len(boxes(root, "crm-cell")) == 30
    assert not [text for text in texts(root) if "yuan" in text]
    assert "29 at most" in texts(root)


def test_fuller_fields_have_more_colour():
    table = pd.DataFrame({"row": "a", "column": [1, 2, 3], "value": [0.1, 0.5, 1.0]})
    svg = pictures.heat_map(table, row="row", column="column", value="value").svg(label="")
    fills = [float(one) for one in re.findall(r"--crm-main, #1f5a8a\); opacity: ([\d.]+)", svg)]
    assert fills == sorted(fills)
    assert fills[0] < 0.2 < 0.9 < fills[2]


def test_curves_are_named_at_their_ends_without_touching():
    table = pd.DataFrame(
        {"day": [0, 10] * 3, "share": [0, 0.5, 0, 0.5, 0, 0.49], "who": ["first"] * 2 + ["second"] * 2 + ["third"] * 2}
    )
    root = drawn(pictures.curves(table, x="day", series=[Series("share")], by="who", steps=True))
    named = {t.text: float(t.get("y", "")) for t in root.iter(f"{SVG}text") if t.text in set(table.who)}
    heights = sorted(named.values())
    assert len(named) == 3
    assert min(np.diff(heights)) > 9.5
    assert not [group for group in root.iter(f"{SVG}g") if "legend" in (group.get("id") or "")]


def test_the_eighth_line_is_muted_and_without_a_name():
    table = pd.DataFrame(
        {"day": [0, 1] * 9, "share": np.arange(18.0), "who": np.repeat([f"w{i}" for i in range(9)], 2)}
    )
    picture = pictures.curves(table, x="day", series=[Series("share")], by="who")
    root = drawn(picture)
    assert sorted(text for text in texts(root) if text.startswith("w")) == [f"w{i}" for i in range(7)]
    assert {tone for tone in PALETTE if f"--crm-{tone}" in picture.svg(label="")} == set(PALETTE)


def test_a_control_chart_marks_its_signals_and_leaves_gaps():
    table = pd.DataFrame(
        {"m": ["a", "b", "c"], "v": [1.0, np.nan, 9.0], "tone": ["main", "main", "bad"], "l": 0.0, "u": 5.0, "c": 2.5}
    )
    picture = pictures.control_chart(table, value="v", label="m", centre="c", lower="l", upper="u", tone="tone")
    root = drawn(picture)
    assert len(places(root, "crm-dot")) == 2
    limits = boxes(root, "crm-limits")
    centre = boxes(root, "crm-centre")[0]
    assert (limits[0][1] + limits[0][3]) / 2 == pytest.approx(centre[1], abs=0.05)
    assert "--crm-bad" in picture.svg(label="")


def test_thousands_of_points_are_one_image_in_the_tone_of_the_page():
    many = pd.DataFrame({"x": np.linspace(0, 1, 3000), "y": np.linspace(0, 1, 3000), "tone": ["main", "second"] * 1500})
    picture = pictures.scatter(many, x="x", y="y", tone="tone")
    root = drawn(picture)
    assert len(list(root.iter(f"{SVG}image"))) == 2
    filled = [rect.get("style", "") for rect in root.iter(f"{SVG}rect") if rect.get("mask")]
    assert ["main" in filled[0], "second" in filled[1]] == [True, True]
    assert len(picture.svg(label="")) < 200_000
    assert len(places(drawn(pictures.scatter(many[:2000], x="x", y="y")), "crm-dot")) == 2000


def test_spans_points_and_references_are_in_the_picture():
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]})
    root = drawn(
        pictures.curves(
            table, x="x", series=[Series("y")], spans=[Span(0, 0.2, "class A")], points=[Point(0.2, 0.6, "the best")],
            references=[Reference(0.5, "half"), Reference(0.3, "now", "x")], diagonal="all the same",
        )
    )  # fmt: skip
    assert {"class A", "the best", "half", "now", "all the same"} <= set(texts(root))


# Text, colours, bytes


def test_a_clients_names_are_text_whatever_they_look_like():
    words = r"$a$ <b>&amp; \frac{1}{2} $5 to $10"
    for name, picture in every_picture(words).items():
        found = " ".join(texts(drawn(picture, label=words)))
        if name not in ("curves_in_time", "histogram", "heat_map"):
            assert "<b>&amp;" in found, name
    assert drawn(every_picture()["bars"], label='"quoted" <b>').get("aria-label") == '"quoted" <b>'


@pytest.mark.parametrize("name", sorted(every_picture()))
def test_every_picture_is_the_same_twice_has_tokens_only_and_no_small_print(name):
    svg = every_picture()[name].svg(label="what it shows")
    assert svg == every_picture()[name].svg(label="what it shows")
    bare = re.sub(r"var\(--crm-([a-z]+), (#[0-9a-f]{6})\)", lambda f: "" if TOKENS[f[1]][0] == f[2] else "wrong", svg)
    assert not re.search(r": #|wrong|: black", bare)
    assert min(map(float, re.findall(r"font-size: ([\d.]+)px", svg))) >= 9
    assert re.search(r'<svg [^>]*role="img" aria-label="what it shows" viewBox="0 0 [\d.]+ [\d.]+"', svg)
    assert "max-width: 100%" in svg
    assert "<metadata" not in svg
    assert not re.search(r"\d\.\d{3,}", re.sub(r"base64,[^\"]*", "", svg))
    assert not re.search(r'id="(?!c[0-9a-f]{8}-\d+")', svg)


def test_ids_follow_from_what_is_seen_and_not_from_the_last_digits_of_a_layout():
    drawn_once = '<clipPath id="p1f"><rect x="1.23456"/></clipPath><g clip-path="url(#p1f)" id="patch_1"/>'
    again = drawn_once.replace("p1f", "p9a").replace("1.23456", "1.23457")
    ready = [_page_ready(body, width=10, height=10, label="", paper=False) for body in (drawn_once, again)]
    assert ready[0] == ready[1]
    assert re.search(r'id="(c[0-9a-f]{8}-0)".*url\(#\1\)', ready[0])
    other = _page_ready(drawn_once.replace("1.23", "1.33"), width=10, height=10, label="", paper=False)
    assert re.search(r'id="(c\w+)', other)[1] != re.search(r'id="(c\w+)', ready[0])[1]


@pytest.mark.parametrize("name", sorted(set(every_picture()) - {"curves_in_time", "histogram"}))
def test_long_chinese_words_have_room_and_no_font_is_missed(name, recwarn):
    words = "很少购买的偶发客户群体以及其他来源不明的客户"
    root = drawn(every_picture(words)[name])
    _, _, width, height = map(float, root.get("viewBox", "").split())
    seen = 0
    for text in root.iter(f"{SVG}text"):
        line = text.text or ""
        style = text.get("style", "")
        size = float(re.search(r"font-size: ([\d.]+)", style)[1])
        long = ems(line) * size * (1 if any("一" <= sign <= "鿿" for sign in line) else 0)
        start = float(text.get("x", "")) - long * (0.5 if "middle" in style else 1 if "end" in style else 0)
        seen += "客户" in line or "偶发" in line
        assert start > -2
        assert start + long < width + 2
        assert 0 < float(text.get("y", "")) < height
    assert seen
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]


def test_lines_break_between_chinese_characters_but_not_before_punctuation():
    lines = wrapped("按相同历史购买调整，后来的收入。", 8).split("\n")
    assert "".join(lines) == "按相同历史购买调整，后来的收入。"
    assert all(ems(line) <= 8 and line[0] not in "，。" for line in lines)
    assert wrapped("Orders per customer", 9) == "Orders per\ncustomer"
    assert wrapped("一二三四五六七", 6) == "一二三四\n五六七"  # no sign is left alone


def test_periods_are_thinned_out_and_not_broken():
    table = pd.DataFrame({"m": [f"202{i // 12}年{i % 12 + 1}月" for i in range(36)], "v": np.arange(36.0)})
    written = texts(drawn(pictures.control_chart(table, value="v", label="m")))
    shown = [text for text in written if "年" in text]
    assert 4 <= len(shown) < 36
    assert set(shown) <= set(table.m)


def test_a_users_settings_of_matplotlib_change_nothing_and_stay():
    before = every_picture()["bars"].svg(label="")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.fonttype": "path"}):
        assert every_picture()["bars"].svg(label="") == before
        assert matplotlib.rcParams["font.size"] == 30


def test_a_figure_can_be_drawn_on_and_saved_as_any_other(tmp_path):
    figure = every_picture()["bars"].figure()
    figure.axes[0].set_title("mine")
    figure.savefig(tmp_path / "mine.svg")
    figure.savefig(tmp_path / "mine.png")
    assert "mine" in (tmp_path / "mine.svg").read_text(encoding="utf-8")
    assert "mine" not in every_picture()["bars"].svg(label="")


def test_numbers_may_be_nullable():
    table = pd.DataFrame({"age": [1, 2, 3], "share": [0.5, None, 0.25], "who": ["a", "b", "c"]}).convert_dtypes()
    assert len(places(drawn(pictures.dots(table, value="share", label="who")), "crm-dot")) == 2
    svg = pictures.curves(table, x="age", series=[Series("share", "all")], markers=True).svg(label="")
    assert svg.count('class="crm-line"') == 1


def test_tones_stand_out_on_light_and_dark_pages():
    for tone in {*PALETTE, "main", "second", "good", "bad", "muted", "ink"}:
        for page in (0, 1):
            assert contrast(TOKENS[tone][page], TOKENS["paper"][page]) >= 4.5
    css = pictures.tokens_css()
    assert all(f"--crm-{tone}:{shade}" in css for tone, shades in TOKENS.items() for shade in shades)


def test_words_can_be_read_on_the_fullest_field_on_light_and_dark_pages():
    def channels(shade: str) -> np.ndarray:
        return np.array([int(shade[place : place + 2], 16) for place in (1, 3, 5)])

    table = pd.DataFrame({"row": ["a"], "column": [1], "value": [1.0]})
    for tone in (*PALETTE, "good", "bad", "muted"):
        svg = pictures.heat_map(
            table, row="row", column="column", value="value", form="{:.0%}".format, tone=tone
        ).svg(label="")  # fmt: skip
        alpha = float(re.findall(rf"--crm-{tone}, #[0-9a-f]{{6}}\); opacity: ([\d.]+)", svg)[0])
        for page in (0, 1):
            field = channels(TOKENS[tone][page]) * alpha + channels(TOKENS["paper"][page]) * (1 - alpha)
            mixed = "#" + "".join(f"{round(part):02x}" for part in field)
            assert contrast(mixed, TOKENS["ink"][page]) > 4.4


# Empty and unchanged


def test_no_picture_changes_the_table_it_is_given(scores):
    before = scores.copy(deep=True)
    pictures.dots(scores, value="score", label="who", group="group", tone="tone", hollow="small").svg(label="")
    pictures.bars(scores, value="score", label="who").svg(label="")
    pd.testing.assert_frame_equal(scores, before)


def test_pictures_of_nothing_are_empty_frames(scores):
    none = scores[:0]
    drawn_of_none = [
        pictures.dots(none, value="score", label="who", group="group"),
        pictures.pairs(none, label="who", series=[Series("score", "a")]),
        pictures.bars(none, value="score", label="who"),
        pictures.bars(none, value="score", label="who", vertical=True),
        pictures.stacked_shares(none, label="who", parts=[Series("score", "a")], form=str),
        pictures.bridge(none, value="score", label="who", total="small"),
        pictures.heat_map(none, row="who", column="group", value="score"),
        pictures.curves(none, x="score", series=[Series("high", "a")]),
        pictures.control_chart(none, value="score", label="who"),
        pictures.scatter(none, x="score", y="high"),
        pictures.timeline(none, at="group", kind="who", day_form=str),
        pictures.histogram(none, value="score"),
    ]
    for picture in drawn_of_none:
        assert not re.search('class="crm-(dot|cell|interval|tick)"', picture.svg(label=""))


@pytest.mark.parametrize("times", [["2025-03-09 10:00"], ["2025-03-09 10:00", "2025-03-10 15:00"]])
def test_what_happened_within_a_day_or_two_stands_in_the_middle_above_its_only_month(times):
    table = pd.DataFrame({"at": pd.to_datetime(times), "kind": "order"})
    root = drawn(pictures.timeline(table, at="at", kind="kind", day_form="{:%b %Y}".format))
    dots = [mark for mark in root.iter() if mark.get("class") == "crm-dot"]
    months = [text for text in root.iter(f"{SVG}text") if text.text == "Mar 2025"]
    assert (len(dots), len(months)) == (len(times), 1)
    assert not [text.text for text in root.iter(f"{SVG}text") if re.search("20(?!25)", text.text or "")]


def test_panels_stand_in_rows_under_their_titles():
    bars = every_picture()["bars"]
    root = drawn(pictures.small_multiples([bars, None, bars], titles=["first", "", "third"], columns=2))
    title = {text.text: (float(text.get("x", "")), float(text.get("y", ""))) for text in root.iter(f"{SVG}text")}
    assert title["first"][0] == pytest.approx(title["third"][0], abs=1)
    assert title["first"][1] < title["third"][1]
