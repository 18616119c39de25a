"""Tables, queues, containers and metrics have the names that the code uses."""

import re

from adapters.invoice_documents import CONTAINER
from adapters.tables.storage import NAMES
from domain.work_queues import WORK_QUEUES
from tests.infra.bicep import INFRA, read, variable
from tests.simulation import ROOT

AREAS = ("billing", "consent", "edge", "sync", "tenants")


def test_the_tables_are_the_codes() -> None:
    tables = variable("storage", "tables")
    assert sorted(tables) == sorted(NAMES)


def test_the_queues_are_the_codes_each_with_its_poison_queue() -> None:
    named = {queue.name + suffix for queue in WORK_QUEUES for suffix in ("", "-poison")}
    queues = variable("storage", "queues")
    assert sorted(queues) == sorted(named)


def test_the_containers_are_the_invoices_and_the_packages() -> None:
    assert variable("storage", "containers") == [CONTAINER, "packageContainer"]


def test_the_names_of_account_and_vault_are_of_azures_form() -> None:
    """They are globally unique, so they contain the group's 13 letters and digits."""
    modules = read("main.bicep")["modules"]
    for environment in ("dev", "prod"):
        account, vault = (
            modules[module]["config"]["params"]["name"]
            .replace("${environmentName}", environment)
            .replace("${suffix}", "abcdefghij234")
            for module in ("storage", "keyVault")
        )
        assert re.fullmatch(r"[a-z0-9]{3,24}", account)
        assert re.fullmatch(r"[a-z][a-z0-9-]{1,22}[a-z0-9]", vault)


def test_alerts_ask_for_what_is_measured() -> None:
    code = "".join(path.read_text() for area in AREAS for path in (ROOT / area).glob("*.py"))
    counted = {f"manage365.{name}" for name in re.findall(r'\bcount\("([\w.]+)"', code)}
    queries = " ".join(rule["query"] for rule in variable("alerts", "rules"))
    asked = set(re.findall(r"'(manage365\.[\w.]+)'", queries))
    assert len(asked) == 3
    assert asked <= counted


def test_alerts_count_requests_and_not_the_rows_that_sampling_leaves() -> None:
    queries = [rule["query"] for rule in variable("alerts", "rules")]
    (query,) = (text for text in queries if "requests" in text)
    assert "sumif(itemCount" in query
    assert "sum(itemCount)" in query
    assert not re.search(r"\bcount(if)?\(", query)


def test_there_is_an_alert_for_each_trouble() -> None:
    assert [rule["name"] for rule in variable("alerts", "rules")] == [
        "failed-syncs",
        "poison-messages",
        "invoice-run-missing",
        "server-errors",
    ]


def test_every_policy_that_is_skipped_has_its_reason() -> None:
    skips = [
        line
        for path in INFRA.rglob("*.bicep")
        for line in path.read_text().splitlines()
        if "checkov:skip" in line
    ]
    assert skips
    assert all(re.search(r"// checkov:skip=CKV\d?_AZURE_\d+: \w.{5,}", line) for line in skips)
