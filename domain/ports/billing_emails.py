"""E-mails about invoices."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.identifiers import MspId


class NoticeKind(StrEnum):
    """What an MSP is told about its invoices."""

    PAYMENT_DUE = "payment_due"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class BillingEmail:
    """A message to an MSP's billing address.

    Args:
        to: The address, or None when the MSP gave none.
        key: The same for every attempt at the same notice, so that none is delivered twice.
    """

    kind: NoticeKind
    msp_id: MspId
    to: str | None
    subject: str
    text: str
    key: str


class BillingEmails(Protocol):
    """Delivers notices."""

    async def send(self, notice: BillingEmail) -> None:
        """Deliver a notice.

        Raises:
            NoticeFailed: It could not be handed over; it is tried again later.
        """
        ...
