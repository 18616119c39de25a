"""The process is killed at every write in turn; after a restart the rules hold again.

It is killed when the write is stored and before it hears so. That is every state of storage there
is: to be killed before a write leaves what being killed after the one before it leaves.
"""

from collections import Counter

from domain.identifiers import MspId
from local.sample_data import MSPS
from tests.e2e.portal import owner
from tests.faults.bench import MSP, OWN, Bench
from tests.samples import version


async def test_enable_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/enable", follow=False)

    async def check() -> None:
        await bench.check_nothing_left()
        await bench.call("POST", "/my-tenant/enable")
        tenant = await bench.portal.partner_tenant()
        assert tenant is not None
        assert tenant["sync"]["state"] == "succeeded"

    kills = await bench.kill_at_every_write(bench.nothing, act, check)
    assert kills >= 3


async def test_a_consent_callback_survives_a_kill_at_every_write(bench: Bench) -> None:
    query = ""

    async def prepare() -> None:
        nonlocal query
        await bench.nothing()
        state = await bench.portal.state()
        query = f"admin_consent=True&tenant={OWN}&scope=x&state={state}"

    async def act() -> None:
        await bench.call("GET", f"/consent/callback?{query}", follow=False)

    async def check() -> None:
        tenant = await bench.check_slot()
        if tenant is None:
            # Killed before the state was spent: the browser's reload starts where it was.
            assert await bench.portal.callback(query) == "enabled"
        else:
            assert await bench.portal.callback(query) == "invalid"
        await bench.portal.idle()
        shown = (await bench.portal.call(owner(), "GET", "/my-tenant")).body
        assert (shown["consent"]["state"], shown["consent"]["outcome"]) == ("completed", "enabled")
        assert shown["tenant"]["sync"]["state"] == "succeeded"
        await bench.check_nothing_left()

    kills = await bench.kill_at_every_write(prepare, act, check)
    assert kills >= 5


async def test_convert_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/enable", follow=False)

    async def check() -> None:
        tenant = await bench.check_slot()
        assert tenant is not None
        # The customer's usage goes with the conversion, all or nothing: it is never billed.
        usage = (await bench.store.msps.tenant_records(MSP, OWN)).usage
        assert (usage is None) is tenant.is_own_msp_tenant
        await bench.call("POST", "/my-tenant/enable")
        assert (await bench.check_slot() or tenant).is_own_msp_tenant
        left = await bench.store.msps.tenant_records(MSP, OWN)
        assert left.usage is None

    kills = await bench.kill_at_every_write(bench.customer, act, check)
    assert kills >= 3


async def test_disable_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("POST", "/my-tenant/disable")

    kills = await bench.kill_at_every_write(bench.partner, act, bench.check_nothing_left)
    assert kills >= 8


async def test_hard_delete_survives_a_kill_at_every_write(bench: Bench) -> None:
    async def act() -> None:
        await bench.call("DELETE", f"/tenants/{OWN}")

    async def check() -> None:
        await bench.check_nothing_left()
        left = await bench.store.msps.tenant_records(MSP, OWN)
        # What was used stays to be billed, and ends with the tenant; its invite goes with it.
        usage = version(left.usage).value
        assert (usage.periods[-1].until is None) is (left.tenant is not None)
        assert (left.invite is None) is (left.tenant is None)

    kills = await bench.kill_at_every_write(bench.customer, act, check)
    assert kills >= 8


async def test_invoicing_survives_a_kill_of_its_timer_and_of_its_workers(bench: Bench) -> None:
    """What a run has not queued or not done, the next one does, and none of it twice."""

    async def issued() -> list[list[str]]:
        replies = [await bench.portal.call(owner(msp), "GET", "/billing/invoices") for msp in MSPS]
        return [[invoice["number"] for invoice in reply.body["items"]] for reply in replies]

    async def check() -> None:
        numbers = ["M365-INV-0001", "M365-INV-0002"]
        assert all(found == numbers[: len(found)] for found in await issued())

    async def act() -> None:
        await bench.portal.fire("issue_invoices")

    assert await bench.kill_at_every_write(bench.portal.idle, act, check) >= len(MSPS)
    assert [len(found) for found in await issued()] == [2] * len(MSPS)
    for msp in MSPS:
        events = (await bench.store.msps.audit_events(MspId(msp.msp_id), 500)).items
        counted = Counter(event.action for event in events)
        assert counted["invoice.issued"] == counted["invoice.documented"] == 2
        assert counted["billing.failed"] == 0
