"""`make chaos` command: runs a plan and prints the report; exit 1 if an invariant is violated."""

import argparse
import asyncio
import logging
import secrets
import sys
from pathlib import Path

from tests.chaos.plan import make_plan
from tests.chaos.report import presses, report
from tests.chaos.run import run


def main() -> int:
    """Reads the arguments, runs, prints."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--cases", type=int, default=200, help="how many subjects (200)")
    parser.add_argument("--seed", type=int, help="plays that run again (else a random one)")
    parser.add_argument("--ledger", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--keep", type=Path, help="a new folder for logs and databases")
    given = parser.parse_args()
    seed = secrets.randbelow(10_000) if given.seed is None else given.seed
    postgres = given.ledger == "postgresql"
    print(f"seed {seed}: make chaos ARGS='--cases {given.cases} --seed {seed}'", flush=True)
    if given.keep is not None:
        given.keep.mkdir(parents=True)
    # The sandbox drops connections on purpose, which its server would log as errors.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "without completing" not in record.msg
    )
    outcome = asyncio.run(run(make_plan(seed, given.cases, postgres), postgres, given.keep))
    if given.keep is not None:
        (given.keep / "presses.txt").write_text(presses(outcome), "utf-8")
    print(report(outcome))
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
