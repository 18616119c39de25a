"""The log of a whole demo, including spans and metrics, contains no names and no secrets."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from local.browser import Browser
from local.demo import Demo
from local.microsoft.people import user
from local.sample_data import CONTOSO, MSPS, tenants
from local.stack import Stack
from tests.e2e.portal import Portal

OWNER = CONTOSO.staff[0]
E_MAIL = re.compile(r"[\w.+#-]+@[\w-]+\.\w+")
TOKEN = re.compile(r"eyJ[\w-]{10,}")


@pytest.fixture
async def stack(tmp_path: Path, certificates: Path) -> AsyncIterator[Stack]:
    shutil.copytree(certificates, tmp_path, dirs_exist_ok=True)
    async with Stack(tmp_path, settings={"TELEMETRY_CONSOLE": "true"}) as running:
        yield running


def people() -> Iterator[str]:
    """Yield the names and addresses of all staff and users."""
    for msp in MSPS:
        yield from (member.name for member in msp.staff)
    for tenant in tenants():
        for index in range(tenant.users):
            found = user(tenant.number, index, tenant.domain)
            yield from (found["displayName"], found["userPrincipalName"])


def secrets(folder: Path) -> Iterator[str]:
    """Yield the lines of every secret, including each line of a certificate with its key."""
    for file in folder.iterdir():
        yield from (line for line in file.read_text().split("\n") if len(line) > 20)


async def test_the_log_of_a_demo_names_no_person_and_no_secret(stack: Stack) -> None:
    before = set(secrets(stack.run_dir / "secrets"))
    async with Browser(stack.api, stack.microsoft, stack.ca) as browser:
        await Demo(browser).run()
        name = {"name": "Megan Bowen", "role": "viewer"}
        oid = "00000000-0000-4000-8000-00000000000a"
        await browser.call(OWNER, "PUT", f"/staff/{OWNER.tid}/{oid}", name)
        await browser.call(OWNER, "GET", "/portfolio/users?search=adele")
        await browser.call(
            OWNER, "GET", "/my-tenant", headers={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}
        )
        await Portal(browser).fire("issue_invoices")
        token = await browser.token(OWNER.tid, OWNER.oid)
    await stack.stop_host()
    log = (stack.run_dir / "host.log").read_text()
    for is_there in (
        'request {"method": "GET", "route": "/my-tenant"',
        "a tenant was read {",
        '"name": "sync users"',
        '"name": "get_my_tenant"',
        '"name": "Tables transaction"',
        '"name": "Graph GET"',
        '"name": "manage365.sync.tenants"',
        '"name": "manage365.purges.completed"',
        '"name": "manage365.invoice.runs"',
    ):
        assert is_there in log, is_there
    after = set(secrets(stack.run_dir / "secrets"))
    for secret in (*people(), "Megan Bowen", "adele", *before, *after, token):
        assert secret not in log, secret
        assert json.dumps(secret)[1:-1] not in log, secret  # as in a span's JSON
    assert not E_MAIL.search(log)
    assert not TOKEN.search(log)
    assert "state=" not in log
