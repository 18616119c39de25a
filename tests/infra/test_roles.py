"""Every role assignment is in a module's map, has the named role, and is needed by a call."""

import pytest

from tests.infra.bicep import MODULES, module, resources, variable
from tests.simulation import ROOT

ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
BUILT_IN = {
    "Communication and Email Service Owner": "09976791-48a7-449e-bb21-39d1a415f350",
    "Key Vault Secrets Officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Queue Data Contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}
# The calls that need a role, and the files that contain them.
NEEDED_BY = {
    "Communication and Email Service Owner": [("adapters/billing_emails.py", ".begin_send(")],
    "Key Vault Secrets Officer": [
        ("adapters/secrets.py", ".set_secret("),
        ("adapters/secrets.py", ".get_secret("),
        ("adapters/secrets.py", ".list_properties_of_secret_versions("),
    ],
    "Monitoring Metrics Publisher": [
        ("infra/modules/functionApp.bicep", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING:"),
        ("adapters/telemetry.py", "AzureMonitorMetricExporter(connection_string"),
    ],
    "Storage Blob Data Owner": [
        ("adapters/invoice_documents.py", ".upload_blob("),
        ("infra/modules/functionApp.bicep", "type: 'UserAssignedIdentity'"),
    ],
    "Storage Queue Data Contributor": [
        ("adapters/queues.py", ".send_message("),
        ("edge/triggers.py", '.queue_trigger("message"'),
    ],
    "Storage Table Data Contributor": [
        ("adapters/tables/access.py", ".create_entity("),
        ("adapters/tables/access.py", ".query_entities("),
    ],
}


def assigned() -> dict[str, str]:
    """Return every role that is assigned, with its ID."""
    roles: dict[str, str] = {}
    for name in MODULES:
        if "roles" in module(name).get("variables", {}):
            roles |= variable(name, "roles")
    return roles


def test_each_role_that_is_assigned_has_the_id_of_its_name() -> None:
    assert {name: BUILT_IN.get(name) for name in assigned()} == assigned()


def test_each_role_that_is_assigned_is_needed_and_each_that_is_needed_is_assigned() -> None:
    assert assigned().keys() == NEEDED_BY.keys()


@pytest.mark.parametrize("role", NEEDED_BY)
def test_the_calls_that_need_a_role_are_there(role: str) -> None:
    for path, call in NEEDED_BY[role]:
        assert call in (ROOT / path).read_text(), (path, call)


@pytest.mark.parametrize("name", MODULES)
def test_roles_are_assigned_by_the_map_alone_and_on_one_resource(name: str) -> None:
    found = resources(name, ASSIGNMENT)
    assert len(found) == ("roles" in module(name).get("variables", {}))
    own = {resource for resource in module(name).get("resources", {}) if resource not in found}
    for assignment in found.values():
        over = assignment["loop_type"]["detail"]["array_name"]["function"]
        assert (over["type"], over["parameters"]["arg_1"]) == ("items", "roles")
        assert assignment["config"]["scope"] in own
        assert assignment["config"]["properties"]["principalId"] == "principalId"
