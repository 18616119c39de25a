"""Consents in customers' tenants at the simulated Partner Center: given, replaced, refused."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import jwt
import pytest
from azure.core.pipeline.transport import AioHttpTransport

from adapters.entra_refusals import DelegatedConsentMissing
from adapters.graph.client import GraphClient
from adapters.graph.gdap import GraphGdap
from adapters.identity import TokenSource, scopes_of
from adapters.partner_center import PartnerCenterConsents
from core.customer_grants import customer_grants
from domain.errors import ConsentRequired, CustomerConsentRefused, MicrosoftUnavailable
from domain.gdap import ROLES
from domain.identifiers import TenantId
from local.sample_data import CONTOSO, FABRIKAM, PARTNER_CENTER
from tests.simulation import MSP, OWN, Simulation

CONSENTS = "/applicationconsents"
THEIRS = replace(
    MSP,
    app=replace(
        MSP.app,
        client_id=FABRIKAM.client_id,
        tenant_id=TenantId(FABRIKAM.own.tenant_id),
        credential=FABRIKAM.credential,
        service_account=FABRIKAM.service_account,
    ),
)


@pytest.fixture
async def consents(
    simulation: Simulation, tokens: TokenSource
) -> AsyncIterator[PartnerCenterConsents]:
    """The adapter; the MSP's own tenant has consented."""
    await simulation.tenant(consented=True)
    trusting = AioHttpTransport(connection_verify=str(simulation.run_dir / "ca.pem"))
    opened = PartnerCenterConsents(tokens, simulation.origin + PARTNER_CENTER, trusting)
    yield opened
    await opened.close()
    await simulation.tenant(adminAgent=True, serviceAccountGroups=[CONTOSO.security_group])


@pytest.fixture
async def customer(
    simulation: Simulation,
    tokens: TokenSource,
    graph: GraphClient,
    consents: PartnerCenterConsents,
) -> TenantId:
    """A customer whose relationship is active, with access, and without consent."""
    gdap, tenant_id = GraphGdap(tokens, graph), TenantId(str(uuid4()))
    made = await gdap.invite(MSP, tenant_id, "Relecloud", 30)
    await simulation.gdap(made.relationship_id, "accept")
    found = (await gdap.relationships(MSP)).found
    (relationship,) = [r for r in found if r.relationship_id == made.relationship_id]
    await gdap.assign(MSP, relationship)
    assert await gdap.assign(MSP, relationship)
    return tenant_id


async def calls(simulation: Simulation) -> list[tuple[str, int]]:
    return [(asked["method"], asked["status"]) for asked in await simulation.asked(CONSENTS)]


async def refused(consents: PartnerCenterConsents, customer: TenantId) -> str:
    with pytest.raises(CustomerConsentRefused) as raised:
        await consents.give(MSP, customer)
    return raised.value.reason


async def test_a_token_for_a_customer_needs_consent_and_has_its_scopes(
    simulation: Simulation,
    tokens: TokenSource,
    consents: PartnerCenterConsents,
    customer: TenantId,
) -> None:
    with pytest.raises(DelegatedConsentMissing):
        await tokens.delegated_token(MSP, customer)
    assert not await consents.is_given(MSP, customer)
    await consents.give(MSP, customer)
    assert await consents.is_given(MSP, customer)
    token = await tokens.delegated_token(MSP, customer)
    assert scopes_of(token) == customer_grants(MSP.app).scopes
    assert await calls(simulation) == [("POST", 201)]
    # The app itself has got nothing in the customer's tenant.
    app_only = await tokens.app_token(MSP, customer)
    assert "roles" not in jwt.decode(app_only, options={"verify_signature": False})


async def test_another_set_of_permissions_replaces_the_consent(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    await consents.give(MSP, customer)
    more = replace(MSP, app=replace(MSP.app, capabilities=("users",)))
    assert consents.version_of(more) != consents.version_of(MSP)
    assert not await consents.is_given(more, customer)
    await consents.give(more, customer)
    assert await consents.is_given(more, customer)
    repeated = [("POST", 409), ("DELETE", 204), ("POST", 201)]
    assert await calls(simulation) == [("POST", 201), *repeated]


async def test_a_consent_shows_in_tokens_once_it_has_propagated(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    await simulation.tenant(customer, propagationSeconds=3600)
    await consents.give(MSP, customer)
    assert not await consents.is_given(MSP, customer)


async def test_partner_center_says_why_it_refuses(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    nobodys = TenantId(str(uuid4()))
    assert await refused(consents, nobodys) == "customer_not_listed"
    await simulation.tenant(customer, listedInPartnerCenter=False)
    assert await refused(consents, customer) == "customer_not_listed"
    await simulation.tenant(customer, listedInPartnerCenter=True)
    await simulation.tenant(adminAgent=False)
    assert await refused(consents, customer) == "not_permitted"
    await simulation.tenant(adminAgent=True)
    others = sorted(ROLES.keys() - {"Cloud Application Administrator"})
    await simulation.tenant(customer, gdapRoles=others)
    assert await refused(consents, customer) == "not_permitted"
    await simulation.tenant(customer, gdapRoles=["Cloud Application Administrator"])
    await consents.give(MSP, customer)


async def test_the_app_needs_partner_centers_permission_at_home(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    await simulation.tenant(consented=False)
    assert await refused(consents, customer) == "partner_center_not_consented"
    await simulation.tenant(consented=True, mfaRequired=True)
    try:
        assert await refused(consents, customer) == "service_account_refused"
    finally:
        await simulation.tenant(mfaRequired=False)


async def test_an_account_without_access_proves_nothing(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    await simulation.tenant(serviceAccountGroups=[])
    with pytest.raises(CustomerConsentRefused) as raised:
        await consents.is_given(MSP, customer)
    assert "security group that has access" in raised.value.advice


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 401, "body": {}}, "service_account_refused"),
        ({"status": 403, "body": {"code": "900"}}, "not_permitted"),
        ({"status": 404, "body": []}, "customer_not_listed"),
        ({"status": 400, "body": {}}, "partner_center_refused"),
        ({"status": 418, "body": {}}, "partner_center_refused"),
        ({"status": 429, "retryAfter": 77}, 77),
        ({"status": 503}, 30),
        ({"status": 302, "body": {}}, 30),
        ({"status": 200, "body": []}, 30),
        ({"disconnect": True}, 30),
        ({"truncate": True}, 30),
    ],
)
async def test_every_answer_has_a_meaning(
    simulation: Simulation,
    consents: PartnerCenterConsents,
    customer: TenantId,
    fault: dict[str, Any],
    expected: str | int,
) -> None:
    await simulation.faults({"path": CONSENTS, **fault})
    kind = CustomerConsentRefused if isinstance(expected, str) else MicrosoftUnavailable
    with pytest.raises(kind) as raised:
        await consents.give(MSP, customer)
    assert expected in (getattr(raised.value, name, 0) for name in ("reason", "retry_after"))


async def test_many_consents_at_once_stay_below_partner_centers_rate(
    simulation: Simulation, consents: PartnerCenterConsents, customer: TenantId
) -> None:
    await consents.give(MSP, customer)
    began = time.monotonic()
    # Each takes three requests, the others' among them.
    await asyncio.gather(*(consents.give(MSP, customer) for _ in range(25)))
    assert time.monotonic() - began >= 1  # for 50 requests or more
    assert 429 not in {status for _, status in await calls(simulation)}


async def test_partner_center_itself_counts_requests_and_takes_only_its_own_tokens(
    simulation: Simulation,
    tokens: TokenSource,
    consents: PartnerCenterConsents,
    customer: TenantId,
) -> None:
    url = f"{simulation.browser.microsoft}{PARTNER_CENTER}/v1/customers/{customer}{CONSENTS}"

    async def post(token: str, body: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"}
        session = simulation.browser.session
        async with session.post(url, json=body, headers=headers) as response:
            return response.status, response.headers.get("Retry-After", "")

    for wrong in ("x", await tokens.app_token(MSP, OWN), await tokens.delegated_token(MSP, OWN)):
        assert await post(wrong, {}) == (401, "")
    token = await tokens.delegated_token(MSP, OWN, resource=simulation.origin + PARTNER_CENTER)
    bodies: tuple[Any, ...] = (
        {},
        [],
        {"applicationGrants": [{"scope": "", "enterpriseApplicationId": "x"}]},
    )
    answers = [await post(token, body) for body in bodies]
    assert {status for status, _ in answers} == {400}
    # The limit is each application's own, so that this one leaves the other tests alone.
    await simulation.tenant(FABRIKAM.own.tenant_id, consented=True)
    home, resource = THEIRS.app.tenant_id, simulation.origin + PARTNER_CENTER
    token = await tokens.delegated_token(THEIRS, home, resource=resource)
    flood = await asyncio.gather(*(post(token, {}) for _ in range(120)))
    assert (429, "1") in flood


async def test_another_msps_app_gains_nothing(
    simulation: Simulation,
    tokens: TokenSource,
    consents: PartnerCenterConsents,
    customer: TenantId,
) -> None:
    await consents.give(MSP, customer)
    with pytest.raises(ConsentRequired):
        await tokens.app_token(THEIRS, customer)
    with pytest.raises(CustomerConsentRefused):
        await consents.is_given(THEIRS, customer)
