"""Security properties that must not change by mistake; checkov checks only some of them."""

from typing import Any

from tests.infra.bicep import MODULES, read, resources


def properties(module_name: str, kind: str) -> dict[str, Any]:
    """Return the properties of a module's only resource of a type."""
    (config,) = resources(module_name, kind).values()
    return dict(config["properties"])


def test_storage_takes_entra_tokens_alone_over_tls() -> None:
    account = properties("storage", "Microsoft.Storage/storageAccounts")
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert account["supportsHttpsTrafficOnly"] is True
    assert account["minimumTlsVersion"] == "TLS1_2"


def test_blobs_come_back_from_deletion_and_from_any_point_of_the_last_weeks() -> None:
    blobs = properties("storage", "Microsoft.Storage/storageAccounts/blobServices")
    assert blobs["isVersioningEnabled"] is True
    assert blobs["containerDeleteRetentionPolicy"]["enabled"] is True
    days = blobs["restorePolicy"]["days"]
    # https://learn.microsoft.com/azure/storage/blobs/point-in-time-restore-overview
    assert blobs["restorePolicy"]["enabled"] is blobs["deleteRetentionPolicy"]["enabled"] is True
    assert days < blobs["deleteRetentionPolicy"]["days"]
    assert days < blobs["changeFeed"]["retentionInDays"]


def test_secrets_are_governed_by_roles_and_cannot_be_purged() -> None:
    vault = properties("keyVault", "Microsoft.KeyVault/vaults")
    assert vault["enableRbacAuthorization"] is True
    assert vault["enableSoftDelete"] is True
    assert vault["enablePurgeProtection"] is True


def test_telemetry_takes_entra_tokens_alone() -> None:
    assert properties("monitoring", "Microsoft.Insights/components")["DisableLocalAuth"] is True
    workspace = properties("monitoring", "Microsoft.OperationalInsights/workspaces")
    assert workspace["features"]["disableLocalAuth"] is True


def test_the_app_is_reached_over_tls_and_published_without_a_password() -> None:
    app = properties("functionApp", "Microsoft.Web/sites")
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["minTlsVersion"] == "1.2"
    assert app["siteConfig"]["cors"] == {
        "allowedOrigins": ["portalOrigin"],
        "supportCredentials": False,
    }
    assert app["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.13"}
    doors = resources("functionApp", "Microsoft.Web/sites/basicPublishingCredentialsPolicies")
    assert {door["name"] for door in doors.values()} == {"ftp", "scm"}
    assert all(door["properties"]["allow"] is False for door in doors.values())


def test_every_module_is_deployed() -> None:
    assert read("main.bicep")["modules"].keys() == set(MODULES)
