import pytest

from ops.__main__ import main
from ops.credentials import change_credential
from tests.fakes.storage import FakeMspStore
from tests.samples import CAUSE, CONTOSO, FABRIKAM, MSP


async def test_an_msps_credential_is_exchanged_with_its_audit_event() -> None:
    store = FakeMspStore(MSP)
    for before, after in (("partner-app", None), (None, "another"), ("another", "another")):
        assert await change_credential(store, CONTOSO, after, CAUSE) == before
        head = await store.head(CONTOSO)
        assert head is not None
        assert head.msp.value.app.credential == after
    assert store.actions(CONTOSO) == ["msp.credential_changed"] * 2
    with pytest.raises(LookupError):
        await change_credential(store, FABRIKAM, None, CAUSE)


@pytest.mark.parametrize("options", [[], ["--federated", "--credential-secret", "name"]])
def test_a_credential_is_one_thing_or_the_other(options: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["change-credential", "--msp-id", CONTOSO, *options])
