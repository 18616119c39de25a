from domain.identifiers import TenantId
from domain.msp import Msp
from domain.tenant import AppConsent, TenantStatus
from ops.customers import change_capabilities, consent_progress
from tests.fakes.storage import FakeMspStore
from tests.samples import CAUSE, CONTOSO, CUSTOMER, MSP, OTHER, OWN, tenant

FOURTH = TenantId("44444444-4444-4444-8444-444444444445")


async def test_the_progress_counts_the_customers_that_can_be_reached() -> None:
    refused = AppConsent(version="1", refused="customer_not_listed", advice="Add it.")
    store = FakeMspStore(
        MSP,
        tenant(OWN, is_own_msp_tenant=True),
        tenant(CUSTOMER, app_consent=AppConsent(version="2")),
        tenant(OTHER, app_consent=refused),
        tenant(FOURTH),
        tenant(TenantId(FOURTH[:-1] + "6"), status=TenantStatus.OFFBOARDED),
    )
    assert await consent_progress(store, CONTOSO) == {
        "requiredVersion": "2",
        "customers": 3,
        "consented": 1,
        "pending": 1,
        "refused": [
            {
                "tenantId": OTHER,
                "displayName": "Northwind Traders",
                "reason": "customer_not_listed",
            }
        ],
    }


async def test_other_capabilities_are_consented_to_again() -> None:
    store = FakeMspStore(MSP, tenant(CUSTOMER, app_consent=AppConsent(version="2")))
    assert await change_capabilities(store, CONTOSO, ["users", "users"], CAUSE) == ()
    assert await change_capabilities(store, CONTOSO, ["users"], CAUSE) == ("users",)
    assert store.actions(CONTOSO) == ["msp.capabilities_changed"]
    assert store.of_kind(Msp, CONTOSO)[0].value.app.capabilities == ("users",)
    progress = await consent_progress(store, CONTOSO)
    assert (progress["requiredVersion"], progress["pending"]) == ("2+users", 1)
