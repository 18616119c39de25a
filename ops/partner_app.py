"""The partner app's registration: made or brought up to date, and recorded with its MSP."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.graph.registrations import Application, Registrations
from core.capabilities import READING, Capability
from core.transactions import decide_and_commit
from domain.audit import Cause
from domain.errors import ConcurrentChange, MicrosoftRefused
from domain.gdap import ROLES
from domain.identifiers import MspId
from domain.msp import Msp, PartnerApp
from domain.ports.msp_store import MspHead, MspStore
from domain.row_changes import Decision, Insert, Replace
from ops.command import head_of
from ops.registration import Wanted, changes, missing_trust, new_registration


@dataclass(frozen=True, slots=True)
class Identity:
    """The service's managed identity, which a registration may trust instead of a certificate.

    Args:
        authority: Microsoft Entra ID, without a tenant.
    """

    client_id: str
    authority: str


@dataclass(slots=True)
class Registered:
    """What was done.

    Args:
        changed: Names of the changed properties, as Graph has them.
        roles: The Entra roles that the service principal was given.
    """

    client_id: str
    created: bool
    changed: list[str] = field(default_factory=list)
    roles: list[str] = field(default_factory=list)

    @property
    def is_unchanged(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.created or self.changed or self.roles)


async def register(
    registrations: Registrations,
    msp: Msp,
    wanted: Wanted,
    identity: Identity | None,
    roles: Iterable[str] = (),
) -> Registered:
    """Make the registration of an MSP's partner app and its service principal, or mend them.

    Each step changes only what is missing, so it may be repeated from anywhere.

    Args:
        identity: The managed identity to trust, if the app has no certificate.
        roles: Names of Entra roles that the service principal needs.
    """
    application, created = await _application(registrations, msp)
    done = Registered(application["appId"], created)
    if different := changes(application, wanted):
        await registrations.change(application["id"], different)
        done.changed += sorted(different)
    if identity is not None:
        await _trust(registrations, application, msp, identity, done)
    principal, is_new = await registrations.find_or_create_principal(application["appId"])
    done.changed += ["servicePrincipal"] if is_new else []
    await _assign(registrations, principal, roles, done)
    return done


async def _application(registrations: Registrations, msp: Msp) -> tuple[Application, bool]:
    """Return the recorded registration, else the one with the MSP's mark, else a new one."""
    if msp.app.client_id is None:
        mark = f"manage365-{msp.msp_id}"
        return await registrations.find_or_create(mark, new_registration(msp.name))
    known = await registrations.find(msp.app.client_id)
    if known is None:
        raise MicrosoftRefused(
            "The MSP's tenant has no app registration with the recorded client ID: if it was"
            " deleted, restore it within 30 days."
        )
    return known, False


async def _trust(
    registrations: Registrations,
    application: Application,
    msp: Msp,
    identity: Identity,
    done: Registered,
) -> None:
    subject = await registrations.principal(identity.client_id)
    if subject is None:
        raise MicrosoftRefused(
            "The service's managed identity is of another tenant than the registration, so it"
            " cannot be trusted: use a certificate."
        )
    present = await registrations.trusts(application["id"])
    missing = missing_trust(present, identity.authority, msp.app.tenant_id, subject)
    if missing is not None:
        await registrations.trust(application["id"], missing)
        done.changed.append("federatedIdentityCredentials")


async def _assign(
    registrations: Registrations, principal: str, roles: Iterable[str], done: Registered
) -> None:
    needed = sorted(roles)
    held = await registrations.directory_roles(principal) if needed else set()
    for name in needed:
        if ROLES[name] not in held:
            await registrations.assign_directory_role(principal, ROLES[name])
            done.roles.append(name)


def directory_roles(chosen: Iterable[Capability]) -> set[str]:
    """Return the Entra roles that the app itself needs for some capabilities."""
    return {role for capability in chosen for role in capability.app_roles}


async def record(
    msps: MspStore, msp_id: MspId, done: Registered, capabilities: Sequence[str], cause: Cause
) -> None:
    """Record the client ID with the MSP, and what was changed in its audit log.

    Args:
        capabilities: Names of the capabilities to record; none to leave them as they are.

    Raises:
        NoSuchMsp: There is no such MSP.
        ConcurrentChange: Another registration was recorded meanwhile.
    """
    await decide_and_commit(
        lambda: head_of(msps, msp_id),
        lambda head: decide_registered(head, done, capabilities, cause),
        msps.commit,
    )


def decide_registered(
    head: MspHead, done: Registered, capabilities: Sequence[str], cause: Cause
) -> Decision[None]:
    """Decide to record a registration; one that is recorded and unchanged changes nothing."""
    msp, before = head.msp.value, head.msp.value.app
    if before.client_id not in (None, done.client_id):
        raise ConcurrentChange("Another registration was recorded for this MSP meanwhile.")
    chosen = tuple(sorted(set(capabilities) - {READING.name})) if capabilities else None
    after = replace(
        before,
        client_id=done.client_id,
        capabilities=before.capabilities if chosen is None else chosen,
    )
    if before == after and done.is_unchanged:
        return Decision(None)
    event = cause.event(
        msp.msp_id, "msp.partner_app_registered", before=_shown(before), after=_shown(after, done)
    )
    changed = Replace(replace(msp, app=after), head.msp.version)
    return Decision(None, (Insert(event),) if before == after else (changed, Insert(event)))


def _shown(app: PartnerApp, done: Registered | None = None) -> dict[str, Any]:
    """Return the public fields of an app for its audit event, with what was done at Microsoft."""
    shown = {"clientId": app.client_id, "capabilities": list(app.capabilities)}
    if done is None:
        return shown
    return {
        **shown,
        "created": done.created,
        "changed": done.changed,
        "directoryRoles": done.roles,
    }
