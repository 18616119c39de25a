"""The command line of `python -m local`."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from local.browser import Browser
from local.processes import Ended, StartFailed
from local.sample_data import SeedStaff, as_json, msp_of
from local.stack import ROOT, Ports, Stack

_FOLDER = ROOT / ".local"


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is _token and bool(options.tid) != bool(options.oid):
        parser.error("--tid and --oid go together")
    try:
        return int(asyncio.run(options.command(options)))
    except (StartFailed, Ended, LookupError, OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1


async def _run(_options: argparse.Namespace) -> int:
    in_memory = os.environ.get("STORE") == "memory"
    store = None if in_memory else _FOLDER / "store"
    stop = asyncio.Event()
    for received in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(received, stop.set)
    async with Stack(_FOLDER, Ports.from_environment(), store) as stack:
        print(stack.ready_line(), flush=True)
        await stack.serve_until(stop)
    return 0


async def _demo(_options: argparse.Namespace) -> int:
    from local.demo import run_demo  # noqa: PLC0415  the other commands do not need it

    return await run_demo()


async def _token(options: argparse.Namespace) -> int:
    async with _browser() as browser:
        if options.tid:
            token = await browser.token(options.tid, options.oid)
        else:
            staff = _staff(options.msp, options.role)
            token = await browser.token(staff.tid, staff.oid, name=staff.name)
    print(token)
    return 0


async def _consent(options: argparse.Namespace) -> int:
    async with _browser() as browser:
        owner = _staff(options.msp, "msp_owner")
        print(await browser.consent(owner, accept=not options.decline))
    return 0


async def _seed(_options: argparse.Namespace) -> int:
    print(json.dumps(as_json(), indent=2))
    return 0


def _browser() -> Browser:
    ports = Ports.from_environment()
    ca = Path(os.environ.get("LOCAL_CA", _FOLDER / "ca.pem"))
    return Browser(f"http://127.0.0.1:{ports.api}", f"https://127.0.0.1:{ports.microsoft}", ca)


def _staff(msp: str, role: str) -> SeedStaff:
    for member in msp_of(msp).staff:
        if member.role == role:
            return member
    raise LookupError(f"{msp} has no {role}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="serve the stack until Ctrl-C")
    run.set_defaults(command=_run)
    demo = commands.add_parser("demo", help="drive the main job on a fresh stack")
    demo.set_defaults(command=_demo)
    token = commands.add_parser("token", help="print an access token")
    token.set_defaults(command=_token)
    token.add_argument("--role", default="msp_owner")
    token.add_argument("--msp", default="contoso")
    token.add_argument("--tid", help="for anybody else, with --oid")
    token.add_argument("--oid")
    consent = commands.add_parser("consent", help="go through admin consent")
    consent.set_defaults(command=_consent)
    consent.add_argument("--msp", default="contoso")
    consent.add_argument("--decline", action="store_true")
    seed = commands.add_parser("seed", help="list the seed's fixed IDs")
    seed.set_defaults(command=_seed)
    seed.add_argument("--json", action="store_true", help="as JSON (the only form)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
