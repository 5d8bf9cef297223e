"""What a course can show and a client's data cannot: customers whose truth is known, and a famous real base."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from crmlib.client import Client

DATA = Path(__file__).resolve().parents[2] / "data"


def true_customers(client: Client) -> pd.DataFrame | None:
    """Which customers of the sample brand are in truth still there; None for any other client.

    Columns ``customer_id, home, alive`` and ``expected_orders``, those of the 365 days after the last day of the data,
    from each customer's true rate and chance to leave (customers of the web shop only: in shops more things act).
    """
    file = client.folder / "truth_customers.csv"
    return pd.read_csv(file, dtype={"customer_id": str}) if file.exists() else None


def cdnow_orders() -> pd.DataFrame | None:
    """The orders of the 2,357 customers on whom these models were published; None where the data are not beside.

    Columns ``order_id, customer_id, ordered_at, amount`` (US dollars), first orders in January to March 1997, until
    1998-06-30. Source: the CDNOW sample of Fader, Hardie & Lee (2005).
    """
    folder = DATA / "cdnow"
    if not (folder / "orders.csv").exists():
        return None
    sample = pd.read_csv(folder / "sample_customers.csv", dtype=str)
    orders = pd.read_csv(folder / "orders.csv", dtype={"order_id": str, "customer_id": str}, parse_dates=["ordered_at"])
    return orders[orders["customer_id"].isin(sample["customer_id"])].reset_index(drop=True)
