"""Users that a sync reads, and a check that the search index matches the rows."""

from domain.ports.graph_reader import UserPage
from domain.ports.synced_records import SyncedRecord
from domain.user_block import Entry, covers_every_hash, entry_of
from tests.fakes.sync_world import World


def user(key: str, name: str = "Adele", *, enabled: bool = True) -> SyncedRecord:
    return SyncedRecord(key, {"id": key, "displayName": name, "accountEnabled": enabled})


def indexed(world: World) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for (ref, _), known in world.index.rows.items():
        assert ref == world.tenant.ref
        entries |= known.value.entries()
    return entries


def check(world: World) -> None:
    """Check that the index and the counts match the rows."""
    rows = world.records.rows.get(world.tenant.ref, {})
    assert indexed(world) == {key: entry_of(key, row) for key, row in rows.items()}
    assert covers_every_hash([name for _, name in world.index.rows])
    enabled = sum(row["accountEnabled"] for row in rows.values())
    roll_up = world.state.roll_up
    assert (roll_up.users, roll_up.enabled_users) == (len(rows), enabled)
    assert world.state.data_set("users").count == len(rows)


def changes(*records: SyncedRecord, removed: tuple[str, ...] = (), link: str = "d") -> UserPage:
    return UserPage(records, removed, delta_link=link)
