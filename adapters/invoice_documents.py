"""The invoices' PDFs in Azure Blob Storage."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Self

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from domain.errors import StorageUnavailable
from domain.identifiers import MspId

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

CONTAINER = "invoices"


class BlobInvoiceDocuments:
    """InvoiceDocuments over Azure Blob Storage.

    Args:
        connect: Makes the account's client. It is called when the first PDF is asked for: the
            SDK takes a tenth of a second to load, and no other function needs it.
    """

    def __init__(self, connect: "Callable[[], BlobServiceClient]") -> None:
        self._connect = connect

    @classmethod
    def connect(cls, connection_string: str) -> Self:
        """Open the account of a connection string."""

        def client() -> "BlobServiceClient":
            from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415  slow to load

            return BlobServiceClient.from_connection_string(connection_string, retry_total=3)

        return cls(client)

    @classmethod
    def open(cls, endpoint: str, credential: AsyncTokenCredential) -> Self:
        """Open the account behind a blob endpoint, with the app's identity."""

        def client() -> "BlobServiceClient":
            from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415  slow to load

            return BlobServiceClient(endpoint, credential=credential, retry_total=3)

        return cls(client)

    @cached_property
    def _service(self) -> "BlobServiceClient":
        return self._connect()

    async def create_container(self) -> None:
        """Create the container, if it is missing: a start-up step."""
        try:
            await self._service.create_container(CONTAINER)
        except ResourceExistsError:
            return

    async def put(self, msp_id: MspId, name: str, pdf: bytes) -> bool:
        """Store a PDF, if there is none: an issued invoice never changes."""
        from azure.storage.blob import ContentSettings  # noqa: PLC0415  slow to load

        blob = self._service.get_blob_client(CONTAINER, _path(msp_id, name))
        settings = ContentSettings(content_type="application/pdf")
        try:
            await blob.upload_blob(pdf, overwrite=False, content_settings=settings)
        except ResourceExistsError:
            return False
        except AzureError as error:
            raise StorageUnavailable("Blob storage does not answer.") from error
        return True

    async def get(self, msp_id: MspId, name: str) -> bytes | None:
        """Return a PDF, or None."""
        blob = self._service.get_blob_client(CONTAINER, _path(msp_id, name))
        try:
            stream = await blob.download_blob()
            return bytes(await stream.readall())
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise StorageUnavailable("Blob storage does not answer.") from error

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if "_service" in self.__dict__:
            await self._service.close()


def _path(msp_id: MspId, name: str) -> str:
    return f"{msp_id}/{name}.pdf"
