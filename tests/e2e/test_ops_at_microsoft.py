"""The commands that sign somebody in at Microsoft, as processes against the simulated Microsoft."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from adapters.identity import TokenSource
from adapters.secrets import FileSecrets
from adapters.tables.storage import Storage
from domain.identifiers import MspId
from domain.msp import Msp
from local.microsoft.certificates import key_and_certificate
from local.sample_data import CONTOSO, IDENTITY_CLIENT_ID, STRANGER
from ops.app_manifest import app_manifest, chosen_capabilities
from tests.simulation import CUSTOMER, OWN, Simulation

ADMIN, SERVICE = "admin@contoso.com", "service@contoso.com"
URI = "http://127.0.0.1:7071/consent/callback"


@dataclass(slots=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: list[str] = field(default_factory=list)

    @property
    def result(self) -> Any:
        assert self.status == 0, self.err
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The error: the last line; the ones before were shown to the person."""
        assert self.status == 1, self
        assert "Traceback" not in "".join(self.err)
        return self.err[-1]


@dataclass(slots=True)
class Operator:
    """Somebody at a terminal, with a browser beside it."""

    simulation: Simulation
    environment: dict[str, str]
    msp_id: MspId
    storage: Storage

    async def run(
        self, command: str, *options: str, account: str = "", action: str = "accept"
    ) -> Ended:
        """Run a command; enter the code that it shows, as an account."""
        process = await self.start(command, *options)
        ended = Ended(-1, "")
        assert process.stdout
        assert process.stderr
        while line := (await process.stderr.readline()).decode():
            ended.err.append(line.rstrip())
            if "enter the code" in line:
                await self.enter(line.rstrip().rpartition(" ")[2], account, action)
        ended.out = (await process.stdout.read()).decode()
        ended.status = await process.wait()
        return ended

    async def start(self, command: str, *options: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ops", command, *options),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def enter(self, code: str, account: str, action: str) -> None:
        form = {"code": code, "account": account, "action": action}
        url = f"{self.simulation.browser.microsoft}/devicelogin"
        async with self.simulation.browser.session.post(url, data=form) as response:
            assert response.status == 200, await response.text()

    async def register(self, *options: str, **person: str) -> Ended:
        chosen = {"account": ADMIN, **person}
        return await self.run("register-partner-app", f"--msp-id={self.msp_id}", *options, **chosen)

    async def sign_in(self, account: str, expected: str = SERVICE, **person: str) -> Ended:
        options = (f"--msp-id={self.msp_id}", f"--account={expected}")
        return await self.run("sign-in-service-account", *options, account=account, **person)

    async def msp(self) -> Msp:
        head = await self.storage.msps.head(self.msp_id)
        assert head
        return head.msp.value

    async def events(self) -> list[tuple[str, Any]]:
        page = await self.storage.msps.audit_events(self.msp_id, 100)
        return [(event.action, event.after) for event in reversed(page.items)][1:]


@pytest.fixture
async def operator(
    simulation: Simulation, azurite: str, secrets: FileSecrets, tokens: TokenSource
) -> AsyncIterator[Operator]:
    """An operator who has onboarded an MSP whose partner app is not registered yet."""
    environment = {
        **simulation.app_environment(azurite),
        "PATH": os.environ["PATH"],
        "CONSENT_REDIRECT_URI": URI,
        "AZURE_CLIENT_ID": IDENTITY_CLIENT_ID,
    }
    await secrets.set("new-certificate", key_and_certificate("Contoso MSP partner app"))
    control = simulation.browser.control
    await control("PUT", "/devicecodes", {"interval": 1})
    storage = Storage.connect(azurite)
    await storage.create_tables()
    one = Operator(simulation, environment, MspId(str(uuid4())), storage)
    await onboard(one, "--credential-secret=new-certificate")
    yield one
    await storage.close()
    await control("PUT", "/registrations", {"reset": True})
    await control("PUT", "/devicecodes", {"interval": 5})
    (simulation.run_dir / "secrets" / "signed-in").unlink(missing_ok=True)


async def onboard(operator: Operator, *credential: str) -> None:
    done = await operator.run(
        *("onboard-msp", f"--msp-id={operator.msp_id}", "--name=Contoso MSP", "--country=AU"),
        *("--abn=51824753556", "--tier=business", f"--partner-app-tenant-id={OWN}"),
        *("--service-account-secret=signed-in", f"--owner-tid={OWN}", f"--owner-oid={uuid4()}"),
        *("--owner-name=Adele Vance", *credential),
    )
    assert done.result == {"mspId": operator.msp_id}


async def test_an_msp_is_registered_and_its_service_account_signed_in(
    operator: Operator, simulation: Simulation, secrets: FileSecrets, tokens: TokenSource
) -> None:
    done = await operator.register("--capability=users")
    first = done.result
    assert first | {"changed": [], "clientId": "", "certificate": ""} == {
        "clientId": "",
        "registration": "created",
        "changed": [],
        "directoryRoles": ["User Administrator"],
        "capabilities": ["reading", "users"],
        "certificate": "",
        "signedIn": ADMIN,
    }
    assert (await operator.msp()).app.client_id == first["clientId"]
    again = await operator.register()  # with the capabilities that are recorded
    assert again.result | {"registration": "created"} == first | {
        "changed": [],
        "directoryRoles": [],
    }
    assert again.result["registration"] == "unchanged"

    await simulation.tenant(consented=True)
    signed_in = await operator.sign_in(SERVICE)
    assert signed_in.result == {"signedIn": SERVICE, "secret": "signed-in"}
    assert await tokens.app_token(await operator.msp(), OWN)
    await simulation.tenant(CUSTOMER, consented=True)
    assert await tokens.delegated_token(await operator.msp(), CUSTOMER)
    ((one, after), (two, who)) = await operator.events()
    assert (one, after["clientId"]) == ("msp.partner_app_registered", first["clientId"])
    assert (two, who["userName"]) == ("msp.service_account_signed_in", SERVICE)

    shown = "".join([part for run in (done, again, signed_in) for part in (run.out, *run.err)])
    stored = (await secrets.read("signed-in")).value
    for secret in (stored, "PRIVATE KEY", "eyJ"):
        assert secret not in shown
        assert secret not in json.dumps(await operator.events())


async def test_the_registration_has_the_chosen_permissions(
    operator: Operator, simulation: Simulation
) -> None:
    client_id = (await operator.register()).result["clientId"]
    known = await simulation.browser.control("GET", "/registrations")
    (made,) = [one for one in known["applications"] if one["appId"] == client_id]
    reading = app_manifest(chosen_capabilities([]))
    assert made["requiredResourceAccess"] == reading["requiredResourceAccess"]
    assert made["web"] == {"redirectUris": [URI]}


async def test_an_app_without_a_secret_trusts_the_managed_identity(operator: Operator) -> None:
    operator.msp_id = MspId(str(uuid4()))
    await onboard(operator, "--federated")
    result = (await operator.register()).result
    assert result["certificate"] is None
    assert "federatedIdentityCredentials" in result["changed"]
    with_certificate = (await operator.register("--credential-secret=new-certificate")).result
    assert with_certificate["changed"] == ["keyCredentials"]
    assert (await operator.msp()).app.credential is None


async def test_the_trust_can_be_added_before_it_is_used(operator: Operator) -> None:
    await operator.register()
    result = (await operator.register("--federated")).result
    assert result["changed"] == ["federatedIdentityCredentials"]
    assert (await operator.msp()).app.credential == "new-certificate"


async def test_a_secret_that_is_no_certificate_is_left_to_its_owner(operator: Operator) -> None:
    operator.msp_id = MspId(str(uuid4()))
    await onboard(operator, f"--credential-secret={CONTOSO.client_secret}")
    result = (await operator.register()).result
    assert (result["certificate"], "keyCredentials" in result["changed"]) == (None, False)


@pytest.mark.parametrize(
    ("account", "expected", "reason"),
    [
        (ADMIN, SERVICE, f"{ADMIN} signed in instead"),
        (f"guest@{STRANGER.domain}", f"guest@{STRANGER.domain}", "not an account of the MSP's own"),
        ("l1@contoso.com", "l1@contoso.com", "is a staff member"),
    ],
)
async def test_another_account_than_the_service_account_is_refused_and_nothing_stored(
    operator: Operator, simulation: Simulation, account: str, expected: str, reason: str
) -> None:
    await operator.register()
    await simulation.tenant(consented=True)
    staff = next(one for one in CONTOSO.staff if one.role == "l1")
    await operator.run(
        *("add-staff", f"--msp-id={operator.msp_id}", f"--tid={staff.tid}", f"--oid={staff.oid}"),
        *("--role=l1", "--name=Nestor Wilke"),
    )
    assert reason in (await operator.sign_in(account, expected)).error
    assert not (simulation.run_dir / "secrets" / "signed-in").exists()


async def test_nobody_signs_in_before_the_app_is_registered(operator: Operator) -> None:
    assert "not registered yet" in (await operator.sign_in(SERVICE)).error


async def test_a_declined_sign_in_changes_nothing(
    operator: Operator, simulation: Simulation
) -> None:
    assert (await operator.register(action="decline")).error == "The sign-in was declined."
    assert (await operator.msp()).app.client_id is None
    assert await simulation.asked("/v1.0/") == []


async def test_an_account_without_the_role_is_told_which_one_it_needs(
    operator: Operator, simulation: Simulation
) -> None:
    await simulation.faults({"path": "/v1.0/applications", "status": 403})
    error = (await operator.register()).error
    assert "Application Administrator" in error
    assert (await operator.msp()).app.client_id is None


async def test_a_missing_certificate_is_told_before_anybody_signs_in(
    operator: Operator, simulation: Simulation
) -> None:
    ended = await operator.register("--credential-secret=nothing")
    assert (len(ended.err), "missing or damaged" in ended.error) == (1, True)
    assert await simulation.asked("/devicecode") == []


async def test_an_operator_can_stop_waiting(operator: Operator) -> None:
    process = await operator.start("register-partner-app", f"--msp-id={operator.msp_id}")
    assert process.stderr
    lines = [(await process.stderr.readline()).decode() for _ in range(2)]
    assert "enter the code" in lines[1]
    process.send_signal(signal.SIGINT)
    rest = (await process.stderr.read()).decode()
    assert (await process.wait(), rest) == (1, "interrupted\n")
