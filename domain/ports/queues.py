"""The work queues."""

from typing import Protocol

from domain.work_queues import Subject, WorkQueue


class Queues(Protocol):
    """The work queues. Messages contain only identifiers and may arrive twice, late or never."""

    async def send[R: Subject](
        self, queue: WorkQueue[R], subject: R, delay_seconds: int = 0
    ) -> None:
        """Queue a message that requests work on a subject.

        Args:
            delay_seconds: How long the message is invisible.
        """
        ...
