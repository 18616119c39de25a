import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from release.audit import NoAnswer, npm_findings, python_findings
from release.infrastructure import compile_infrastructure
from release.licences import PAGE, page
from release.package import ROOT, lay_out, pack, packaged_files

AREAS = (
    *("adapters", "audit", "billing", "consent", "core", "domain", "edge", "gdap", "manage"),
    *("mytenant", "ops", "portfolio", "staff", "sync", "tenants", "wiring", "work"),
)


def test_the_package_is_the_app_and_nothing_else() -> None:
    packaged = packaged_files()
    top = {path.parts[0] for path in packaged}
    alone = {"function_app.py", "host.json", "requirements.txt", "settings.py", "telemetry.py"}
    assert top == {*AREAS, *alone}
    modules = {path.relative_to(ROOT) for area in AREAS for path in (ROOT / area).rglob("*.py")}
    assert modules <= set(packaged)


def test_a_backup_and_a_key_beside_the_app_are_never_packaged(tmp_path: Path) -> None:
    (tmp_path / ".funcignore").write_text((ROOT / ".funcignore").read_text())
    for name in (
        "backup/users.jsonl.gz",
        "key.pem",
        "secret.txt",
        "sync/due_tenants.py",
        "host.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert packaged_files(tmp_path) == [Path("host.json"), Path("sync/due_tenants.py")]


def test_the_host_loads_the_extension_that_its_queue_triggers_need() -> None:
    """Timers and HTTP are built in; for queues the host of a Python app needs an extension bundle.

    https://learn.microsoft.com/azure/azure-functions/extension-bundles
    """
    bundle = json.loads((ROOT / "host.json").read_text())["extensionBundle"]
    assert bundle["id"] == "Microsoft.Azure.Functions.ExtensionBundle"
    assert bundle["version"] == "[4.0.0, 5.0.0)"


def test_what_funcignore_names_is_left_out_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / ".funcignore").write_text(".funcignore\n.venv*\nREADME.md\n")
    for name in ("app.py", ".venv-x/a.py", "area/README.md", "area/b.py", "area/__pycache__/b.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert packaged_files(tmp_path) == [Path("app.py"), Path("area/b.py")]


def test_the_same_files_make_the_same_package_with_bytecode(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.mkdir()
    (app / ".funcignore").write_text(".funcignore\n")
    (app / "area.py").write_text("ANSWER = 42\n")
    for name in ("first", "second"):
        lay_out(tmp_path / name, app)
        pack(tmp_path / name, tmp_path / f"{name}.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()
    names = ZipFile(tmp_path / "first.zip").namelist()
    assert names == ["__pycache__/area.cpython-313.pyc", "area.py"]


def test_the_page_of_licences_is_as_the_packages_declare() -> None:
    assert PAGE.read_text() == page()


def test_a_vulnerability_is_found() -> None:
    known = {"name": "aiohttp", "version": "1.0", "vulns": [{"id": "PYSEC-2026-1"}]}
    unknown = {"name": "yarl", "skip_reason": "not found"}
    answer = json.dumps({"dependencies": [known, unknown], "fixes": []})
    assert python_findings(answer) == ["aiohttp 1.0: PYSEC-2026-1"]
    answer = json.dumps({"vulnerabilities": {"lokijs": {"severity": "high"}}})
    assert npm_findings(answer) == ["lokijs: high"]


def test_nothing_found_is_not_the_same_as_no_answer() -> None:
    clean = {"name": "aiohttp", "version": "1.0", "vulns": []}
    assert python_findings(json.dumps({"dependencies": [clean]})) == []
    assert npm_findings(json.dumps({"vulnerabilities": {}})) == []
    unknown = {"name": "yarl", "skip_reason": "not found"}
    for answer in ("", json.dumps({"dependencies": [clean, unknown]}), '{"dependencies": []}'):
        with pytest.raises(NoAnswer):
            python_findings(answer)
    for answer in ("", json.dumps({"statusCode": 405, "error": {}})):
        with pytest.raises(NoAnswer):
            npm_findings(answer)


WARNING = "/infra/main.bicep(61,20) : Warning no-hardcoded-env-urls: Use environment(). [https://…]"


@pytest.fixture
def bicep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a fake compiler that records its calls; `BICEP` names it."""
    script = tmp_path / "bicep"
    write_bicep(script, "")
    monkeypatch.setenv("BICEP", str(script))
    return script


def write_bicep(script: Path, does: str) -> None:
    script.write_text(f'#!/bin/sh\necho "$@" >> "{script}.calls"\n{does}\n')
    script.chmod(0o755)


def test_without_bicep_that_is_said_in_one_line_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BICEP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compile_infrastructure() == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "not compiled" in line


def test_bicep_is_found_on_the_path(
    bicep: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bicep(bicep, "exit 3")
    monkeypatch.delenv("BICEP")
    monkeypatch.setenv("PATH", str(bicep.parent), prepend=":")
    assert compile_infrastructure() == 1
    assert "bicep build main.bicep: exit status 3" in capsys.readouterr().out


def test_a_bicep_that_is_named_must_be_there(bicep: Path) -> None:
    bicep.unlink()
    assert compile_infrastructure() == 1


def test_bicep_compiles_everything_and_writes_no_file(
    bicep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bicep(bicep, "echo '{}'")
    assert compile_infrastructure() == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    calls = Path(f"{bicep}.calls").read_text().replace(f"{ROOT}/", "").splitlines()
    assert calls == [
        "build --stdout infra/main.bicep",
        "lint infra/main.bicep",
        "build-params --stdout infra/main.dev.bicepparam",
        "build-params --stdout infra/main.prod.bicepparam",
    ]


def test_a_warning_of_bicep_fails_and_is_shown_once(
    bicep: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_bicep(bicep, f"echo '{WARNING}' >&2")
    assert compile_infrastructure() == 1
    assert capsys.readouterr().out.splitlines() == [WARNING]


def test_what_bicep_merely_notes_does_not_fail(bicep: Path) -> None:
    write_bicep(bicep, f"echo '{WARNING.replace('Warning', 'Info')}' >&2")
    assert compile_infrastructure() == 0
