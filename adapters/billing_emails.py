"""Sending of billing e-mails: to the log, or through Azure Communication Services."""

import logging
from collections.abc import Callable
from functools import cached_property
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, override
from uuid import NAMESPACE_URL, uuid5

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError

from domain.errors import BillingEmailFailed
from domain.ports.billing_emails import BillingEmail, BillingEmails

if TYPE_CHECKING:
    from azure.communication.email.aio import EmailClient

_log = logging.getLogger(__name__)


class EmailLog(BillingEmails):
    """Writes e-mails to the log only, for local development. The log contains no address."""

    @override
    async def send(self, notice: BillingEmail) -> None:
        _log.info("e-mail %s to MSP %s: %s", notice.kind, notice.msp_id, notice.subject)


class EmailSender(BillingEmails):
    """Sends e-mails. An e-mail to an MSP without an address goes to the log.

    Args:
        connect: Creates the client. It is called for the first e-mail, since the SDK is slow to
            load.
        sender: The sender's address, in a domain that is verified with the service.
    """

    def __init__(self, connect: "Callable[[], EmailClient]", sender: str) -> None:
        self._connect, self._sender, self._log = connect, sender, EmailLog()

    @classmethod
    def open(cls, endpoint: str, sender: str, credential: AsyncTokenCredential) -> Self:
        """Use the service behind an endpoint, with the app's identity."""

        def client() -> "EmailClient":
            from azure.communication.email.aio import EmailClient  # noqa: PLC0415  slow to load

            return EmailClient(endpoint, credential)

        return cls(client, sender)

    @cached_property
    def _client(self) -> "EmailClient":
        return self._connect()

    @override
    async def send(self, notice: BillingEmail) -> None:
        if notice.to is None:
            await self._log.send(notice)
            return
        message = {
            "senderAddress": self._sender,
            "recipients": {"to": [{"address": notice.to}]},
            "content": {"subject": notice.subject, "plainText": notice.text},
        }
        # The same ID for each attempt: the service treats a second attempt as the same e-mail.
        operation = str(uuid5(NAMESPACE_URL, notice.key))
        try:
            await self._client.begin_send(message, operation_id=operation, polling=False)
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.CONFLICT:
                raise BillingEmailFailed("The e-mail service refused a notice.") from error
        except AzureError as error:
            raise BillingEmailFailed("The e-mail service does not answer.") from error
