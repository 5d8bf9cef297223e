"""``python -m crmlib.sample [--out DIR]``: write the tables and the ground truth of Aurora Beauty."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from crmlib.sample.aurora import generate
from crmlib.sample.tables import write_table

DEFAULT_OUT = Path(__file__).resolve().parents[2] / "data" / "aurora"


def write(out: Path) -> None:
    """Write every table as CSV, ``truth.json`` and ``truth_customers.csv``, into ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    tables, facts, customers = generate()
    for name, table in {**tables, "truth_customers": customers}.items():
        write_table(out, name, table)
    text = json.dumps(facts, ensure_ascii=False, indent=2) + "\n"
    (out / "truth.json").write_text(text, encoding="utf-8", newline="\n")


def main() -> None:
    """Write the sample brand to the folder that the command line names."""
    parser = argparse.ArgumentParser(description="Write the sample brand Aurora Beauty.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
