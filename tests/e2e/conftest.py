"""A running stack, and people who use it."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from local.browser import Browser
from local.stack import Stack
from tests.e2e.declared import DeclaredBrowser
from tests.e2e.portal import Portal


@pytest.fixture(scope="session")
async def stack(
    tmp_path_factory: pytest.TempPathFactory, certificates: Path
) -> AsyncIterator[Stack]:
    """The whole stack; timers are fired manually, and callers' roles are not cached."""
    settings = {
        "STAFF_CACHE_SECONDS": "0",
        "WORK_REDELIVERY_SECONDS": "0",
        "SEARCH_CACHE_SECONDS": "0",
        "CREDENTIAL_CACHE_SECONDS": "0",
        "GRAPH_PACE_SECONDS": "0",
    }
    run_dir = tmp_path_factory.mktemp("stack")
    shutil.copytree(certificates, run_dir, dirs_exist_ok=True)
    async with Stack(run_dir, timers=False, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
async def browser(stack: Stack) -> AsyncIterator[Browser]:
    """A person at the portal; undeclared responses fail the test."""
    async with DeclaredBrowser(stack.api, stack.microsoft, stack.ca) as opened:
        yield opened


@pytest.fixture
async def portal(browser: Browser) -> AsyncIterator[Portal]:
    """The portal in its initial state: no partner tenants, consents or faults; idle queues."""
    portal = Portal(browser)
    await portal.reset()
    yield portal
    await browser.control("PUT", "/faults", [])
