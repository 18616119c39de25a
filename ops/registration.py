"""What a partner app registration should be, and what has to change for it.

A change names only the properties that differ. What somebody else has added stays: other redirect
URIs, other certificates, permissions for other resources.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from adapters.graph.registrations import Access, Application, Document, Trust

# People of any organisation, and no personal accounts.
_AUDIENCE = "AzureADMultipleOrgs"
# Entra takes the tokens of a managed identity for this audience only.
# https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
_EXCHANGE = "api://AzureADTokenExchange"
_TRUST_NAME = "manage365"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a registration should be.

    Args:
        redirect_uri: Where consent returns to.
        access: The permissions, as `requiredResourceAccess`.
        certificate: The certificate as a `keyCredential`, if the app has one.
    """

    redirect_uri: str
    access: list[Access]
    certificate: Document | None


def new_registration(msp_name: str) -> Document:
    """Return the properties with which a registration is created."""
    return {"displayName": f"{msp_name} partner app", "signInAudience": _AUDIENCE}


def key_credential(pem: str) -> Document:
    """Return a certificate in the form that Graph takes.

    Its `keyId` follows from the certificate, so that adding it twice is noticed.

    https://learn.microsoft.com/graph/api/resources/keycredential
    """
    certificate = load_pem_x509_certificate(pem.encode())
    return {
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "displayName": "Manage365",
        "keyId": str(UUID(bytes=certificate.fingerprint(SHA256())[:16])),
        "key": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
        "startDateTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endDateTime": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def changes(present: Application, wanted: Wanted) -> Document:
    """Return the properties to change with their new values; none if all is as it should be."""
    changed: Document = {}
    if present.get("signInAudience") != _AUDIENCE:
        changed["signInAudience"] = _AUDIENCE
    if present.get("isFallbackPublicClient"):
        # Entra would refuse the app's credential with the service account's refresh token.
        changed["isFallbackPublicClient"] = False
    uris = (present.get("web") or {}).get("redirectUris", [])
    if wanted.redirect_uri not in uris:
        changed["web"] = {"redirectUris": [*uris, wanted.redirect_uri]}
    return changed | _access(present, wanted.access) | _certificates(present, wanted.certificate)


def _access(present: Application, wanted: list[Access]) -> Document:
    """Return the permissions, if those for one of the wanted resources differ."""
    known = present.get("requiredResourceAccess", [])
    ours = {access["resourceAppId"] for access in wanted}
    if _permissions(a for a in known if a["resourceAppId"] in ours) == _permissions(wanted):
        return {}
    others = [access for access in known if access["resourceAppId"] not in ours]
    return {"requiredResourceAccess": [*others, *wanted]}


def _permissions(accesses: Iterable[Access]) -> set[tuple[str, str, str]]:
    return {
        (access["resourceAppId"], one["id"], one["type"])
        for access in accesses
        for one in access["resourceAccess"]
    }


def _certificates(present: Application, wanted: Document | None) -> Document:
    """Return all certificates, if the wanted one is not among them.

    The list replaces the stored one. A known certificate is kept by its `keyId`; Graph refuses one
    that is sent with its content again.
    """
    known = present.get("keyCredentials", [])
    if wanted is None or any(_is_same(one, wanted) for one in known):
        return {}
    kept = [{name: value for name, value in one.items() if name != "key"} for one in known]
    return {"keyCredentials": [*kept, wanted]}


def _is_same(known: Document, wanted: Document) -> bool:
    return any(known.get(name) == wanted[name] for name in ("keyId", "key"))


def missing_trust(present: Iterable[Trust], authority: str, tid: str, subject: str) -> Trust | None:
    """Return the federated credential for a managed identity, or None if it is there.

    Args:
        authority: Microsoft Entra ID, without a tenant.
        tid: The tenant of both the registration and the identity.
        subject: The object ID of the identity's service principal.
    """
    issuer = f"{authority}/{tid}/v2.0"
    if any((one["issuer"], one.get("subject")) == (issuer, subject) for one in present):
        return None
    return Trust(name=_TRUST_NAME, issuer=issuer, subject=subject, audiences=[_EXCHANGE])
