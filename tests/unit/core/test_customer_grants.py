from dataclasses import replace

from core.capabilities import MANAGING_USERS, MANIFEST_VERSION, READING
from core.customer_grants import customer_grants
from tests.samples import MSP


def test_customers_consent_to_reading_by_default() -> None:
    grants = customer_grants(MSP.app)
    assert (grants.version, grants.scopes) == (f"{MANIFEST_VERSION}", READING.delegated)


def test_a_chosen_capability_changes_the_version_and_an_unknown_one_is_ignored() -> None:
    app = replace(MSP.app, capabilities=("users", "of a later release"))
    grants = customer_grants(app)
    assert grants.version == f"{MANIFEST_VERSION}+users"
    assert grants.scopes == READING.delegated | MANAGING_USERS.delegated
