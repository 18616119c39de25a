import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.credentials import Credential
from adapters.device_sign_in import SignedIn, sign_in
from adapters.identity import TokenSource
from adapters.msal_clients import open_client, open_public_client
from adapters.secrets import FileSecrets
from domain.errors import MicrosoftRefused
from local.microsoft.device_codes import GRAPH_COMMAND_LINE
from local.sample_data import CONTOSO, STRANGER
from tests.simulation import CUSTOMER, MSP, OWN, Simulation

DEVICE_CODE, TOKEN = "/oauth2/v2.0/devicecode", "/oauth2/v2.0/token"
ADMIN, SERVICE = "admin@contoso.com", "service@contoso.com"
WRITE_APPLICATIONS = "Application.ReadWrite.All"


class Person:
    """Somebody at a browser, who enters the code that they are shown."""

    def __init__(self, simulation: Simulation, account: str, action: str = "accept") -> None:
        self._simulation, self._account, self._action = simulation, account, action
        self.shown: list[str] = []
        self.answers: list[int] = []

    def show(self, text: str) -> None:
        self.shown.append(text)

    async def sleep(self, _seconds: float) -> None:
        """Enter the code, in the pause before the first poll."""
        if self._action and not self.answers:
            await self.enter()

    async def enter(self) -> None:
        code = self.shown[-1].rpartition(" ")[2]
        form = {"code": code, "account": self._account, "action": self._action}
        url = f"{self._simulation.browser.microsoft}/devicelogin"
        async with self._simulation.browser.session.post(url, data=form) as response:
            self.answers.append(response.status)


@pytest.fixture(autouse=True)
async def codes(simulation: Simulation, tokens: TokenSource) -> AsyncIterator[None]:
    """Codes that are polled without a pause."""
    await set_codes(simulation, interval=1, expiresIn=900)
    yield
    await set_codes(simulation, interval=5, expiresIn=900)


async def set_codes(simulation: Simulation, **settings: int) -> None:
    await simulation.browser.control("PUT", "/devicecodes", settings)


async def sign_in_admin(simulation: Simulation, person: Person, tid: str = OWN) -> SignedIn:
    client = await open_public_client(f"{simulation.origin}/{tid}", GRAPH_COMMAND_LINE)
    scopes = [f"{simulation.origin}/{WRITE_APPLICATIONS}"]
    return await sign_in(client, scopes, person.show, person.sleep)


async def sign_in_service(simulation: Simulation, person: Person, credential: Any) -> SignedIn:
    client = await open_client(f"{simulation.origin}/{OWN}", CONTOSO.client_id, credential)
    return await sign_in(client, [f"{simulation.origin}/.default"], person.show, person.sleep)


@pytest.fixture
async def credential(tokens: TokenSource) -> Credential:
    return await tokens.credentials.get(MSP.app)


async def test_an_administrator_signs_in_to_microsofts_public_client(
    simulation: Simulation,
) -> None:
    person = Person(simulation, ADMIN)
    signed_in = await sign_in_admin(simulation, person)
    assert signed_in.account.user_name == ADMIN
    assert signed_in.account.tenant_id == signed_in.account.home_tenant_id == OWN
    assert person.shown[0].startswith(f"Open {simulation.origin}/devicelogin and enter the code ")
    for secret in (signed_in.access_token, signed_in.refresh_token or ""):
        assert secret
        assert secret not in repr(signed_in)


async def test_the_partner_app_can_redeem_the_service_accounts_refresh_token(
    simulation: Simulation, tokens: TokenSource, secrets: FileSecrets, credential: Credential
) -> None:
    await simulation.tenant(consented=True)
    signed_in = await sign_in_service(simulation, Person(simulation, SERVICE), credential)
    await secrets.set("signed-in", signed_in.refresh_token or "")
    msp = replace(MSP, app=replace(MSP.app, service_account="signed-in"))
    assert await tokens.delegated_token(msp, CUSTOMER)


async def test_without_consent_the_service_account_cannot_sign_in(
    simulation: Simulation, credential: Credential
) -> None:
    person = Person(simulation, SERVICE)
    await set_codes(simulation, expiresIn=1)
    with pytest.raises(MicrosoftRefused, match="expired"):
        await sign_in_service(simulation, person, credential)
    assert person.answers == [400]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [(Credential("a wrong secret"), 7000215), (None, 7000218)],
)
async def test_a_code_is_redeemed_with_the_apps_credential_only(
    simulation: Simulation, wrong: Credential | None, code: int
) -> None:
    await simulation.tenant(consented=True)
    person = Person(simulation, SERVICE)
    authority = f"{simulation.origin}/{OWN}"
    client = (
        await open_client(authority, CONTOSO.client_id, wrong)
        if wrong
        else await open_public_client(authority, CONTOSO.client_id)
    )
    with pytest.raises(MicrosoftRefused, match=f"AADSTS{code}"):
        await sign_in(client, [f"{simulation.origin}/.default"], person.show, person.sleep)


async def test_a_guest_is_told_from_an_account_of_the_tenant(
    simulation: Simulation, credential: Credential
) -> None:
    await simulation.tenant(consented=True)
    person = Person(simulation, f"guest@{STRANGER.domain}")
    account = (await sign_in_service(simulation, person, credential)).account
    assert (account.tenant_id, account.home_tenant_id) == (OWN, STRANGER.tenant_id)


async def test_a_sign_in_that_is_declined_ends_at_once(simulation: Simulation) -> None:
    with pytest.raises(MicrosoftRefused, match="declined"):
        await sign_in_admin(simulation, Person(simulation, ADMIN, "decline"))


@pytest.mark.parametrize("who", ["admin@fabrikam.com", "l1@contoso.com"])
async def test_a_page_that_refuses_leaves_the_code_waiting(
    simulation: Simulation, who: str
) -> None:
    """Somebody of another tenant, and somebody who is no administrator."""
    await set_codes(simulation, expiresIn=1)
    person = Person(simulation, who)
    with pytest.raises(MicrosoftRefused, match="expired"):
        await sign_in_admin(simulation, person)
    assert person.answers == [400]


async def test_polling_can_be_cancelled(simulation: Simulation) -> None:
    waits, person = asyncio.Event(), Person(simulation, ADMIN)

    async def sleep(_seconds: float) -> None:
        waits.set()
        await asyncio.Event().wait()

    client = await open_public_client(f"{simulation.origin}/{OWN}", GRAPH_COMMAND_LINE)
    signing_in = asyncio.ensure_future(sign_in(client, [WRITE_APPLICATIONS], person.show, sleep))
    await waits.wait()
    signing_in.cancel()
    with pytest.raises(asyncio.CancelledError):
        await signing_in
    assert await simulation.asked(TOKEN) == []


async def test_a_code_without_an_interval_is_polled_each_second(simulation: Simulation) -> None:
    await set_codes(simulation, interval=0)
    pauses: list[float] = []
    person = Person(simulation, ADMIN)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            await person.enter()

    client = await open_public_client(f"{simulation.origin}/{OWN}", GRAPH_COMMAND_LINE)
    await sign_in(client, [WRITE_APPLICATIONS], person.show, sleep)
    assert pauses == [1, 1, 1]


async def test_entra_is_polled_more_slowly_when_it_asks_for_it(simulation: Simulation) -> None:
    await set_codes(simulation, interval=3)
    pauses: list[float] = []
    person = Person(simulation, ADMIN)

    async def sleep(seconds: float) -> None:
        """Do not wait, so that Entra is asked too often; sign in after the second time."""
        pauses.append(seconds)
        if len(pauses) == 3:
            await set_codes(simulation, interval=1)
            await person.enter()

    client = await open_public_client(f"{simulation.origin}/{OWN}", GRAPH_COMMAND_LINE)
    with pytest.warns(UserWarning, match="too soon"):
        await sign_in(client, [WRITE_APPLICATIONS], person.show, sleep)
    assert pauses == [3, 3, 8]


async def test_a_poll_without_an_answer_is_repeated(simulation: Simulation) -> None:
    # Not with a 503: MSAL answers the same request from its cache for the next minute.
    await simulation.faults({"path": TOKEN, "times": 2, "disconnect": True})
    assert (await sign_in_admin(simulation, Person(simulation, ADMIN))).access_token
    statuses = [one["status"] for one in await simulation.asked(TOKEN)]
    assert statuses[:2] == [0, 0]
    assert statuses[-1] == 200


@pytest.mark.parametrize(
    ("path", "fault", "error"),
    [
        (DEVICE_CODE, {"status": 400, "body": {"error": "invalid_request"}}, "refuses"),
        (DEVICE_CODE, {"status": 200, "body": {"device_code": "x"}}, "does not make sense"),
        (DEVICE_CODE, {"status": 200, "body": []}, "does not make sense"),
        (TOKEN, {"status": 200, "body": {"access_token": "x"}}, "does not make sense"),
        (TOKEN, {"status": 400, "body": {"error_codes": [530036]}}, "Conditional Access"),
        (TOKEN, {"status": 400, "body": {"error": "expired_token"}}, "expired"),
    ],
)
async def test_any_answer_has_a_meaning(
    simulation: Simulation, path: str, fault: dict[str, Any], error: str
) -> None:
    await simulation.faults({"path": path, **fault})
    with pytest.raises(Exception, match=error):
        await sign_in_admin(simulation, Person(simulation, ADMIN))


async def test_a_truncated_answer_with_tokens_is_not_logged(
    simulation: Simulation, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    person = Person(simulation, ADMIN)

    async def sleep(_seconds: float) -> None:
        if not person.answers:
            await person.enter()
            await simulation.faults({"path": TOKEN, "truncate": True, "times": 1})

    client = await open_public_client(f"{simulation.origin}/{OWN}", GRAPH_COMMAND_LINE)
    with pytest.raises(MicrosoftRefused, match="start again"):
        await sign_in(client, [WRITE_APPLICATIONS], person.show, sleep)
    assert "access_token" not in caplog.text + "".join(capfd.readouterr())
