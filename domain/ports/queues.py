"""The work queues."""

from typing import Protocol

from domain.work_queues import Subject, WorkQueue


class Queues(Protocol):
    """The work queues. Messages carry identifiers only and may arrive twice, late or never."""

    async def send[R: Subject](
        self, queue: WorkQueue[R], subject: R, delay_seconds: int = 0
    ) -> None:
        """Ask for a piece of work on a subject.

        Args:
            delay_seconds: How long the message is invisible.
        """
        ...
