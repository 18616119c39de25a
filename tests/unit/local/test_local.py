import socket
from dataclasses import fields
from pathlib import Path

import pytest

from local.__main__ import main
from local.processes import StartFailed
from local.stack import Ports, Stack


@pytest.mark.parametrize("name", [field.name for field in fields(Ports)])
async def test_a_port_in_use_is_a_clear_error_before_anything_is_started(
    name: str, tmp_path: Path
) -> None:
    ports = Ports.free()
    stack = Stack(tmp_path / "run", ports)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(ports, name)))
        taken.listen()
        with pytest.raises(StartFailed, match=f"port {getattr(ports, name)} is in use"):
            await stack.start()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("alone", [["--tid", "x"], ["--oid", "x"], ["--tid", "x", "--oid", ""]])
def test_half_of_somebody_elses_ids_is_an_argument_error(
    alone: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", *alone])
    assert ended.value.code == 2
    assert capsys.readouterr().err.endswith("--tid and --oid go together\n")
