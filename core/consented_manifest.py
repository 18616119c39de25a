"""Which version of the app's permissions an MSP has consented to."""

from dataclasses import replace

from core.capabilities import MANIFEST, MANIFEST_VERSION
from domain.ports.msp_store import TenantRecords
from domain.row_changes import Replace, RowChange
from domain.tenant import Organization


def note_permissions(records: TenantRecords, organization: Organization) -> tuple[RowChange, ...]:
    """Record whether the MSP's consent covers all permissions of the current manifest.

    If it does not, it is not a consent to the current manifest. It may be one to an earlier
    manifest, so an earlier version that is recorded is kept.
    """
    msp = records.head.msp
    version = msp.value.consented_manifest
    if organization.permissions >= MANIFEST:
        version = MANIFEST_VERSION
    elif version == MANIFEST_VERSION:
        version = None
    if version == msp.value.consented_manifest:
        return ()
    return (Replace(replace(msp.value, consented_manifest=version), msp.version),)
