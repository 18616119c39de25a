"""Stored users follow a change at once, beside a sync that may be running.

Every write here is conditional, so that nothing that sync has written is lost. Sync's own writes
are not, and may put an older state back: the next read of changes repairs it, since Microsoft
reports the change after the position from which that read continues.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domain.data_set import Document
from domain.errors import ConcurrentChange
from domain.identifiers import TenantRef
from domain.ports.stored_users import StoredUsers
from domain.ports.sync_states import SyncStates
from domain.ports.user_index import UserIndex
from domain.user_block import UserBlock, by_block, covers_every_hash, entry_of

_log = logging.getLogger(__name__)
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class StoredUserUpdates:
    """Updates a stored user, its entry in the search index, and the tenant's roll-up."""

    users: StoredUsers
    index: UserIndex
    states: SyncStates

    async def apply(self, ref: TenantRef, user_id: str, changes: Mapping[str, Any]) -> None:
        """Set properties of a stored user; a user that is not stored is left to sync.

        Args:
            changes: New values of properties that are stored; others are ignored.

        Raises:
            StorageUnavailable: Storage does not answer; repeat it.
        """
        document = await self._repeated(lambda: self._update_row(ref, user_id, changes))
        if document is None:
            return
        await self._repeated(lambda: self._update_index(ref, user_id, document))
        await self._repeated(lambda: self._update_roll_up(ref))

    async def _repeated[T](self, write: Callable[[], Awaitable[T]]) -> T | None:
        """Read and write again if another writer was first; give up when it always is."""
        for _ in range(_ATTEMPTS):
            try:
                return await write()
            except ConcurrentChange:
                continue
        _log.info("a stored user is left to the next sync")
        return None

    async def _update_row(
        self, ref: TenantRef, user_id: str, changes: Mapping[str, Any]
    ) -> Document | None:
        known = await self.users.find(ref, user_id)
        if known is None:
            return None
        stored = {name: value for name, value in changes.items() if name in known.value}
        document = {**known.value, **stored}
        if document != known.value:
            await self.users.replace(ref, user_id, document, known.version)
        return document

    async def _update_index(self, ref: TenantRef, user_id: str, document: Document) -> None:
        names = await self.index.counts(ref)
        if not covers_every_hash(names):
            return  # It is not complete yet.
        (name,) = by_block(names, {user_id: document})
        known = (await self.index.read([(ref, name)])).get((ref, name))
        entries = known.value.entries() if known else {}
        entry = entry_of(user_id, document)
        if known is None or entries.get(user_id, entry) == entry:
            return
        block = UserBlock.of(name, {**entries, user_id: entry}.values())
        await self.index.replace(ref, block, known.version)

    async def _update_roll_up(self, ref: TenantRef) -> None:
        known, counts = await self.states.find(ref), await self.index.counts(ref)
        if known is None or known.value.roll_up.enabled_users is None:
            return
        enabled = sum(count.enabled for count in counts.values())
        if known.value.roll_up.enabled_users != enabled:
            roll_up = replace(known.value.roll_up, enabled_users=enabled)
            await self.states.replace(replace(known.value, roll_up=roll_up), known.version)
