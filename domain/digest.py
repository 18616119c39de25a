"""Digests that identify unchanged content, so that it is not written again."""

import hashlib
import json
from collections.abc import Iterable

from domain.ports.synced_records import StoredRecord, SyncedRecord

# Created once: json.dumps would create an encoder for each record.
_canonical = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, check_circular=False, separators=(",", ":")
).encode


def to_stored(record: SyncedRecord) -> StoredRecord:
    """Return the record in canonical form; the order of its keys does not matter."""
    text = _canonical(record.document)
    return StoredRecord(record.key, text, _digest(text))


def digest_of_all(records: Iterable[StoredRecord]) -> str:
    """Return one digest of a data set; the order of its records does not matter."""
    return _digest("\n".join(sorted(f"{record.key} {record.digest}" for record in records)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
