"""The invoices' PDFs in Azure Blob Storage."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, Self, override

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from adapters.transport import new_transport
from domain.errors import StorageUnavailable
from domain.identifiers import MspId
from domain.ports.invoice_documents import InvoiceDocuments

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

CONTAINER = "invoices"
# https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
_NO_CONTAINER = ("ContainerNotFound", "ContainerBeingDeleted")


class BlobInvoiceDocuments(InvoiceDocuments):
    """InvoiceDocuments over Azure Blob Storage.

    Args:
        connect: Creates the account's client. It is called for the first PDF, since the SDK takes
            a tenth of a second to load, and no other function needs it.
    """

    def __init__(self, connect: "Callable[[], BlobServiceClient]") -> None:
        self._connect = connect

    @classmethod
    def connect(cls, connection_string: str) -> Self:
        """Open the storage account of a connection string."""

        def client() -> "BlobServiceClient":
            from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415  slow to load

            return BlobServiceClient.from_connection_string(
                connection_string, transport=new_transport(), retry_total=3
            )

        return cls(client)

    @classmethod
    def open(cls, endpoint: str, credential: AsyncTokenCredential) -> Self:
        """Open the storage account of a blob endpoint, with the app's identity."""

        def client() -> "BlobServiceClient":
            from azure.storage.blob.aio import BlobServiceClient  # noqa: PLC0415  slow to load

            return BlobServiceClient(
                endpoint, credential=credential, transport=new_transport(), retry_total=3
            )

        return cls(client)

    @cached_property
    def _service(self) -> "BlobServiceClient":
        return self._connect()

    async def create_container(self) -> None:
        """Create the container if it is missing; a start-up step."""
        with suppress(ResourceExistsError), _meaning():
            await self._service.create_container(CONTAINER)

    @override
    async def put(self, msp_id: MspId, name: str, pdf: bytes) -> bool:
        from azure.storage.blob import ContentSettings  # noqa: PLC0415  slow to load

        blob = self._service.get_blob_client(CONTAINER, _path(msp_id, name))
        settings = ContentSettings(content_type="application/pdf")
        try:
            with _meaning():
                await blob.upload_blob(pdf, overwrite=False, content_settings=settings)
        except ResourceExistsError:
            return False
        return True

    @override
    async def get(self, msp_id: MspId, name: str) -> bytes | None:
        blob = self._service.get_blob_client(CONTAINER, _path(msp_id, name))
        try:
            with _meaning():
                stream = await blob.download_blob()
                return bytes(await stream.readall())
        except ResourceNotFoundError:
            return None

    async def close(self) -> None:
        """Close the connections, if there are any."""
        if "_service" in self.__dict__:
            await self._service.close()


@contextmanager
def _meaning() -> Iterator[None]:
    """Map the SDK's errors to the domain's, except that a blob exists or does not exist."""
    try:
        yield
    except AzureError as error:
        is_about_blob = isinstance(error, ResourceExistsError | ResourceNotFoundError)
        if is_about_blob and getattr(error, "error_code", None) not in _NO_CONTAINER:
            raise
        raise StorageUnavailable("Blob storage does not answer.") from error


def _path(msp_id: MspId, name: str) -> str:
    return f"{msp_id}/{name}.pdf"
