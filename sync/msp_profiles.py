"""MSPs' profiles for sync: read once a minute, not once per tenant."""

from datetime import datetime, timedelta

from domain.identifiers import MspId
from domain.msp import Msp
from domain.ports.clock import Clock
from domain.ports.msp_store import MspStore

_KEPT = timedelta(minutes=1)
_MOST = 1000


class MspProfiles:
    """A cache of profiles, each at most a minute old."""

    def __init__(self, msps: MspStore, clock: Clock) -> None:
        self._msps, self._clock = msps, clock
        self._known: dict[MspId, tuple[datetime, Msp]] = {}

    async def get(self, msp_id: MspId) -> Msp | None:
        """Return the MSP, or None."""
        now = self._clock.now()
        read_at, msp = self._known.get(msp_id, (None, None))
        if read_at and now - read_at < _KEPT:
            return msp
        head = await self._msps.head(msp_id)
        if head is None:
            return None
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[msp_id] = (now, head.msp.value)
        return head.msp.value
