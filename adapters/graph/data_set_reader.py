"""Reading data sets by their shapes, in as few requests as possible."""

import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import batched
from typing import Any
from urllib.parse import quote

from adapters.graph.answers import GraphError
from adapters.graph.batches import Part, in_batches
from adapters.graph.failures import FAILURES, unreadable
from adapters.graph.records import Kind, kind_of, latest, read_records
from adapters.graph.reports import read_report
from adapters.graph.session import TenantSession, values_of
from domain.data_set import DataSet, Each, One, Report, Since
from domain.ports.graph_reader import INTERNAL_FAULT, Reading, Records, Unreadable, Wanted
from domain.ports.synced_records import SyncedRecord

_log = logging.getLogger(__name__)

# Graph refuses longer filters.
_MOST_ACCOUNTS = 15
_IN_URLS = "/?&=$,()'@:;*!~"
# A report is checked in parts: a large one must not be in memory twice.
_ROWS = 1000
_NEXT_LINK = "@odata.nextLink"


@dataclass(slots=True)
class _Progress:
    """What has been read of a data set so far."""

    data_set: DataSet
    parts: list[Part]
    read: list[Records] = field(default_factory=list)
    has_failed: bool = False

    def add(self, reading: Reading) -> Reading | None:
        """Return the reading of the data set when it is decided, once."""
        if self.has_failed:
            return None
        if isinstance(reading, Unreadable):
            self.has_failed = True
            return reading
        self.read.append(reading)
        return self.whole() if len(self.read) == len(self.parts) else None

    def whole(self) -> Records:
        """Return the records of all parts."""
        return together(kind_of(self.data_set), self.read)


class DataSetReader:
    """Reads data sets of one tenant."""

    def __init__(self, session: TenantSession) -> None:
        self._session = session
        self._logged: set[tuple[str, str]] = set()

    async def read(self, wanted: Sequence[Wanted]) -> AsyncIterator[tuple[DataSet, Reading]]:
        """Yield each data set, complete or unreadable."""
        progress = {one.data_set.name: _Progress(one.data_set, list(_parts(one))) for one in wanted}
        for batch in in_batches([part for one in progress.values() for part in one.parts]):
            answers = await self._answers(batch)
            for part, answer in zip(batch, answers, strict=True):
                one = progress[part.data_set.name]
                reading = None if one.has_failed else one.add(await self._part(part, answer))
                if reading is not None:
                    yield one.data_set, reading
                    one.read.clear()  # A large data set must be in memory only once.
        for one in progress.values():
            if not one.parts:
                yield one.data_set, Records(())

    async def _answers(self, batch: Sequence[Part]) -> list[dict[str, Any] | Exception | None]:
        """Return the answers to the parts of a batch; None for one that is read by itself."""
        if isinstance(batch[0].data_set.shape, Report):
            return [None]
        if any(part.data_set.is_paced for part in batch):
            await self._session.keep_pace()
        paths = {str(number): part.path for number, part in enumerate(batch)}
        try:
            answers = await self._session.batch(paths, batch[0].data_set.version)
        except FAILURES as error:
            return [error] * len(batch)
        return [answers[number] for number in paths]

    async def _part(self, part: Part, answer: dict[str, Any] | Exception | None) -> Reading:
        """Return what was read of a part, after further requests where it needs them."""
        try:
            return await self._records(part, answer)
        except FAILURES as error:
            return unreadable(error)
        except Exception:  # noqa: BLE001  a bug of ours; the other data sets are still read
            _log.exception("%s could not be read", part.data_set.name)
            return Unreadable(INTERNAL_FAULT)

    async def _records(self, part: Part, answer: dict[str, Any] | Exception | None) -> Records:
        kind = kind_of(part.data_set)
        match part.data_set.shape:
            case Report(key):
                rows = read_report(await self._session.download(part.address), key)
                pages = [
                    self._checked(part.data_set, kind, some)
                    for some in batched(rows, _ROWS, strict=False)
                ]
                return together(kind, pages)
            case One():
                return self._checked(part.data_set, kind, [await self._document(part, answer)])
            case Each():
                return await self._members(part, kind, answer)
        return await self._listed(part, kind, answer)

    async def _listed(
        self, part: Part, kind: Kind, answer: dict[str, Any] | Exception | None
    ) -> Records:
        """Return the records of all pages; of each page only what is kept stays in memory."""
        pages = [
            self._checked(part.data_set, kind, items) async for items in self._pages(part, answer)
        ]
        return together(kind, pages)

    async def _members(
        self, part: Part, kind: Kind, answer: dict[str, Any] | Exception | None
    ) -> Records:
        """Return the record of one object; none if the object no longer exists."""
        try:
            read = await self._listed(part, kind, answer)
        except GraphError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return Records(())
            raise
        if read.unreadable:
            return Records((), [part.object_id])
        values = [dict(record.document) for record in read.records]
        document = {"id": part.object_id, "value": values}
        return Records([SyncedRecord(part.object_id, document)])

    async def _document(
        self, part: Part, answer: dict[str, Any] | Exception | None
    ) -> dict[str, Any]:
        if isinstance(answer, dict):
            return answer
        await self._recover(answer)
        return await self._session.get(part.address)

    async def _pages(
        self, part: Part, answer: dict[str, Any] | Exception | None
    ) -> AsyncIterator[list[Any]]:
        """Yield the items of each page; a failed part and further pages are read separately."""
        link: str | None = part.address
        if isinstance(answer, dict):
            yield [await self._expanded(item) for item in values_of(answer)]
            link = self._session.graph.link(answer, _NEXT_LINK)
        else:
            await self._recover(answer)
        if link:
            async for page in self._session.pages(link, is_paced=part.data_set.is_paced):
                yield [await self._expanded(item) for item in values_of(page)]

    async def _recover(self, answer: Exception | None) -> None:
        """Wait before a failed part is read separately, if its error is temporary."""
        if not isinstance(answer, GraphError):
            raise answer or AssertionError
        # If Graph no longer accepts the token, read with a fresh one without waiting.
        if answer.status != HTTPStatus.UNAUTHORIZED:
            await self._session.budget.wait(answer)

    async def _expanded(self, item: Any) -> Any:
        """Return an item with all items of its expanded lists, of which Graph gives only some."""
        cut = [name for name in item if name.endswith(_NEXT_LINK)] if isinstance(item, dict) else []
        for name in cut:
            link = self._session.graph.link(item, name)
            if link:
                pages = [page async for page in self._session.pages(link)]
                whole = name.removesuffix(_NEXT_LINK)
                first = {"value": item.get(whole)}
                item[whole] = [one for page in (first, *pages) for one in values_of(page)]
            del item[name]
        return item

    def _checked(self, data_set: DataSet, kind: Kind, items: Sequence[Any]) -> Records:
        """Return the records that can be read; log each reason for unreadable ones once."""
        read = read_records(kind, items)
        for why in {str(fault) for fault in read.faults}:
            if (data_set.name, why) not in self._logged:
                self._logged.add((data_set.name, why))
                _log.warning("records of %s cannot be read: %s", data_set.name, why)
        return Records(read.records, read.unreadable)


def together(kind: Kind, pages: Sequence[Records]) -> Records:
    """Return the records of several pages, one per key."""
    return Records(
        latest(kind, [record for page in pages for record in page.records]),
        [key for page in pages for key in page.unreadable],
    )


def _parts(wanted: Wanted) -> Iterable[Part]:
    """Yield the requests for a data set."""
    data_set, shape = wanted.data_set, wanted.data_set.shape
    path = data_set.path
    if wanted.since is not None:
        path = path.replace("{since}", wanted.since.strftime("%Y-%m-%dT%H:%M:%SZ"))
    if isinstance(shape, Each):
        for one in wanted.ids:
            yield Part(data_set, _encoded(path).replace("%7Bid%7D", quote(one, safe="")), one)
    elif isinstance(shape, Since) and shape.watched:
        for some in batched(wanted.ids, _MOST_ACCOUNTS, strict=False):
            accounts = " or ".join(f"userId eq '{one}'" for one in some)
            yield Part(data_set, _encoded(path.replace("{accounts}", accounts)))
    else:
        yield Part(data_set, _encoded(path))


def _encoded(path: str) -> str:
    return quote(path, safe=_IN_URLS)
