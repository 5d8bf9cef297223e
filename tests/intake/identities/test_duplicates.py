import csv

import duckdb
import pyarrow as pa
import pytest

from crmlib.intake.identities.duplicates import (
    clusters,
    duplicate_pairs,
    duplicates,
    merge_effect,
    merge_map,
    proposal_file,
)
from crmlib.problems import UnusableInput

PAIR = ("customer_id", "duplicate_of", "rule")
COLUMNS = ("customer_id", "name", "email", "phone", "address", "birthday", "gender", "city", "first_seen_at")


def customers(*rows):
    """Customers by columns; what is not given is empty."""
    return pa.table({c: pa.array([row.get(c) for row in rows], pa.string()) for c in COLUMNS})


def people(column, *values):
    """Customers a, b, c … of whom only one thing is known."""
    return pa.table({"customer_id": list("abcdefghijklmnop"[: len(values)]), column: pa.array(values, pa.string())})


def found(relation, **options):
    pairs = duplicate_pairs(duckdb.connect(), relation, **options).to_pylist()
    return {(p["customer_id"], p["duplicate_of"], p["rule"]) for p in pairs}


def pairs_of(*rows):
    return pa.table({name: pa.array(v, pa.string()) for name, v in zip(PAIR, zip(*rows, strict=True), strict=True)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Li.Lei@Example.com", "  li.lei@example.com\t"),
        ("li@example.com", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｏｍ"),
        ("li@example.com", "Li Lei <LI@example.com>"),
        ("li@example.com", "mailto:li@example.com"),
    ],
)
def test_one_address_in_two_ways_of_writing_is_one(one, other):
    assert found(people("email", one, other)) == {("b", "a", "same_email")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("li.lei@gmail.com", "lilei@gmail.com"),
        ("lilei+shop@gmail.com", "lilei@gmail.com"),
        ("l***@qq.com", "l***@qq.com"),
        ("-", "-"),
        ("li@qq.com", "li@163.com"),
    ],
)
def test_addresses_that_may_be_two_peoples_are_not_one(one, other):
    assert found(people("email", one, other)) == set()


def test_gmails_dots_and_tags_are_ignored_where_that_is_asked_for():
    same = people("email", "li.lei+shop@gmail.com", "lilei@googlemail.com", "l.ilei@qq.com", "lilei@qq.com")
    assert found(same, same_gmail=True) == {("b", "a", "same_email")}


@pytest.mark.parametrize("role", ["info@acme.cn", "Service@acme.cn", "客服@acme.cn", "no-reply@acme.cn"])
def test_the_address_of_a_role_is_a_shared_contact_and_no_evidence(role):
    answer = duplicates(duckdb.connect(), people("email", role, role))
    assert answer.pairs.num_rows == 0
    assert answer.shared.to_pylist() == [
        {"rule": "same_email", "contact": 1, "customer_id": one, "customers": 2, "why": "role"} for one in "ab"
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("13912345670", "+86 139-1234-5670"),
        ("13912345670", "0086 139 1234 5670"),
        ("13912345670", "８６１３９１２３４５６７０"),
        ("13912345670", "13912345670.0"),
        ("13912345670", "010-66778899; 139 1234 5670"),
        ("+86 21 6677 8899", "021-66778899"),
        ("+49 (0)30 1234567", "0049 30 1234567"),
    ],
)
def test_one_number_in_two_ways_of_writing_is_one(one, other):
    assert found(people("phone", one, other)) == {("b", "a", "same_phone")}


@pytest.mark.parametrize(
    "number",
    ["138****1234", "138xxxx1234", "11111111111", "12345678901", "13800138000", "1.38E+10", "13000000000", "66778899",
     "400-820-8820", "none"],
)  # fmt: skip
def test_masked_made_up_destroyed_short_and_service_numbers_are_no_evidence(number):
    assert found(people("phone", number, number)) == set()


def test_a_foreign_number_with_the_digits_of_a_mobile_is_another_number():
    assert found(people("phone", "+1 391 234 5670", "13912345670")) == set()


def test_numbers_are_read_in_the_country_of_the_client():
    germans = people("phone", "030 1234567", "+49 30 1234567", "+86 30 1234567")
    assert found(germans, calling_code="49") == {("b", "a", "same_phone")}


def test_several_people_sharing_a_name_are_not_one():
    assert found(people("name", "王小明", "王小明", "Anna Schmidt", "Anna Schmidt")) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [("王 小明", "王小明先生"), ("Ms Anna Schmidt", "Schmidt, Anna"), ("ANNA  SCHMIDT", "Anna Schmidt")],
)
def test_a_full_name_and_the_birthday_make_one_person(one, other):
    same = [{"customer_id": "a", "name": one}, {"customer_id": "b", "name": other}]
    assert found(customers(*({**row, "birthday": "1990-01-02"} for row in same))) == {
        ("b", "a", "same_name_and_birthday")
    }


@pytest.mark.parametrize("name", ["王先生", "王*", "Mr Smith", "J. Smith", "微信用户", "Maria", "test test", "未知"])
def test_what_is_not_a_full_name_says_nothing_with_a_birthday(name):
    row = {"name": name, "birthday": "1990-01-02"}
    answer = duplicates(duckdb.connect(), customers({"customer_id": "a", **row}, {"customer_id": "b", **row}))
    assert answer.pairs.num_rows == 0
    count = answer.counts.filter(pa.compute.equal(answer.counts["rule"], "same_name_and_birthday")).to_pylist()[0]
    assert count["without_evidence"] == 2


@pytest.mark.parametrize("day", ["1900-01-01", "1970-01-01", "", "1990-13-45"])
def test_a_birthday_that_stands_for_unknown_is_no_evidence(day):
    row = {"name": "王小明", "birthday": day}
    assert found(customers({"customer_id": "a", **row}, {"customer_id": "b", **row})) == set()


@pytest.mark.parametrize(
    ("one", "other"),
    [("广东省深圳市南山区科技路1号2室", "广东深圳南山科技路 1号2"), ("12 High Street, Flat 3", "12 high st. 3")],
)
def test_name_and_address_make_one_person(one, other):
    same = customers(
        {"customer_id": "a", "name": "Anna Schmidt", "address": one},
        {"customer_id": "b", "name": "anna schmidt", "address": other},
    )
    assert found(same) == {("b", "a", "same_name_and_address")}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("科技园南路1-2号", "科技园南路12号"),
        ("广东省深圳市南山区", "广东省深圳市南山区"),
        ("上海市人民路1**号", "上海市人民路1**号"),
    ],
)
def test_other_house_numbers_places_and_masked_addresses_are_no_evidence(one, other):
    row = {"name": "王小明"}
    assert (
        found(customers({"customer_id": "a", "address": one, **row}, {"customer_id": "b", "address": other, **row}))
        == set()
    )


def test_the_same_street_in_another_town_is_another_address():
    row = {"name": "Anna Schmidt", "address": "12 High Street"}
    towns = customers({"customer_id": "a", "city": "York", **row}, {"customer_id": "b", "city": "Bath", **row})
    answer = duplicates(duckdb.connect(), towns)
    assert answer.pairs.num_rows == 0
    assert answer.counts.to_pylist()[1]["contradicted"] == 1


@pytest.mark.parametrize(
    ("one", "other", "contradicted"),
    [
        ({"birthday": "1990-01-02"}, {"birthday": "1991-01-02"}, 1),
        ({"gender": "男"}, {"gender": "female"}, 1),
        ({"birthday": "1990-01-02"}, {"birthday": "1970-01-01"}, 0),
        ({"birthday": "1990-01-02"}, {}, 0),
        ({"gender": "男"}, {"gender": "未知"}, 0),
    ],
)
def test_a_contradiction_takes_a_pair_out_and_is_counted(one, other, contradicted):
    rows = customers(
        {"customer_id": "a", "email": "li@qq.com", **one}, {"customer_id": "b", "email": "li@qq.com", **other}
    )
    count = duplicates(duckdb.connect(), rows).counts.to_pylist()[0]
    assert (count["rule"], count["pairs"], count["contradicted"]) == ("same_email", 1 - contradicted, contradicted)


def test_what_more_than_a_handful_share_is_listed_apart():
    answer = duplicates(duckdb.connect(), people("phone", *["13912345670"] * 4), most_sharing=3)
    assert answer.pairs.num_rows == 0
    assert set(answer.shared["why"].to_pylist()) == {"many"}
    assert answer.counts.to_pylist()[-1]["sharing_customers"] == 4
    assert duplicates(duckdb.connect(), people("phone", *["13912345670"] * 3), most_sharing=3).pairs.num_rows == 3


def test_the_duplicate_is_of_who_was_seen_first_then_of_the_smallest_id():
    rows = customers(
        {"customer_id": "a", "email": "li@qq.com"},
        {"customer_id": "b", "email": "li@qq.com", "first_seen_at": "2024-02-01"},
        {"customer_id": "c", "email": "li@qq.com", "first_seen_at": "2023-02-01"},
    )
    assert found(rows) == {("a", "b", "same_email"), ("a", "c", "same_email"), ("b", "c", "same_email")}


def test_namesakes_who_share_a_birthday_by_chance_are_estimated():
    # 4 namesakes: 6 pairs; two days of birth, two people each: 2 of 6 pairs share theirs by chance.
    days = ("1990-01-02", "1990-01-02", "1991-03-04", "1991-03-04")
    rows = customers(*({"customer_id": "abcd"[n], "name": "王小明", "birthday": day} for n, day in enumerate(days)))
    assert duplicates(duckdb.connect(), rows).counts.to_pylist()[-2]["by_chance"] == pytest.approx(2)


def test_one_customer_on_several_rows_is_no_duplicate_of_oneself():
    rows = customers(*[{"customer_id": "a", "email": "li@qq.com"}] * 3, {"customer_id": None, "email": "li@qq.com"})
    assert found(rows) == set()


def test_nothing_of_an_identity_is_answered_or_left_in_the_database():
    connection = duckdb.connect()
    row = {"name": "张三丰测试", "email": "zhang@example.cn", "phone": "13800001234", "address": "人民路77号5室"}
    answer = duplicates(connection, customers({"customer_id": "a", **row}, {"customer_id": "b", **row}), most_sharing=1)
    text = str([getattr(answer, name).to_pylist() for name in ("pairs", "shared", "counts")])
    assert answer.shared.num_rows > 0
    assert not any(value in text for value in ("张三丰", "zhang", "1380000", "人民路"))
    assert connection.sql("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)
    assert connection.sql("SELECT count(*) FROM duckdb_views() WHERE NOT internal").fetchone() == (0,)


def test_a_table_without_some_columns_is_searched_for_what_it_has():
    connection = duckdb.connect()
    connection.execute("CREATE TABLE people AS SELECT unnest([7, 8]) AS customer_id, 'li@qq.com' AS email")
    answer = duplicates(connection, "people")
    assert answer.pairs.to_pylist() == [{"customer_id": "8", "duplicate_of": "7", "rule": "same_email"}]
    assert answer.counts["rule"].to_pylist() == ["same_email"]


def test_people_are_joined_over_several_pairs_and_keep_the_first_ones_id():
    pairs = pairs_of(("c", "b", "same_email"), ("b", "a", "same_phone"), ("y", "x", "same_phone"))
    seen = pa.table({"customer_id": ["a", "b", "c"], "first_seen_at": ["2024-01-01", "2022-01-01", "2023-01-01"]})
    who = {r["customer_id"]: r["person"] for r in clusters(pairs, seen).to_pylist()}
    assert who == {"a": "b", "b": "b", "c": "b", "x": "x", "y": "x"}


def test_a_cluster_too_large_for_one_person_is_set_apart():
    pairs = pairs_of(*((f"c{n}", f"c{n - 1}", "same_phone") for n in range(1, 5)))
    assert set(clusters(pairs, limit=5)["person"].to_pylist()) == {"c0"}
    apart = clusters(pairs, limit=4).to_pylist()
    assert [r["person"] for r in apart] == [f"c{n}" for n in range(5)]
    assert {(r["customers"], r["set_apart"]) for r in apart} == {(5, "too_many")}


def test_nobody_has_two_birthdays_even_through_a_third_customer():
    pairs = pairs_of(("b", "a", "same_email"), ("c", "a", "same_phone"))
    born = pa.table({"customer_id": ["a", "b", "c"], "birthday": [None, "1990-01-02", "1960-01-02"]})
    assert (
        merge_map(pairs, ["same_email", "same_phone"], customers=born)["reason"].to_pylist()
        == ["set_apart: birthdays"] * 3
    )
    assert merge_map(pairs, ["same_email"], customers=born)["merged_id"].to_pylist() == ["a"]


def write_list(path, *rows, heading="customer_id,merge_into,decision"):
    path.write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return path


PAIRS = pairs_of(("b", "a", "same_email"), ("c", "a", "same_phone"), ("e", "d", "same_phone"))


def mapped(table):
    return {r["customer_id"]: (r["merged_id"], r["reason"]) for r in table.to_pylist()}


def test_only_reviewed_rules_merge_and_taking_a_rule_out_undoes_its_merges():
    assert mapped(merge_map(PAIRS)) == {}
    both = {"b": ("a", "same_email"), "c": ("a", "same_phone"), "e": ("d", "same_phone")}
    assert mapped(merge_map(PAIRS, ["same_email", "same_phone"])) == both
    assert mapped(merge_map(PAIRS, ["same_email"])) == {"b": ("a", "same_email")}


def test_the_list_merges_and_keeps_apart_against_the_rules(tmp_path):
    listed = write_list(tmp_path / "merges.csv", "x,y,yes", "d,e,no", "b,a,")
    assert mapped(merge_map(PAIRS, ["same_phone"], listed)) == {"c": ("a", "same_phone"), "x": ("y", "listed")}


def test_a_pair_kept_apart_is_not_joined_through_a_third_customer(tmp_path):
    pairs = pairs_of(("b", "a", "same_email"), ("c", "a", "same_email"), ("c", "b", "same_email"))
    listed = write_list(tmp_path / "merges.csv", "b,a,no")
    merged = mapped(merge_map(pairs, ["same_email"], listed))
    assert merged == {one: (one, "set_apart: kept_apart") for one in "abc"}


def test_the_list_is_believed_where_rules_alone_would_set_a_cluster_apart(tmp_path):
    pairs = pairs_of(*((f"c{n}", "c0", "same_phone") for n in range(1, 5)))
    listed = write_list(tmp_path / "merges.csv", "c2,c1,yes")
    merged = mapped(merge_map(pairs, ["same_phone"], listed, limit=3))
    assert merged["c2"] == ("c1", "listed")
    assert merged["c3"] == ("c3", "set_apart: too_many")


def test_the_list_decides_whose_id_is_kept(tmp_path):
    listed = write_list(tmp_path / "merges.csv", "a,b,yes")
    assert mapped(merge_map(PAIRS, ["same_email"], listed)) == {"a": ("b", "same_email, listed")}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["b,a,yes", "zz,a,yes"], ["row 3: found a customer_id that no customer has"]),
        (["b,zz,no"], ["row 2: found a merge_into that no customer has"]),
        (["c,b,yes", "b,a,yes"], ["row 2: found a chain of merges through rows 2, 3"]),
        (["a,b,yes", "b,c,yes", "c,a,yes"], ["row 2: found a circle of merges through rows 2, 3, 4"]),
        (["b,a,yes", "a,b,no"], ["row 3: found another decision on the two customers of row 2"]),
        (["b,a,yes", "b,c,yes"], ["row 3: found a customer who row 2 merges into somebody else"]),
        (["b,a,yes", "c,a,yes", "b,c,no"], ["row 4: found a no for two customers whom other rows merge"]),
        (["b,b,yes"], ["row 2: found a customer merged into themselves"]),
        (
            ["b,a,perhaps", ",a,yes"],
            ["row 2: found another word under decision", "row 3: found a decision without both"],
        ),
    ],
)
def test_a_list_that_cannot_be_followed_is_said_row_by_row(tmp_path, rows, said):
    known = pa.table({"customer_id": list("abcde")})
    with pytest.raises(UnusableInput) as error:
        merge_map(PAIRS, [], write_list(tmp_path / "merges.csv", *rows), known)
    assert len(error.value.problems) == len(said)
    for problem, start in zip(error.value.problems, said, strict=True):
        assert str(problem).startswith(f"merges.csv, {start}")
        assert "zz" not in str(problem)


def test_other_headings_a_missing_list_and_unknown_rules_are_said_at_once(tmp_path):
    with pytest.raises(UnusableInput, match="did you mean 'same_email'") as error:
        merge_map(PAIRS, ["same_mail"], write_list(tmp_path / "merges.csv", heading="id,into,decision"))
    assert "the headings customer_id, merge_into, decision" in str(error.value)
    with pytest.raises(UnusableInput, match="no file that can be read"):
        merge_map(PAIRS, [], tmp_path / "none.csv")
    with pytest.raises(UnusableInput, match="use one of same_email"):
        merge_map(PAIRS, ["probable"])


@pytest.mark.parametrize(("encoding", "delimiter"), [("gb18030", ","), ("utf-16", "\t"), ("utf-8-sig", ";")])
def test_a_list_saved_by_a_spreadsheet_is_read(tmp_path, encoding, delimiter):
    lines = [["customer_id", "merge_into", "note", "decision"], ["客户b", "客户a", "可以", "是"]]
    (tmp_path / "merges.csv").write_bytes("\r\n".join(delimiter.join(line) for line in lines).encode(encoding))
    assert mapped(merge_map(PAIRS, [], tmp_path / "merges.csv")) == {"客户b": ("客户a", "listed")}


def test_the_proposal_comes_back_as_a_list_and_holds_no_formula(tmp_path):
    pairs = pairs_of(("=b", "'a", "same_email"), ("c", "=b", "same_phone"), ("@e", "-d", "same_phone"))
    path = proposal_file(pairs, tmp_path / "merges.csv")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["customer_id", "merge_into", "rules", "note", "decision"]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert mapped(merge_map(pairs, [], path)) == {}
    text = "\n".join([",".join(rows[0]), *(",".join([*row[:-1], "yes"]) for row in rows[1:])])
    path.write_text(text, encoding="utf-8")
    merged = {one: into for one, (into, _) in mapped(merge_map(pairs, [], path)).items()}
    assert merged == {"=b": "'a", "c": "'a", "@e": "-d"}


def test_decisions_are_kept_when_the_proposal_is_written_again(tmp_path):
    path = write_list(tmp_path / "merges.csv", "b,a,no", "x,y,yes", "e,d,")
    proposal_file(PAIRS, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        kept = {(r["customer_id"], r["merge_into"]): r["decision"] for r in csv.DictReader(file)}
    assert kept == {("b", "a"): "no", ("c", "a"): "", ("e", "d"): "", ("x", "y"): "yes"}


def test_merging_shows_fewer_one_time_buyers():
    orders = pa.table(
        {
            "order_id": list("1234567"),
            "customer_id": ["a", "b", "c", "d", "d", None, "b"],
            "ordered_at": pa.array([0] * 7, pa.timestamp("us")),
            "amount": [10.0, 20.0, 30.0, 40.0, 100.0, 7.0, 500.0],
            "status": ["paid"] * 6 + ["cancelled"],
        }
    )
    known = pa.table({"customer_id": list("abcde")})
    effect = merge_effect(duckdb.connect(), merge_map(PAIRS, ["same_email"]), orders, known).to_pylist()
    assert {r["measure"]: (r["before"], r["after"]) for r in effect} == {
        "customers": (5, 4),
        "buyers": (4, 3),
        "one_time_share": (0.75, pytest.approx(1 / 3)),
        "orders_per_customer": (1.25, pytest.approx(5 / 3)),
        "repeat_rate": (0.25, pytest.approx(2 / 3)),
        "top_tenth_share": (pytest.approx(0.7), pytest.approx(0.7)),
    }
    assert effect[0]["difference"] == -1


def test_merging_nobody_changes_nothing():
    orders = pa.table(
        {"customer_id": ["a", "b"], "ordered_at": pa.array([0, 0], pa.timestamp("us")), "amount": [1.0, 2.0]}
    )
    effect = merge_effect(duckdb.connect(), merge_map(PAIRS), orders, pa.table({"customer_id": ["a", "b"]}))
    assert effect["difference"].to_pylist() == [0.0] * 6
