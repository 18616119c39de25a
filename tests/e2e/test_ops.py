"""`python -m ops`: every command and option, with any input that an operator may type."""

import os
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ops.__main__ import main

ROOT = Path(__file__).parents[2]
ID = str(uuid4())
COMMANDS: dict[str, dict[str, str]] = {
    "onboard-msp": {
        "name": "Contoso MSP",
        "country": "AU",
        "tier": "enterprise_plus",
        "agreed-price": "21.50",
        "abn": "51824753556",
        "time-zone": "Australia/Sydney",
        "msp-id": ID,
        "billing-email": "accounts@contoso.com",
        "security-group": ID,
        "role": "Privileged Authentication Administrator",
        "partner-app-client-id": ID,
        "partner-app-tenant-id": ID,
        "credential-secret": "partner-app",
        "service-account-secret": "service-account",
        "owner-tid": ID,
        "owner-oid": ID,
        "owner-name": "Adele Vance",
    },
    "add-sign-in-tenant": {"msp-id": ID, "tid": str(uuid4())},
    "add-staff": {"msp-id": ID, "tid": ID, "oid": str(uuid4()), "role": "l2", "name": "Nestor"},
    "change-credential": {"msp-id": ID, "credential-secret": "another"},
    "change-capabilities": {"msp-id": ID, "capability": "users"},
    "customer-consents": {"msp-id": ID},
    "register-partner-app": {"msp-id": ID, "capability": "users", "credential-secret": "another"},
    "sign-in-service-account": {
        "msp-id": ID,
        "account": "service@contoso.com",
        "credential-secret": "another",
    },
    "change-terms": {"msp-id": ID, "tier": "enterprise_plus", "agreed-price": "9.90"},
    "mark-paid": {"msp-id": ID, "number": "M365-INV-0001"},
    "reconcile": {"month": "2026-10", "msp-id": ID},
    "delete-msp": {"msp-id": ID, "name": "another name"},
    "export": {"to": "backup"},
    "import": {"from": "backup"},
    "create-storage": {},
    "app-manifest": {"capability": "users"},
}
ODD = ["", " ", "x", "1e9", "-1", "NaN", "1e999999", "a/b\\c#d?", "\udcff", "\x00", "é" * 5000,
       "0000-00", "9999-12", "../../etc/passwd", "{0}", "%s"]  # fmt: skip


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Run a command in this process; return its exit status, output and error output."""
    capsys.readouterr()
    try:
        status = main(list(arguments))
    except SystemExit as ended:  # argparse exits
        status = int(ended.code or 0)
    printed = capsys.readouterr()
    return status, printed.out, printed.err


def typed(command: str, **changes: str) -> list[str]:
    """Return a command with all its options."""
    options = COMMANDS[command] | {name.replace("_", "-"): text for name, text in changes.items()}
    return [command, *(f"--{name}={text}" for name, text in options.items())]


@pytest.fixture
def in_storage(
    azurite: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORAGE_CONNECTION_STRING", azurite)
    assert run("create-storage", capsys=capsys)[0] == 0
    run(*typed("onboard-msp"), capsys=capsys)


def test_every_command_is_covered(capsys: pytest.CaptureFixture[str]) -> None:
    _status, out, _err = run("--help", capsys=capsys)
    listed = out.partition("{")[2].partition("}")[0].replace("\n", "").replace(" ", "").split(",")
    assert set(listed) == set(COMMANDS)


@pytest.mark.usefixtures("in_storage")
@pytest.mark.parametrize(
    ("command", "option"),
    [(command, option) for command, options in COMMANDS.items() for option in options],
)
def test_an_odd_option_is_one_line_and_no_traceback(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = 0
    for text in ODD:
        status, _out, err = run(*typed(command, **{option: text}), capsys=capsys)
        assert status in (0, 1, 2), (text, status)
        assert len(err.splitlines()) <= 1, err
        if status == 2:
            assert err.strip(), text
        refused += status == 2
    assert refused, "no odd text is refused as malformed"


@pytest.mark.usefixtures("in_storage")
@pytest.mark.parametrize("command", ["onboard-msp", "change-terms"])
@pytest.mark.parametrize("price", ["1e9", "100000.01", "-1", "1.234"])
def test_a_price_out_of_bounds_is_told_by_its_option(
    command: str, price: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _out, err = run(*typed(command, agreed_price=price), capsys=capsys)
    assert (status, err.split()[0]) == (2, "--agreed-price")


@pytest.mark.usefixtures("in_storage")
@pytest.mark.parametrize(("command", "option"), [("export", "to"), ("import", "from")])
def test_a_path_that_cannot_be_used_is_told(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a file").write_text("x")
    status, _out, err = run(*typed(command, **{option: "a file/backup"}), capsys=capsys)
    assert status == 2
    assert "a file" in err or f"--{option}" in err


@pytest.mark.parametrize("value", [None, "", "not a connection string", "AccountName=x"])
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"app-manifest"}))
def test_a_setting_that_is_missing_is_told(
    command: str,
    value: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("STORAGE_CONNECTION_STRING", raising=False)
    if value is not None:
        monkeypatch.setenv("STORAGE_CONNECTION_STRING", value)
    status, out, err = run(*typed(command), capsys=capsys)
    assert (status, out) == (2, "")
    assert "STORAGE_CONNECTION_STRING" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["add-staff"],
        ["delete-msp", "--msp-id"],
        ["reconcile", "--unknown=x"],
        ["change-credential", "--msp-id", ID, "--federated", "--credential-secret=x"],
    ],
)
def test_a_command_line_that_cannot_be_read_is_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(*arguments, capsys=capsys)
    assert (status, out, len(err.splitlines())) == (2, "", 1)


@pytest.mark.usefixtures("in_storage")
def test_an_operator_hears_how_a_foreign_person_can_be_staff(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tid = str(uuid4())
    status, _out, err = run(*typed("add-staff", tid=tid), capsys=capsys)
    assert (status, "add-sign-in-tenant" in err, len(err.splitlines())) == (1, True, 1)
    assert run(*typed("add-sign-in-tenant", tid=tid), capsys=capsys)[0] == 0
    assert run(*typed("add-staff", tid=tid, oid=str(uuid4())), capsys=capsys)[0] == 0


def test_the_process_ends_with_status_2_and_one_line(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    for arguments in (typed("add-staff"), ["delete-msp", "--msp-id", ID]):
        ended = subprocess.run(
            [sys.executable, "-m", "ops", *arguments],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 2
        assert len(ended.stderr.splitlines()) == 1
        assert "STORAGE_CONNECTION_STRING" in ended.stderr
