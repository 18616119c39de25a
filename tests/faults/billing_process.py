"""A billing run in a separate process, which a test may kill at any moment."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from tests.faults.forked import Fork


class BillingProcess(Fork):
    """Bills every MSP once, at a given time, as the app would with these settings."""

    def __init__(self, environment: Mapping[str, str], at: datetime) -> None:
        super().__init__(environment, _run_in_child, at)


def _run_in_child(at: datetime) -> None:
    asyncio.run(_run(at))


async def _run(at: datetime) -> None:
    from domain.audit import SYSTEM, Cause  # noqa: PLC0415  after the child's environment is set
    from settings import Settings  # noqa: PLC0415
    from tests.fakes.billing import FakePrinter  # noqa: PLC0415
    from tests.fakes.outside import FixedClock  # noqa: PLC0415
    from tests.unit.billing.world import bill_each  # noqa: PLC0415
    from wiring.billing import billing_ports  # noqa: PLC0415
    from wiring.services import Services  # noqa: PLC0415

    services = Services.from_settings(Settings.from_environment())
    ports = replace(billing_ports(services), clock=FixedClock(at), renderer=FakePrinter())
    await bill_each(ports, Cause(SYSTEM, at, "run"))
    await services.storage.close()
