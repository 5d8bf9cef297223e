"""Write ``data/cdnow`` from the CDNOW files that the ``lifetimes`` wheel carries (MIT).

``python -m crmlib.sample.cdnow [--out DIR]``. The master file has one row per
order: customer, day, number of CDs, dollars. The sample file names, for each of the published 2,357
customers, the customer number in the master file.
"""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterator
from pathlib import Path

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "data" / "cdnow"


def published_file(name: str) -> Path:
    """Path of a file of the installed ``lifetimes`` package, which is located but not imported."""
    found = importlib.util.find_spec("lifetimes")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("The package lifetimes 0.11.3 is needed: it carries the CDNOW files.")
    return Path(found.submodule_search_locations[0]) / "datasets" / name


def iso_day(compact: str) -> str:
    """``19970112`` → ``1997-01-12``."""
    return f"{compact[:4]}-{compact[4:6]}-{compact[6:]}"


def order_rows(master: Path) -> Iterator[str]:
    """CSV rows ``order_id,customer_id,ordered_at,amount`` (US dollars); the id is the row number in the master file."""
    rows = (line.split() for line in master.read_text(encoding="ascii").splitlines())
    orders = (fields for fields in rows if len(fields) == 4 and fields[0].isdigit())
    for number, (customer, day, _quantity, dollars) in enumerate(orders, start=1):
        yield f"{number},{customer},{iso_day(day)},{dollars}"


def sample_rows(sample: Path) -> Iterator[str]:
    """CSV rows ``customer_id,sample_id``: each customer of the published 1/10 sample, once, in the order published."""
    rows = (line.split() for line in sample.read_text(encoding="ascii").splitlines() if line.strip())
    yield from dict.fromkeys(f"{master_id},{sample_id}" for master_id, sample_id, *_ in rows)


def write_lines(path: Path, lines: Iterator[str], header: str) -> None:
    """Write the lines as UTF-8 with LF endings."""
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8", newline="\n")


def main() -> None:
    """Write the CDNOW orders and the published sample from the lifetimes wheel."""
    parser = argparse.ArgumentParser(description="Write the CDNOW orders as contract tables.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    write_lines(
        out / "orders.csv",
        order_rows(published_file("CDNOW_master.txt")),
        "order_id,customer_id,ordered_at,amount",
    )
    write_lines(out / "sample_customers.csv", sample_rows(published_file("CDNOW_sample.txt")), "customer_id,sample_id")


if __name__ == "__main__":
    main()
