"""Azurite, Microsoft's storage emulator, pinned in package.json."""

from pathlib import Path

from local.processes import Child

_SCRIPT = Path(__file__).parent / "node_modules/azurite/dist/src/azurite.js"
# The emulator's well-known account; it gives access to nothing else.
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def connection_string(blob: int, queue: int, table: int) -> str:
    """Return the connection string of an Azurite on these ports."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_KEY};"
        f"BlobEndpoint=http://127.0.0.1:{blob}/{_ACCOUNT};"
        f"QueueEndpoint=http://127.0.0.1:{queue}/{_ACCOUNT};"
        f"TableEndpoint=http://127.0.0.1:{table}/{_ACCOUNT};"
    )


async def start_azurite(
    run_dir: Path, ports: tuple[int, int, int], store: Path | None, path: str
) -> Child:
    """Start Azurite, and wait until it listens.

    Args:
        ports: For blobs, queues and tables.
        store: Where the data is kept; None keeps it in memory.
        path: The PATH that contains `node`.

    Raises:
        StartFailed: It does not start.
    """
    names = ("blob", "queue", "table")
    command = ["node", str(_SCRIPT), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    for name, port in zip(names, ports, strict=True):
        command += [f"--{name}Host", "127.0.0.1", f"--{name}Port", str(port)]
    command += ["--location", str(store)] if store else ["--inMemoryPersistence"]
    child = Child("Azurite", run_dir / "azurite.log")
    await child.start(command, {"PATH": path})
    await child.until_listening(*ports)
    return child
