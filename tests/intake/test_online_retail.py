"""Half a million real lines: every one accounted for, every sum and match computed a second way."""

import csv
import gzip
import math
from collections import defaultdict
from datetime import datetime

import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from tests.conftest import REPOSITORY

EXPORT = REPOSITORY.parent / "shared" / "data" / "online_retail.csv.gz"
pytestmark = pytest.mark.skipif(not EXPORT.is_file(), reason="the published retail data are not on this machine")
SERVICES = ["POST", "DOT", "M", "D", "B", "S", "C2", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS"]
SETTINGS = f"""\
name: Online Retail
currency: GBP
timezone: Europe/London
customer_ids: as they are
tables:
  orders:
    from: {EXPORT.as_posix()}
    columns: {{order_id: InvoiceNo, customer_id: CustomerID, ordered_at: InvoiceDate,
              amount: {{product: [Quantity, UnitPrice]}}}}
    one_row_per: order_id
    adds_up: amount
    duplicates: keep
    cancellations: {{where: {{InvoiceNo: "C*"}}, match: [CustomerID, StockCode], quantity: Quantity}}
  order_lines:
    from: {EXPORT.as_posix()}
    columns: {{order_id: InvoiceNo, product_id: StockCode, product_name: Description, quantity: Quantity,
              unit_price: UnitPrice, amount: {{product: [Quantity, UnitPrice]}}}}
    not_products: [{", ".join(SERVICES)}]
    duplicates: keep
    cancellations: {{where: {{InvoiceNo: "C*"}}, match: [CustomerID, StockCode], quantity: Quantity}}
  customers:
    from: {EXPORT.as_posix()}
    columns: {{customer_id: CustomerID, region: Country}}
    one_row_per: customer_id
"""


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    with gzip.open(EXPORT, "rt", encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retail")
    (folder / "client.yaml").write_text(SETTINGS, encoding="utf-8")
    return take_in(load_client(folder), folder / "w")


def test_every_line_is_accounted_for_in_each_table(workspace, lines):
    assert len(lines) == 541_909
    for name, one in workspace.account["tables"].items():
        assert one["read"] == 541_909, name
        assert one["read"] == one["accepted"] + one["repaired"] + one["quarantined"], name
        assert one["quarantined"] == sum(one["reasons"].values()), name


def test_the_sums_before_repairs_are_those_of_the_file(workspace, lines):
    pieces = sum(int(line["Quantity"]) for line in lines)
    worth = math.fsum(int(line["Quantity"]) * float(line["UnitPrice"]) for line in lines)
    assert pieces == 5_176_450
    assert worth == pytest.approx(9_747_747.934, abs=5e-4)
    tables = workspace.account["tables"]
    assert tables["order_lines"]["sums"]["quantity"]["read"] == pieces
    for name in ("orders", "order_lines"):
        sums = tables[name]["sums"]["amount"]
        assert sums["read"] == pytest.approx(worth, abs=1e-6), name
        assert sums["accepted"] + sums["quarantined"] == pytest.approx(worth, abs=1e-6), name


def test_customers_are_those_of_the_file(workspace, lines):
    known = {line["CustomerID"] for line in lines if line["CustomerID"]}
    assert len(known) == 4_372
    customers = workspace.table("customers").to_pandas()
    assert set(customers.customer_id) == {one.removesuffix(".0") for one in known}
    assert len(customers) == 4_372


def matched_by_hand(lines) -> tuple[int, float]:
    """Cancellations that an earlier purchase covers, the latest with enough first; rows and amount.

    Plain Python beside the intake's own: purchases are kept by customer and product, in the order of their times.
    """
    groups = defaultdict(list)
    for number, line in enumerate(lines):
        if line["CustomerID"]:
            pieces, cancels = int(line["Quantity"]), line["InvoiceNo"].startswith("C")
            when = datetime.fromisoformat(line["InvoiceDate"])
            amount = pieces * float(line["UnitPrice"])
            groups[line["CustomerID"], line["StockCode"].strip()].append((when, cancels, number, pieces, amount))
    count, worth = 0, []
    for rows in groups.values():
        bought: list[int] = []
        for _, cancels, _, pieces, amount in sorted(rows):
            if not cancels:
                if pieces > 0:
                    bought.append(pieces)
                continue
            wanted = -pieces
            whole = [n for n, left in enumerate(bought) if left >= wanted]
            if whole:
                bought[whole[-1]] -= wanted
            elif sum(bought) >= wanted:
                for n in range(len(bought) - 1, -1, -1):
                    taken = min(wanted, bought[n])
                    bought[n] -= taken
                    wanted -= taken
            else:
                continue
            count += 1
            worth.append(-amount)
    return count, math.fsum(worth)


def test_cancellations_are_matched_at_the_rate_that_the_rule_gives_by_hand(workspace, lines):
    told = workspace.account["tables"]["orders"]["cancellations"]
    cancelling = [line for line in lines if line["InvoiceNo"].startswith("C")]
    assert len(cancelling) == 9_288
    assert told["rows"] == 9_288
    amount = -math.fsum(int(line["Quantity"]) * float(line["UnitPrice"]) for line in cancelling)
    assert told["amount"] == pytest.approx(amount, abs=1e-6)
    count, worth = matched_by_hand(lines)
    assert told["matched"] == count
    assert told["matched_amount"] == pytest.approx(worth, abs=1e-6)
    refunded = workspace.table("orders").refunded_amount.sum().to_pandas()
    assert refunded == pytest.approx(worth, abs=1e-4)


def test_all_invoices_are_orders_or_cancellations_or_in_quarantine(workspace, lines):
    invoices = {line["InvoiceNo"] for line in lines}
    assert len(invoices) == 25_900
    orders = set(workspace.table("orders").order_id.to_pandas())
    cancelling = {invoice for invoice in invoices if invoice.startswith("C")}
    assert not orders & cancelling
    negative = {line["InvoiceNo"] for line in lines if int(line["Quantity"]) < 0} - cancelling
    missing = invoices - orders - cancelling
    assert missing <= negative
    assert len(orders) + len(cancelling) + len(missing) == 25_900
    reasons = workspace.account["tables"]["orders"]["reasons"]
    left = sum(int(line["Quantity"]) < 0 and not line["InvoiceNo"].startswith("C") for line in lines)
    assert reasons["a negative quantity that nothing marks as a cancellation"] == left


def test_lines_of_services_are_no_products(workspace, lines):
    services = {code.casefold() for code in SERVICES}
    expected = sum(
        line["StockCode"].strip().casefold() in services
        and not line["InvoiceNo"].startswith("C")
        and int(line["Quantity"]) >= 0
        for line in lines
    )
    assert workspace.account["tables"]["order_lines"]["reasons"]["left out: not a product"] == expected
