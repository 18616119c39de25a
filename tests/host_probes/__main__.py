"""Compares any host that serves `app/`: `python -m tests.host_probes URL [STORAGE]`."""

import argparse
import asyncio
import sys

from tests.host_probes.checks import Line, Queues, http_lines


async def _differing(base: str, storage: str | None) -> int:
    """Print the comparison; return how many lines differ."""
    lines = [_shown(line) async for line in http_lines(base)]
    if storage:
        lines += [_shown(line) async for line in Queues(base, storage).lines()]
    else:
        print("skipped  queues: no STORAGE")
    return sum(not line.same for line in lines)


def _shown(line: Line) -> Line:
    print(f"{'same' if line.same else 'DIFFERS':8} {line.title}")
    if not line.same:
        print(f"         expected {line.expected}\n         got      {line.got}")
    return line


def main() -> int:
    """Compare one host with Microsoft's."""
    parser = argparse.ArgumentParser(prog="python -m tests.host_probes", description=__doc__)
    parser.add_argument("url", help="where the host serves, such as http://127.0.0.1:7071")
    parser.add_argument("storage", nargs="?", help="connection string of the host's storage")
    options = parser.parse_args()
    differing = asyncio.run(_differing(options.url, options.storage))
    print(f"{differing} lines differ" if differing else "the host does as Microsoft's does")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
