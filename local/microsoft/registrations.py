"""App registrations and service principals, as an administrator sees and changes them in Graph.

https://learn.microsoft.com/graph/api/resources/application
"""

import base64
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from local import sample_data
from local.microsoft.answers import Refused
from local.microsoft.state import App, Microsoft, Trust

_NO_TRUST = Trust("", "")
_WRITABLE = {
    *("displayName", "signInAudience", "web", "isFallbackPublicClient"),
    *("requiredResourceAccess", "keyCredentials"),
}

type Document = dict[str, Any]


@dataclass(slots=True)
class Registration:
    """A registration.

    Args:
        unsettled: How many requests do not see it yet: Entra's replicas follow after a while.
    """

    tid: str
    document: Document
    trusts: list[Document] = field(default_factory=list)
    unsettled: int = 0


class Registrations:
    """The registrations, service principals and role assignments of all tenants."""

    def __init__(self, microsoft: Microsoft) -> None:
        self._microsoft = microsoft
        self.registrations: list[Registration] = []
        self.principals: dict[tuple[str, str], str] = {}  # tenant and client ID → object ID
        self.assignments: list[Document] = []
        self.unsettled = 0
        self._seeded: dict[str, App] = {}
        self.reset()

    def reset(self) -> None:
        """Return to the seed's registrations."""
        self._seeded = self._seeded or dict(self._microsoft.apps)
        self._microsoft.apps.clear()
        self._microsoft.apps.update(self._seeded)
        self.registrations = [_seeded(app) for app in self._seeded.values()]
        self.principals = {
            (app.home, app.client_id): sample_data.fixed_id(f"principal/{app.client_id}/{app.home}")
            for app in self._seeded.values()
        }
        identity = (sample_data.SERVICE_TENANT_ID, sample_data.IDENTITY_CLIENT_ID)
        self.principals[identity] = sample_data.IDENTITY_OBJECT_ID
        self.assignments.clear()
        self.unsettled = 0

    def find(self, tid: str, name: str, value: str) -> Registration | None:
        """Return the tenant's registration with this value of `id`, `appId` or `uniqueName`."""
        for one in self.registrations:
            if one.tid == tid and one.document.get(name) == value:
                if one.unsettled:
                    one.unsettled -= 1
                    return None
                return one
        return None

    def create(self, tid: str, body: Document) -> Registration:
        """Create a registration.

        Raises:
            Refused: 400 if another registration of the tenant has its `uniqueName`.
        """
        mark = body.get("uniqueName")
        if any(
            r.tid == tid and mark and r.document["uniqueName"] == mark for r in self.registrations
        ):
            message = "Another object with the same value for property uniqueName already exists."
            raise Refused(400, "Request_BadRequest", message)
        document = _new_document(str(uuid4()), body["displayName"], mark)
        made = Registration(tid, document, unsettled=self.unsettled)
        self.registrations.append(made)
        msp = next((m for m in sample_data.MSPS if m.own.tenant_id == tid), None)
        if msp is not None:
            client_id = document["appId"]
            app = App(client_id, tid, (), msp, secret=str(uuid4()), trust=_NO_TRUST)
            self._microsoft.apps[client_id] = app
        self.change(made, {k: v for k, v in body.items() if k not in ("uniqueName", "displayName")})
        return made

    def change(self, registration: Registration, body: Document) -> None:
        """Change properties of a registration.

        Raises:
            Refused: 400 for a property or a certificate that cannot be written so.
        """
        if unknown := body.keys() - _WRITABLE:
            raise Refused(400, "Request_BadRequest", f"Not writable: {sorted(unknown)}.")
        changed = dict(body)
        if "keyCredentials" in body:
            known = {one["keyId"]: one for one in registration.document["keyCredentials"]}
            changed["keyCredentials"] = [_certificate(one, known) for one in body["keyCredentials"]]
        registration.document |= changed
        self._follow(registration)

    def trust(self, registration: Registration, name: str, body: Document) -> bool:
        """Set the federated credential with a name; return whether it is new.

        Raises:
            Refused: 409 if another one has its issuer and subject.
        """
        others = [one for one in registration.trusts if one["name"] != name]
        pairs = {(one["issuer"], one["subject"]) for one in others}
        if (body["issuer"], body["subject"]) in pairs:
            message = "Issuer and subject must be unique on the application."
            raise Refused(409, "Request_MultipleObjectsWithSameKeyValue", message)
        is_new = len(others) == len(registration.trusts)
        registration.trusts = [*others, {"id": str(uuid4()), "name": name, **body}]
        self._follow(registration)
        return is_new

    def _follow(self, registration: Registration) -> None:
        """Let the registration's credentials authenticate the app."""
        document, trusts = registration.document, registration.trusts
        app = self._microsoft.apps.get(document["appId"])
        if app is None:
            return
        ders = [base64.b64decode(one["key"]) for one in document["keyCredentials"]]
        known = [Trust(one["issuer"], one["subject"], one["audiences"][0]) for one in trusts]
        self._microsoft.apps[app.client_id] = replace(
            app,
            certificates=tuple(map(x509.load_der_x509_certificate, ders)),
            trust=known[-1] if known else app.trust,
            is_public=bool(document["isFallbackPublicClient"]),
        )


def _seeded(app: App) -> Registration:
    document = _new_document(app.client_id, f"{app.msp.name} partner app", None)
    document["keyCredentials"] = [_stored(certificate) for certificate in app.certificates]
    return Registration(app.home, document)


def _stored(certificate: x509.Certificate) -> Document:
    return {
        "keyId": str(uuid4()),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "displayName": "a certificate that somebody has added",
        "key": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
        "startDateTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "endDateTime": certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _new_document(client_id: str, name: str, mark: str | None) -> Document:
    return {
        "id": str(uuid4()),
        "appId": client_id,
        "uniqueName": mark,
        "displayName": name,
        "signInAudience": "AzureADandPersonalMicrosoftAccount",
        "isFallbackPublicClient": None,
        "web": {"redirectUris": [], "homePageUrl": None, "logoutUrl": None},
        "requiredResourceAccess": [],
        "keyCredentials": [],
        "passwordCredentials": [],
    }


def _certificate(sent: Document, known: dict[str, Document]) -> Document:
    """Return a certificate as it is stored: a known one is named, a new one is sent whole.

    Raises:
        Refused: 400 for a known one with content, or a new one that cannot be read.
    """
    key_id = sent.get("keyId", "")
    if key_id in known and sent.get("key") is None:
        return known[key_id]
    if key_id in known:
        message = "Update to existing credential with KeyId is not allowed."
        raise Refused(400, "KeyCredentialsInvalidUpdate", message)
    try:
        x509.load_der_x509_certificate(base64.b64decode(sent["key"], validate=True))
    except (KeyError, TypeError, ValueError):
        raise Refused(400, "KeyCredentialsInvalidKey", "The certificate is not valid.") from None
    if (sent.get("type"), sent.get("usage")) != ("AsymmetricX509Cert", "Verify"):
        raise Refused(400, "KeyCredentialsInvalidType", "The type and the usage do not fit.")
    return dict(sent)
