"""Onboarding an MSP with its first owner."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stdnum.au import abn as australian_business_number

from core.staffing import claim_person
from domain.audit import SYSTEM, Cause
from domain.errors import ConcurrentChange, ForeignPerson, MalformedInput
from domain.gdap import OPTIONAL_ROLES, ROLES
from domain.identifiers import MspId, ObjectId, TenantId, parse_guid
from domain.msp import Msp, PartnerApp, SecurityGroup, Tier
from domain.ports.msp_store import MspStore
from domain.ports.staff_index import StaffIndex
from domain.roles import Role, StaffMember
from domain.row_changes import Insert

LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class Application:
    """An MSP as an operator enters it; no text is validated yet.

    Args:
        client_id: The partner app's client ID; None if it is registered later.
        credential: Name of a secret, or None for the service's managed identity.
        security_groups: Each an object ID, alone or followed by `=` and role names.
        optional_roles: Names of roles that customers are not asked for by default.
    """

    name: str
    country: str
    abn: str | None
    tier: str
    agreed_price_cents: int | None
    time_zone: str
    client_id: str | None
    app_tenant_id: str
    credential: str | None
    service_account: str
    security_groups: tuple[str, ...] = ()
    msp_id: str | None = None
    annual_prepay: bool = False
    billing_email: str | None = None
    optional_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """The first owner as an operator enters them."""

    tid: str
    oid: str
    name: str


def check(application: Application, now: datetime) -> Msp:
    """Return the MSP that an application describes.

    Raises:
        MalformedInput: A value is malformed; the error names its option.
    """
    optional = _optional_roles(application.optional_roles)
    groups = application.security_groups
    return Msp(
        msp_id=MspId(parse_guid(application.msp_id or str(uuid4()), "msp-id")),
        name=present(application.name, "name"),
        country=_country(application.country),
        abn=_abn(application.abn, application.country),
        tier=tier(application.tier),
        agreed_price_cents=agreed_price(application.tier, application.agreed_price_cents),
        annual_prepay=application.annual_prepay,
        time_zone=_zone(application.time_zone),
        onboarded_at=now,
        suspended_at=None,
        app=PartnerApp(
            client_id=_client_id(application.client_id),
            tenant_id=TenantId(parse_guid(application.app_tenant_id, "partner-app-tenant-id")),
            credential=credential_name(application.credential),
            service_account=_secret_name(application.service_account, "service-account-secret"),
            security_groups=tuple(security_group(text, optional) for text in groups),
            optional_roles=optional,
        ),
        owners=1,
        billing_email=email(application.billing_email),
    )


async def onboard(msps: MspStore, index: StaffIndex, msp: Msp, owner: Owner) -> None:
    """Store the MSP and its first owner in one transaction.

    Raises:
        MalformedInput: The owner's IDs are not GUIDs.
        ForeignPerson: The owner is staff of another MSP; the message says whether the MSP was
            already stored when this was detected.
        ConcurrentChange: There is an MSP with this ID already.
    """
    tid = TenantId(parse_guid(owner.tid, "owner-tid"))
    oid = ObjectId(parse_guid(owner.oid, "owner-oid"))
    member = StaffMember(msp.msp_id, tid, oid, Role.OWNER, present(owner.name, "owner-name"))
    if await msps.head(msp.msp_id) is not None:
        raise ConcurrentChange("There is an MSP of this ID already.")
    # A claim alone gives nobody access, so it may be written first. A claim that an onboarding
    # left when it crashed before its transaction is taken over.
    await claim_person(msps, index, member)
    event = Cause(SYSTEM, msp.onboarded_at, str(uuid4())).event(
        msp.msp_id, "msp.onboarded", after={"name": msp.name, "tier": str(msp.tier)}
    )
    msp = replace(msp, sign_in_tenants=(tid,))
    await msps.commit((Insert(msp), Insert(member), Insert(event)))
    # Before the row existed, the claim looked like one that a crash had left, and another MSP may
    # have taken it over.
    try:
        await claim_person(msps, index, member)
    except ForeignPerson:
        raise ForeignPerson(
            f"The MSP {msp.msp_id} is stored, but has no owner: remove it by delete-msp."
        ) from None


def present(text: str, option: str) -> str:
    """Return a name without surrounding blanks.

    Raises:
        MalformedInput: Nothing is left, or more than 256 characters are.
    """
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise MalformedInput(option, f"must have 1 to {LONGEST_NAME} characters")
    return name


def _client_id(text: str | None) -> str | None:
    return None if text is None else parse_guid(text, "partner-app-client-id")


def _country(text: str) -> str:
    if len(text) != 2 or not (text.isascii() and text.isalpha()):  # noqa: PLR2004  ISO 3166-1 alpha-2
        raise MalformedInput("country", "must be two letters (ISO 3166-1)")
    return text.upper()


def _abn(text: str | None, country: str) -> str | None:
    """Return the ABN's digits; an Australian MSP's invoices need one.

    https://abr.business.gov.au/Help/AbnFormat
    """
    if text is None and country.upper() != "AU":
        return None
    digits = australian_business_number.compact(text or "")
    if not australian_business_number.is_valid(digits):
        raise MalformedInput("abn", "must be a valid Australian Business Number")
    return digits


def tier(text: str) -> Tier:
    """Return the tier with a name.

    Raises:
        MalformedInput: There is no such tier.
    """
    try:
        return Tier(text)
    except ValueError:
        raise MalformedInput("tier", f"must be one of {', '.join(Tier)}") from None


def agreed_price(tier_name: str, price: int | None) -> int | None:
    """Return the agreed price in cents, which only Enterprise Plus has.

    Raises:
        MalformedInput: It is missing, not allowed for the tier, or negative.
    """
    if (tier_name == Tier.ENTERPRISE_PLUS) != (price is not None):
        raise MalformedInput("agreed-price", "is given for enterprise_plus, and only for it")
    if price is not None and price < 0:
        raise MalformedInput("agreed-price", "must not be negative")
    return price


def email(text: str | None) -> str | None:
    """Return an e-mail address if it has a valid form.

    Raises:
        MalformedInput: It has not.
    """
    if text is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise MalformedInput("billing-email", "must be an e-mail address")
    return text


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MalformedInput("time-zone", "must be an IANA time zone") from None


def _optional_roles(names: tuple[str, ...]) -> tuple[str, ...]:
    if not set(names) <= OPTIONAL_ROLES.keys():
        raise MalformedInput("role", f"may be {', '.join(OPTIONAL_ROLES)}")
    return tuple(sorted(set(names)))


def security_group(text: str, optional: tuple[str, ...] = ()) -> SecurityGroup:
    """Return the group that a text such as `<object ID>=Global Reader,Security Reader` names.

    Args:
        optional: The optional roles that customers are asked for.

    Raises:
        MalformedInput: The ID is not a GUID, or a role is not one that customers are asked for.
    """
    group_id, _, names = text.partition("=")
    every = (*ROLES, *optional)
    roles = tuple(name.strip() for name in names.split(",")) if names else every
    if not set(roles) <= set(every):
        raise MalformedInput("security-group", f"may have the roles {', '.join(every)}")
    return SecurityGroup(parse_guid(group_id, "security-group"), roles)


def credential_name(text: str | None) -> str | None:
    """Return the name of the secret with a credential, or None for the managed identity.

    Raises:
        MalformedInput: It is not a valid name of a secret.
    """
    return None if text is None else _secret_name(text, "credential-secret")


def _secret_name(text: str, option: str) -> str:
    if not text or not text.replace("-", "").isalnum():
        raise MalformedInput(option, "must be the name of a secret: letters, digits and dashes")
    return text
