import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from release.audit import NoAnswer, npm_findings, python_findings
from release.licences import PAGE, page
from release.package import ROOT, lay_out, pack, packaged_files

AREAS = (
    *("adapters", "audit", "billing", "consent", "domain", "edge", "gdap", "mytenant", "ops"),
    *("portfolio", "staff", "sync", "tenants", "work"),
)


def test_the_package_is_the_app_and_nothing_else() -> None:
    packaged = packaged_files()
    top = {path.parts[0] for path in packaged}
    alone = {"function_app.py", "host.json", "requirements.txt", "settings.py", "wiring.py"}
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
    """Timers and HTTP are the host's own; of queues a Python app's host knows by a bundle alone.

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
