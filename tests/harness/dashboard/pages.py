"""Pages without a browser: a board over records, and what a page of it shows."""

import asyncio
from collections.abc import Mapping
from typing import Any

from catalog.change import Record
from config.dialects import DIALECTS
from dashboard.follower import DashboardFollower
from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page
from dashboard.memory.board import Board
from tests.harness.federated import HOME, FederatedView, federation
from tests.harness.records import NOW

# What the arguments of a path are called, by their number.
PATHS = {
    0: (),
    2: ("namespace", "service"),
    3: ("namespace", "service", "id"),
    4: ("region", "namespace", "service", "id"),
}


class Desk:
    """A dashboard over three regions in memory; what is put is told to the dashboard as the logs would."""

    def __init__(self, *records: Record) -> None:
        self.federation: FederatedView = asyncio.run(federation())
        self.view = self.federation.view
        self.now = NOW
        self.board = Board(HOME, self.view, clock=lambda: self.now, dialects=DIALECTS)
        self.live = DashboardFollower(self.view, self.board.recent, self.board.histories)
        self.put(*records)

    def put(self, *records: Record, **said: str) -> None:
        """Write records, each into its own region's log."""
        for record in records:
            self._append(record, record, said)

    def remove(self, record: Record, **said: str) -> None:
        """Remove a record."""
        self._append(record, None, said)

    def _append(self, about: Record, record: Record | None, said: Mapping[str, str]) -> None:
        change = self.federation.logs[about.region].append(about.key, record, at=self.now, **said)
        asyncio.run(self._told(change))

    async def _told(self, change: Any) -> None:
        await self.live.apply([change])
        await self.view.apply([change])

    def page(self, kind: type[Page], *arguments: str, **query: str) -> Page:
        """A page; `arguments` are those of its path, in the order in which they stand there."""
        names = PATHS[len(arguments)]
        given = {name.removesuffix("_"): value for name, value in query.items()}
        return kind(self.board, dict(zip(names, arguments, strict=True)), given)

    def content(self, page: Page, value: Any = None) -> Content:
        """What it shows now. `value` is what was gathered, if anything was."""
        gathered = Gathered() if value is None else Gathered(value, self.now)
        return page.content(gathered, self.now)


def text(content: Content, name: str) -> str:
    """A fragment, or the rows of a list one after the other."""
    return content.fragments[name] if name in content.fragments else "".join(content.lists[name].values())
