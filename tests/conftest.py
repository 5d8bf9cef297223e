"""What all tests share: the repository, small clients made of CSV texts, finished runs, the CDNOW sample, and customers
simulated from known parameters."""

from __future__ import annotations

import gc
import importlib.util
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from crmlib.client import Client, load_client
from crmlib.contract import TABLES
from crmlib.engine import connect, empty_table

REPOSITORY = Path(__file__).resolve().parents[1]

# The same examples in every run: a commit passes or fails by what it changed. Other examples, to find more:
# HYPOTHESIS_PROFILE=other pytest
# How long an example takes is the machine's: no test fails by it.
_UNTIMED = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("same", derandomize=True, **_UNTIMED)
settings.register_profile("other", derandomize=False, **_UNTIMED)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


# Modules that take minutes, most of them with few tests.
LONG = {
    "test_any_machine", "test_briefing", "test_browser", "test_end_to_end", "test_exercises", "test_forms",
    "test_intervals", "test_machine", "test_numbers", "test_runner",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules begin first, so that at the end no worker waits for one that has just begun."""
    items.sort(key=lambda item: item.path.stem not in LONG)


def pytest_collection_finish() -> None:
    """What is loaded and found stays: no collection of garbage looks through it after each few hundred objects."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory):
    """Keys of the tests stay in the tests' folders, also those of programs that the tests start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
        patch.delenv("CRMLIB_VAULT_KEY", raising=False)
        yield


def empty(table: str) -> Any:
    """A table as a chapter gets it where the client has none: no rows, the contract's columns."""
    return empty_table(connect(), table, TABLES[table].kinds)


@pytest.fixture
def make_client(tmp_path):
    """Write CSV texts and a client.yaml into a folder and open it: ``make_client(orders="…", settings="…")``."""

    def make(settings: str = "", *, folder: str = "client", **tables: str | bytes) -> Client:
        return load_client(write_client(tmp_path / folder, settings, **tables))

    return make


def write_client(folder: Path, settings: str = "", **tables: str | bytes) -> Path:
    """The path of a new client.yaml with one CSV per table beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in tables.items():
        raw = content if isinstance(content, bytes) else textwrap.dedent(content).lstrip().encode()
        (folder / f"{name}.csv").write_bytes(raw)
    settings = textwrap.dedent(settings)
    sources = "" if "tables:" in settings else "tables:\n" + "".join(f"  {n}: {{from: {n}.csv}}\n" for n in tables)
    defaults = {"name": "Test", "currency": "CNY", "timezone": "Asia/Shanghai", "customer_ids": "as they are"}
    head = "".join(f"{key}: {value}\n" for key, value in defaults.items() if f"{key}:" not in settings)
    file = folder / "client.yaml"
    file.write_text(head + settings + sources, encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that all workers of one call of pytest share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def sample_run(repository, shared) -> Callable[[str], Path]:
    """The folder of a finished run on the sample brand in a language, made once for all workers.

    In English, chapters run beside each other; in Chinese, one after the other.
    ``CRMLIB_SAMPLE_RUNS`` names a folder to keep the runs in: what is done there is not done again.
    """
    kept = os.environ.get("CRMLIB_SAMPLE_RUNS")
    made = Path(kept) if kept else shared / "sample"

    def run_in(language: str) -> Path:
        from crmlib import runner
        from crmlib.files import hold
        from crmlib.words import use

        made.mkdir(parents=True, exist_ok=True)
        with (made / f"{language}.lock").open("w") as turn:
            hold(turn)
            folder = made / language
            if kept or not (folder / "manifest.json").exists():
                workers = 1 if language == "zh" else None
                client = repository / "data" / "aurora" / "client.yaml"
                runner.run(client, output=folder, language=language, workers=workers)
        use()
        return folder

    return run_in


@pytest.fixture(scope="session")
def cdnow_orders() -> pd.DataFrame:
    origin = importlib.util.find_spec("lifetimes").origin
    path = Path(origin).parent / "datasets" / "CDNOW_sample.txt"
    columns = ["master_id", "customer_id", "day", "units", "amount"]
    orders = pd.read_csv(path, sep=r"\s+", header=None, names=columns)
    return orders.assign(ordered_at=pd.to_datetime(orders["day"].astype(str)))


@pytest.fixture(scope="session")
def cdnow(cdnow_orders: pd.DataFrame) -> pd.DataFrame:
    from crmlib.lifecycle.clv import summary

    day = {"as_of": "1998-06-30", "calibration_end": "1997-09-30"}
    # The published estimates count the visits at which nothing was paid.
    return summary(cdnow_orders, **day, unit="weeks", free_orders="count")


@pytest.fixture(scope="session")
def cdnow_model(cdnow: pd.DataFrame) -> Any:
    from crmlib.models import BetaGeoNBD

    return BetaGeoNBD.fit(cdnow)


@pytest.fixture(scope="session")
def cdnow_spend(cdnow: pd.DataFrame) -> Any:
    from crmlib.models import GammaGamma

    return GammaGamma.fit(cdnow)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., pd.DataFrame]:
    """Customers of a BG/NBD and gamma-gamma base: their summary in days, and what they do in the time after it."""

    def simulated(
        customers: int,
        *,
        seed: int,
        r: float = 0.8,
        alpha: float = 60.0,
        a: float = 0.8,
        b: float = 2.5,
        p: float = 6.0,
        q: float = 4.0,
        v: float = 20.0,
        holdout_days: int = 365,
    ) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        rate, leaving = random.gamma(r, 1 / alpha, customers), random.beta(a, b, customers)
        scale = random.gamma(q, 1 / v, customers)
        T = np.floor(random.uniform(100, 500, customers))
        clock, x, t_x = np.zeros(customers), np.zeros(customers), np.zeros(customers)
        spend, later, later_spend = np.zeros(customers), np.zeros(customers), np.zeros(customers)
        alive = np.arange(customers)
        while len(alive):
            clock[alive] += random.exponential(1 / rate[alive])
            alive = alive[clock[alive] < T[alive] + holdout_days]
            paid = random.gamma(p, 1 / scale[alive])
            known = clock[alive] <= T[alive]
            x[alive[known]] += 1
            t_x[alive[known]] = clock[alive[known]]
            spend[alive[known]] += paid[known]
            later[alive[~known]] += 1
            later_spend[alive[~known]] += paid[~known]
            alive = alive[random.random(len(alive)) > leaving[alive]]
        return pd.DataFrame(
            {
                "customer_id": np.arange(customers),
                "frequency": x,
                "recency": t_x,
                "T": T,
                "monetary": spend / np.maximum(x, 1),
                "holdout_orders": later,
                "holdout_spend": later_spend,
            }
        )

    return simulated
