"""The federation page: what each region holds of each other, and the peers."""

from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory.matrix import OLD, Cells, all_cells, all_regions, fetch_matrix, peers_of
from federation.status import Matrix, PeerStatus


class FederationPage(Page):
    """The matrix region by region: this region's row as it is now, the others' as last fetched."""

    template = "dashboard/federation.html"
    title = "Federation"
    area = "federation"
    every = 2.0
    gathers = True

    def gather(self, now: float) -> Matrix:
        """The matrix."""
        return fetch_matrix(self.board, now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """The matrix, the peers, and how old they are."""
        matrix: Matrix | None = gathered.value
        names = all_regions(self.board, matrix)
        cells = all_cells(self.board, matrix, now)
        unheard = set(matrix.unheard if matrix else ())
        old = bool(gathered.problem) or (gathered.at is not None and now - gathered.at > OLD)
        fragments = {
            "federation-told": part("federation_told.html", {"gathered": gathered, "told": matrix, "old": old}),
            "federation-head": part("federation_head.html", {"names": names}),
            "federation-said": part("federation_said.html", {**_summary(cells), "unheard": len(unheard)}),
            "federation-alone": part("federation_alone.html", {"home": self.board.home, "told": matrix})
            if len(names) == 1
            else "",
        }
        lists: dict[str, dict[str, str]] = {
            "federation-matrix": {
                by: part("federation_row.html", {
                    "by": by, "is_home": by == self.board.home, "unheard": by in unheard,
                    "cells": [(of, cells.get((by, of))) for of in names], "at": gathered.at, "old": old,
                })
                for by in names
                if by == self.board.home or matrix is not None
            },
            "federation-peers": {name: self._peer(peer) for name, peer in sorted(peers_of(matrix).items())},
        }  # fmt: skip
        return Content(fragments, lists)

    def _peer(self, peer: PeerStatus) -> str:
        live = self.board.view.regions.get(peer.region)
        delay = self.board.view.nearness.get(peer.region, peer.delay)
        return part("federation_peer.html", {"peer": peer, "live": live, "delay": delay})


def _summary(cells: Cells) -> dict[str, int]:
    copies = [cell for cell in cells.values() if cell.by != cell.of]
    return {
        "number": len(copies),
        "stale": sum(cell.freshness != "live" for cell in copies),
        "differ": sum(cell.equal is False for cell in copies),
        "behind": sum(cell.entries > 0 for cell in copies),
        "relayed": sum(bool(cell.through) for cell in copies),
        "held": sum(bool(cell.held) for cell in copies),
    }
