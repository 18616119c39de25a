"""What customers' tenants consent to: the delegated permissions of the MSP's capabilities."""

from dataclasses import dataclass

from core.capabilities import CAPABILITIES, MANIFEST_VERSION, READING, delegated_permissions
from domain.msp import PartnerApp


@dataclass(frozen=True, slots=True)
class CustomerGrants:
    """Delegated permissions of Microsoft Graph, and a text that changes when they change."""

    version: str
    scopes: frozenset[str]


def customer_grants(app: PartnerApp) -> CustomerGrants:
    """Return what the customers of an MSP consent to; a capability of a later release is ignored.

    The version is that of the manifest, such as `2`, with the capabilities that the MSP has chosen
    besides reading, such as `2+users`.
    """
    known = CAPABILITIES.keys() - {READING.name}
    names = sorted(known.intersection(app.capabilities))
    scopes = delegated_permissions(CAPABILITIES[name] for name in names)
    return CustomerGrants("+".join([str(MANIFEST_VERSION), *names]), scopes)
