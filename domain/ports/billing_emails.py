"""E-mails about invoices."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.identifiers import MspId


class NoticeKind(StrEnum):
    """The kinds of e-mail about invoices."""

    PAYMENT_DUE = "payment_due"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class BillingEmail:
    """An e-mail to an MSP's billing address.

    Args:
        to: The address, or None if the MSP has none.
        key: The same for every attempt to send the same e-mail, so that it is not delivered twice.
    """

    kind: NoticeKind
    msp_id: MspId
    to: str | None
    subject: str
    text: str
    key: str


class BillingEmails(Protocol):
    """Sends e-mails about invoices."""

    async def send(self, notice: BillingEmail) -> None:
        """Send an e-mail.

        Raises:
            BillingEmailFailed: It could not be sent; it is retried later.
        """
        ...
