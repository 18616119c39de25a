"""The operator commands that sign somebody in at Microsoft, by device code."""

import argparse
import sys
from dataclasses import replace
from typing import Any
from uuid import uuid4

from adapters.clock import SystemClock
from adapters.credentials import Credentials
from adapters.device_sign_in import Account, SignedIn, sign_in
from adapters.graph.answers import GraphError
from adapters.graph.client import GraphClient
from adapters.graph.registrations import Document, Registrations
from adapters.msal_clients import open_client, open_public_client
from adapters.queues import StorageQueues
from adapters.tables.storage import Storage
from core.capabilities import Capability
from domain.audit import SYSTEM, Cause
from domain.errors import MicrosoftRefused, MicrosoftUnavailable
from domain.identifiers import MspId, parse_guid
from domain.msp import Msp, PartnerApp
from domain.ports.staff_index import StaffIndex
from domain.row_changes import Insert
from ops.app_manifest import add_capability_option, app_manifest, chosen_capabilities
from ops.command import ask, head_of
from ops.credentials import add_credential_options
from ops.onboarding import credential_name
from ops.partner_app import Identity, Registered, directory_roles, record, register
from ops.registration import Wanted, key_credential
from settings import OperatorSettings, SettingMissing
from wiring.services import open_credentials

# Microsoft Graph Command Line Tools: Microsoft's own public client, to which an administrator
# signs in before there is a registration of ours.
# https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
GRAPH_COMMAND_LINE = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
_REGISTER = "Application.ReadWrite.All"
_ASSIGN_ROLES = "RoleManagement.ReadWrite.Directory"


def add_microsoft_commands(commands: Any) -> None:
    """Add the commands to the parser."""
    app = commands.add_parser(
        "register-partner-app",
        help="make an MSP's partner app registration, or bring it up to date; may be repeated",
    )
    app.set_defaults(command=_register_partner_app)
    account = commands.add_parser(
        "sign-in-service-account", help="sign in an MSP's service account, and store its token"
    )
    account.set_defaults(command=_sign_in_service_account)
    app.add_argument("--msp-id", required=True)
    add_credential_options(app, required=False)
    add_capability_option(app)
    account.add_argument("--msp-id", required=True)
    account.add_argument(
        "--credential-secret", metavar="NAME", help="another certificate of the app than its own"
    )
    account.add_argument("--account", help="the account's user name; prompted for if omitted")


async def _register_partner_app(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    settings, msp = OperatorSettings.from_environment(), await _msp(options, storage)
    chosen = chosen_capabilities(options.capability or msp.app.capabilities)
    app = replace(msp.app, credential=None) if options.federated else _chosen_app(msp, options)
    credentials = open_credentials(settings)
    certificate, identity = await _certificate(credentials, app), _identity(app, settings)
    access = app_manifest(chosen)["requiredResourceAccess"]
    wanted = Wanted(settings.consent_redirect_uri, access, certificate)
    signed_in = await _sign_in_administrator(settings, msp, chosen)
    graph = GraphClient(settings.graph_endpoint)
    try:
        registrations = Registrations(graph, signed_in.access_token)
        done = await register(registrations, msp, wanted, identity, directory_roles(chosen))
    except GraphError as error:
        raise _refusal(error) from None
    finally:
        await graph.close()
    await record(storage.msps, msp.msp_id, done, options.capability, _cause())
    return _report(done, chosen, signed_in.account, certificate)


async def _msp(options: argparse.Namespace, storage: Storage) -> Msp:
    msp_id = MspId(parse_guid(options.msp_id, "msp-id"))
    return (await head_of(storage.msps, msp_id)).msp.value


def _chosen_app(msp: Msp, options: argparse.Namespace) -> PartnerApp:
    """Return the app with the credential that the command names, if it names one."""
    name = credential_name(options.credential_secret)
    return msp.app if name is None else replace(msp.app, credential=name)


async def _certificate(credentials: Credentials, app: PartnerApp) -> Document | None:
    """Return the app's certificate, or None if it authenticates in another way."""
    if app.credential is None:
        return None
    found = (await credentials.get(app)).msal
    return None if isinstance(found, str) else key_credential(found["public_certificate"])


def _identity(app: PartnerApp, settings: OperatorSettings) -> Identity | None:
    """Return the managed identity that the app trusts, if it has no secret."""
    if app.credential is not None:
        return None
    if settings.azure_client_id is None:
        raise SettingMissing("set AZURE_CLIENT_ID")
    return Identity(settings.azure_client_id, settings.entra_authority)


async def _sign_in_administrator(
    settings: OperatorSettings, msp: Msp, chosen: list[Capability]
) -> SignedIn:
    names = [_REGISTER, *([_ASSIGN_ROLES] if directory_roles(chosen) else [])]
    scopes = [f"{settings.graph_endpoint}/{name}" for name in names]
    authority = f"{settings.entra_authority}/{msp.app.tenant_id}"
    client = await open_public_client(authority, GRAPH_COMMAND_LINE)
    _show(f"Sign in as an administrator of {msp.name}'s own tenant.")
    signed_in = await sign_in(client, scopes, _show)
    if signed_in.account.tenant_id != msp.app.tenant_id:
        raise MicrosoftRefused(f"{signed_in.account.user_name} signed in to another tenant.")
    return signed_in


def _refusal(error: GraphError) -> Exception:
    if error.is_denied:
        return MicrosoftRefused(
            f"{error}: the account needs the role Application Administrator, and to give the app an"
            " Entra role also Privileged Role Administrator."
        )
    if error.is_passing:
        return MicrosoftUnavailable(f"{error}: run the command again.")
    return MicrosoftRefused(f"{error}.")


def _report(
    done: Registered, chosen: list[Capability], account: Account, certificate: Document | None
) -> dict[str, Any]:
    return {
        "clientId": done.client_id,
        "registration": _word(done),
        "changed": done.changed,
        "directoryRoles": done.roles,
        "capabilities": [capability.name for capability in chosen],
        "certificate": certificate and certificate["keyId"],
        "signedIn": account.user_name,
    }


def _word(done: Registered) -> str:
    if done.created:
        return "created"
    return "unchanged" if done.is_unchanged else "changed"


async def _sign_in_service_account(
    options: argparse.Namespace, storage: Storage, _queues: StorageQueues
) -> dict[str, Any]:
    settings = OperatorSettings.from_environment()
    msp = await _msp(options, storage)
    if msp.app.client_id is None:
        raise MicrosoftRefused("The MSP's partner app is not registered yet.")
    expected = options.account or await ask("User name of the service account: ", "account")
    credentials = open_credentials(settings)
    credential = await credentials.get(_chosen_app(msp, options))
    authority = f"{settings.entra_authority}/{msp.app.tenant_id}"
    client = await open_client(authority, msp.app.client_id, credential)
    _show(f"Sign in as {expected}.")
    signed_in = await sign_in(client, [f"{settings.graph_endpoint}/.default"], _show)
    await check_service_account(signed_in.account, expected, msp, storage.staff_index)
    if signed_in.refresh_token is None:
        raise MicrosoftRefused("Microsoft Identity gave no refresh token.")
    await credentials.secrets.set(msp.app.service_account, signed_in.refresh_token)
    await storage.msps.commit((Insert(_signed_in_event(msp, signed_in.account)),))
    return {"signedIn": signed_in.account.user_name, "secret": msp.app.service_account}


async def check_service_account(
    account: Account, expected: str, msp: Msp, staff: StaffIndex
) -> None:
    """Refuse an account that is not the expected one, or is not the MSP's own.

    A browser that is signed in already may offer the operator's or an owner's account.

    Raises:
        MicrosoftRefused: The text says who signed in.
    """
    name, tid = account.user_name, msp.app.tenant_id
    if name.casefold() != expected.strip().casefold():
        raise MicrosoftRefused(f"{name} signed in instead: nothing was stored.")
    if (account.tenant_id, account.home_tenant_id) != (tid, tid):
        raise MicrosoftRefused(f"{name} is not an account of the MSP's own tenant.")
    if await staff.msp_of(account.tenant_id, account.object_id) is not None:
        raise MicrosoftRefused(f"{name} is a staff member: use an account that nobody works with.")


def _signed_in_event(msp: Msp, account: Account) -> Any:
    after = {"userName": account.user_name, "oid": account.object_id}
    return _cause().event(msp.msp_id, "msp.service_account_signed_in", after=after)


def _cause() -> Cause:
    return Cause(SYSTEM, SystemClock().now(), str(uuid4()))


def _show(text: str) -> None:
    """Show a text to the person at the terminal; the result alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
