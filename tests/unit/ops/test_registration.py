from typing import Any

from adapters.graph.registrations import Access, Application, Permission, Trust
from local.microsoft.certificates import key_and_certificate
from ops.registration import Wanted, changes, key_credential, missing_trust

GRAPH = "00000003-0000-0000-c000-000000000000"
OTHER = "00000002-0000-0ff1-ce00-000000000000"
URI = "https://api.contoso.com/consent/callback"
READ, WRITE = "df021288-bdef-4463-88db-98f22de89214", "3011c876-62b7-4ada-afa2-506cbbecc68c"
CERTIFICATE = key_credential(key_and_certificate("Contoso MSP"))


def access(resource: str, *roles: str) -> Access:
    permissions = [Permission(id=role, type="Role") for role in roles]
    return Access(resourceAppId=resource, resourceAccess=permissions)


WANTED = Wanted(URI, [access(GRAPH, READ)], CERTIFICATE)


def present(**properties: Any) -> Application:
    good: Any = {
        "id": "o",
        "appId": "a",
        "signInAudience": "AzureADMultipleOrgs",
        "web": {"redirectUris": [URI]},
        "requiredResourceAccess": [access(GRAPH, READ)],
        "keyCredentials": [CERTIFICATE],
    }
    changed: Application = good | properties
    return changed


def test_a_registration_that_is_as_it_should_be_is_not_changed() -> None:
    assert changes(present(), WANTED) == {}
    assert changes(present(isFallbackPublicClient=None), WANTED) == {}


def test_a_new_registration_gets_everything() -> None:
    empty: Any = {"id": "o", "appId": "a", "signInAudience": "AzureADMyOrg", "web": None}
    assert changes(empty, WANTED) == {
        "signInAudience": "AzureADMultipleOrgs",
        "web": {"redirectUris": [URI]},
        "requiredResourceAccess": [access(GRAPH, READ)],
        "keyCredentials": [CERTIFICATE],
    }


def test_a_public_client_becomes_confidential() -> None:
    different = changes(present(isFallbackPublicClient=True), WANTED)
    assert different == {"isFallbackPublicClient": False}


def test_other_redirect_uris_stay() -> None:
    uris = ["https://another.contoso.com"]
    different = changes(present(web={"redirectUris": uris}), WANTED)
    assert different == {"web": {"redirectUris": [*uris, URI]}}


def test_permissions_are_exactly_the_wanted_ones_and_those_of_other_resources_stay() -> None:
    others = access(OTHER, WRITE)
    known = [others, access(GRAPH, READ, WRITE)]
    different = changes(present(requiredResourceAccess=known), WANTED)
    assert different == {"requiredResourceAccess": [others, access(GRAPH, READ)]}
    again = different["requiredResourceAccess"]
    assert changes(present(requiredResourceAccess=again), WANTED) == {}


def test_other_certificates_stay_by_their_id_without_content() -> None:
    older = key_credential(key_and_certificate("Contoso MSP"))
    different = changes(present(keyCredentials=[older]), WANTED)
    kept = {name: value for name, value in older.items() if name != "key"}
    assert different == {"keyCredentials": [kept, CERTIFICATE]}


def test_a_certificate_that_somebody_has_added_by_hand_is_recognised() -> None:
    by_hand = CERTIFICATE | {"keyId": "another", "displayName": "by hand"}
    assert changes(present(keyCredentials=[by_hand]), WANTED) == {}
    without_content = CERTIFICATE | {"key": None}
    assert changes(present(keyCredentials=[without_content]), WANTED) == {}


def test_an_app_without_a_certificate_keeps_those_that_it_has() -> None:
    assert changes(present(), Wanted(URI, WANTED.access, None)) == {}


def test_a_key_credential_has_no_private_key() -> None:
    pem = key_and_certificate("Contoso MSP")
    credential = key_credential(pem)
    assert credential["keyId"] == key_credential(pem)["keyId"] != CERTIFICATE["keyId"]
    assert credential.keys() == {
        *("type", "usage", "displayName", "keyId", "key", "startDateTime", "endDateTime")
    }
    private = pem.partition("-----BEGIN CERTIFICATE")[0].replace("\n", "")[40:100]
    assert private not in str(credential)


def test_a_managed_identity_is_trusted_once() -> None:
    missing = missing_trust([], "https://login.example", "t", "subject")
    assert missing == Trust(
        name="manage365",
        issuer="https://login.example/t/v2.0",
        subject="subject",
        audiences=["api://AzureADTokenExchange"],
    )
    by_hand = missing | {"name": "another"}
    other: Any = missing | {"subject": "another"}
    assert missing_trust([other, by_hand], "https://login.example", "t", "subject") is None
    assert missing_trust([other], "https://login.example", "t", "subject") == missing
