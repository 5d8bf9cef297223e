"""The sample brand's files: reproducible, small, whole, and consistent with each other."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from crmlib.contract import TABLES
from crmlib.sample import clock
from crmlib.sample.__main__ import write
from crmlib.sample.parameters import AURORA
from crmlib.sample.tables import SCHEMA

FOLDER = Path(__file__).resolve().parents[2] / "data" / "aurora"
LARGEST_FILE, LARGEST_FOLDER = 2_900_000, 12_000_000  # bytes


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_generator_writes_the_committed_bytes(tmp_path: Path) -> None:
    write(tmp_path)
    written = {path.name: checksum(path) for path in tmp_path.iterdir()}
    committed = {path.name: checksum(path) for path in FOLDER.iterdir() if path.suffix in {".csv", ".json"}}
    assert written == committed


def test_the_files_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert max(sizes.values()) < LARGEST_FILE
    assert sum(sizes.values()) < LARGEST_FOLDER


def test_the_files_are_utf8_with_plain_line_ends() -> None:
    for path in FOLDER.glob("*.csv"):
        content = path.read_bytes()
        content.decode("utf-8")
        assert b"\r" not in content
        assert content.endswith(b"\n")


def test_every_table_of_the_contract_is_filled(aurora: dict[str, pd.DataFrame]) -> None:
    assert set(aurora) == set(TABLES)
    assert all(len(table) > 200 for table in aurora.values())


@pytest.mark.parametrize("name", sorted(TABLES))
def test_the_header_is_the_contracts(name: str, aurora: dict[str, pd.DataFrame]) -> None:
    known = [column.name for column in TABLES[name].columns]
    header = [column for column in aurora[name].columns if not column.startswith("item_")]
    assert header == known
    assert list(aurora[name].columns) == list(SCHEMA[name])


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("customers", "customer_id"),
        ("orders", "order_id"),
        ("leads", "lead_id"),
        ("surveys", "response_id"),
        ("tickets", "ticket_id"),
        ("actions", "action_id"),
    ],
)
def test_keys_are_unique(table: str, key: str, aurora: dict[str, pd.DataFrame]) -> None:
    assert aurora[table][key].is_unique
    assert aurora[table][key].notna().all()


def test_what_is_required_is_filled(aurora: dict[str, pd.DataFrame]) -> None:
    for name, table in TABLES.items():
        for column in table.columns:
            if column.required:
                assert aurora[name][column.name].notna().all(), (name, column.name)


def test_an_order_is_the_sum_of_its_lines(aurora: dict[str, pd.DataFrame]) -> None:
    lines = aurora["order_lines"]
    in_cents = (lines[["amount", "discount"]] * 100).round().astype(int).groupby(lines["order_id"]).sum()
    orders = (aurora["orders"].set_index("order_id")[["amount", "discount"]] * 100).round().astype(int)
    pd.testing.assert_frame_equal(in_cents.sort_index(), orders.sort_index())


def test_a_line_is_quantity_times_price_less_discount(aurora: dict[str, pd.DataFrame]) -> None:
    lines = aurora["order_lines"]
    gap = lines["quantity"] * lines["unit_price"] - lines["discount"] - lines["amount"]
    assert (gap.abs() <= 0.0051 * lines["quantity"]).all()  # the unit price is rounded to the cent


def test_all_happens_inside_the_two_years(aurora: dict[str, pd.DataFrame]) -> None:
    begin, end = pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01")
    for name, table in aurora.items():
        for column in table.select_dtypes("datetime").columns.difference(["due_at"]):
            assert table[column].min() >= begin, (name, column)
            assert table[column].max() < end, (name, column)


def test_nobody_is_seen_after_their_first_order(aurora: dict[str, pd.DataFrame]) -> None:
    first = aurora["orders"].groupby("customer_id")["ordered_at"].min()
    seen = aurora["customers"].set_index("customer_id")["first_seen_at"].reindex(first.index).dropna()
    assert (seen <= first.reindex(seen.index)).all()


def test_references_point_to_customers(aurora: dict[str, pd.DataFrame], truth: dict[str, Any]) -> None:
    known = set(aurora["customers"]["customer_id"])
    for name in ("touches", "surveys", "tickets", "usage", "subscriptions", "loyalty", "actions", "leads"):
        assert set(aurora[name]["customer_id"].dropna()) <= known, name
    strangers = aurora["orders"]["customer_id"].dropna()
    assert (~strangers.isin(known)).sum() == truth["identities"]["orders_of_unknown_customers"] == 25
    assert aurora["orders"]["customer_id"].isna().sum() == truth["identities"]["guest_orders"] == 420


def test_whoever_answered_the_nps_question_had_been_asked(aurora: dict[str, pd.DataFrame]) -> None:
    asked = aurora["touches"].query("kind == 'survey_sent'")
    answers = aurora["surveys"].query("kind == 'nps'").merge(asked, on="customer_id")
    lag = answers["answered_at"] - answers["touched_at"]
    answered = answers[(lag > pd.Timedelta(0)) & (lag < pd.Timedelta(days=10))]
    assert answered["response_id"].nunique() == (aurora["surveys"]["kind"] == "nps").sum()


def test_open_tickets_have_no_resolution(aurora: dict[str, pd.DataFrame], truth: dict[str, Any]) -> None:
    tickets = aurora["tickets"]
    unresolved = tickets["resolved_at"].isna()
    assert unresolved.sum() == truth["complaints"]["open_at_end"] >= 10
    assert tickets.loc[unresolved, ["resolution", "csat", "reopened"]].isna().all(axis=None)
    assert (
        tickets["first_response_at"].dropna() >= tickets["opened_at"].loc[tickets["first_response_at"].notna()]
    ).all()


def test_nobody_redeems_more_points_than_they_have(aurora: dict[str, pd.DataFrame]) -> None:
    points = aurora["loyalty"].sort_values(["customer_id", "at"], kind="stable")
    balance = (points["points_earned"] - points["points_redeemed"]).groupby(points["customer_id"]).cumsum()
    assert (balance >= 0).all()


def test_identities_cannot_be_real() -> None:
    customers = pd.read_csv(FOLDER / "customers.csv", dtype=str)
    assert customers["email"].dropna().str.endswith("@example.com").all()
    assert customers["phone"].dropna().str.fullmatch(r"100\d{8}").all()  # Chinese mobile numbers start with 13 to 19


def test_duplicates_share_their_twins_identity(truth: dict[str, Any]) -> None:
    customers = pd.read_csv(FOLDER / "customers.csv", dtype=str).set_index("customer_id")
    twins = truth["identities"]["duplicates"]
    assert len(twins) == AURORA.duplicates
    for record, buyer in twins.items():
        assert customers.loc[record, "phone"] == customers.loc[buyer, "phone"] or (
            pd.isna(customers.loc[record, "phone"]) and pd.isna(customers.loc[buyer, "phone"])
        )


def test_a_business_year_is_a_year_in_every_year() -> None:
    years = pd.Series(clock.PACE, index=pd.date_range("2024-01-01", periods=len(clock.PACE))).groupby(
        lambda day: day.year
    )
    assert np.allclose(years.mean(), 1.0)
    there_and_back = clock.to_calendar(clock.to_business(np.array([0.0, 100.25, 730.9])))
    assert np.allclose(there_and_back, [0.0, 100.25, 730.9])


def test_the_truth_repeats_the_parameters(truth: dict[str, Any]) -> None:
    for name, channel in AURORA.channels.items():
        stated = truth["customer_base"]["channels"][name]["bg_nbd"]
        assert (stated["r"], stated["alpha"], stated["a"], stated["b"]) == (
            channel.r, channel.alpha, channel.a, channel.b,
        )  # fmt: skip
    assert truth["measures"]["win_back"]["effect"] == AURORA.win_back.effect
    assert all("about" in section for section in truth.values())


def test_the_truth_per_buyer_adds_up_to_the_totals(truth: dict[str, Any]) -> None:
    buyers = pd.read_csv(FOLDER / "truth_customers.csv")
    total = truth["customer_base"]["totals"]["all"]
    assert len(buyers) == total["customers"]
    assert buyers["alive"].sum() == total["alive_at_end"]
    assert buyers["expected_orders"].sum() == pytest.approx(total["expected_orders_next_365_days"], abs=0.5)


def test_the_client_names_every_table() -> None:
    client = yaml.safe_load((FOLDER / "client.yaml").read_text(encoding="utf-8"))
    assert set(client["tables"]) == set(TABLES)
    assert client["margin"] == AURORA.margin
    assert str(client["as_of"]) == AURORA.as_of
