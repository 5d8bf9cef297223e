"""The sample brand's tables as a chapter sees them, and what its shops began when."""

import datetime as dt

import pandas as pd
import pytest

from crmlib.client import load_client
from crmlib.intake import take_in
from crmlib.lifecycle import growth

AS_OF = dt.date(2025, 12, 31)


@pytest.fixture(scope="session")
def workspace(repository, tmp_path_factory):
    client = load_client(repository / "data" / "aurora" / "client.yaml")
    return take_in(client, tmp_path_factory.mktemp("aurora"))


@pytest.fixture(scope="session")
def table(workspace):
    return workspace.table


@pytest.fixture(scope="session")
def rollouts(repository):
    return {one.name: one for one in growth.read_rollouts(repository / "data" / "aurora" / "rollouts.yaml")}


@pytest.fixture(scope="session")
def held(table):
    """The sample's baskets by category."""
    return growth.baskets(table("order_lines"), table("orders"), as_of=AS_OF)


@pytest.fixture(scope="session")
def csv(repository):
    """A table of the sample as pandas reads it, for a second way to each number."""

    def read(name):
        times = {"orders": ["ordered_at"], "loyalty": ["at"]}.get(name, [])
        return pd.read_csv(
            repository / "data" / "aurora" / f"{name}.csv", parse_dates=times,
            dtype={"order_id": str, "customer_id": str},
        )  # fmt: skip

    return read


def baskets_of(*rows):
    """Baskets of ``(order, customer, day, "A B C")``, each item one piece for 10."""
    frame = pd.DataFrame(
        [(order, customer, day, item) for order, customer, day, items in rows for item in items.split()],
        columns=["order_id", "customer_id", "day", "item"],
    )
    frame["ordered_at"] = pd.to_datetime(frame.day)
    return frame.assign(day=frame.ordered_at.dt.date, store="S1", pieces=1.0, amount=10.0)
