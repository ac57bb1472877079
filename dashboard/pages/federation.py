"""The federation page: what each region holds of each other, and who is trusted."""

from dashboard.live.fragments import Content
from dashboard.live.page import Gathered, Page, part
from dashboard.memory import matrix
from dashboard.memory.matrix import Cells, asked, cells
from federation.status import Matrix, PeerStatus


class FederationPage(Page):
    """The matrix region by region: this region's row as it is now, the others' as they said last."""

    template = "dashboard/federation.html"
    title = "Federation"
    area = "federation"
    every = 2.0
    gathers = True

    def gather(self, now: float) -> Matrix:
        """What the tables, Valkey and the peers say."""
        return asked(self.board.links, now)

    def content(self, gathered: Gathered, now: float) -> Content:
        """The matrix, the peers, and how old what was told is."""
        told: Matrix | None = gathered.value
        names = matrix.names(self.board, told)
        known = cells(self.board, told, now)
        unheard = set(told.unheard if told else ())
        peers = matrix.peers(told)
        old = bool(gathered.problem) or (gathered.at is not None and now - gathered.at > matrix.OLD)
        fragments = {
            "federation-told": part("federation_told.html", {"gathered": gathered, "told": told, "old": old}),
            "federation-head": part("federation_head.html", {"names": names}),
            "federation-said": part("federation_said.html", {**self._said(known), "unheard": len(unheard)}),
            "federation-alone": part("federation_alone.html", {"home": self.board.home, "told": told})
            if len(names) == 1
            else "",
        }
        lists: dict[str, dict[str, str]] = {
            "federation-matrix": {
                by: part("federation_row.html", {
                    "by": by, "is_home": by == self.board.home, "unheard": by in unheard,
                    "cells": [(of, known.get((by, of))) for of in names], "at": gathered.at, "old": old,
                })
                for by in names
                if by == self.board.home or told is not None
            },
            "federation-peers": {name: self._peer(peer) for name, peer in sorted(peers.items())},
        }  # fmt: skip
        return Content(fragments, lists)

    def _peer(self, peer: PeerStatus) -> str:
        live = self.board.view.regions.get(peer.region)
        delay = self.board.view.nearness.get(peer.region, peer.delay)
        return part("federation_peer.html", {"peer": peer, "live": live, "delay": delay})

    def _said(self, known: Cells) -> dict[str, object]:
        """The whole in a sentence."""
        others = [cell for cell in known.values() if cell.by != cell.of]
        return {
            "number": len(others),
            "stale": sum(cell.freshness != "live" for cell in others),
            "differ": sum(cell.equal is False for cell in others),
            "behind": sum(cell.entries > 0 for cell in others),
            "relayed": sum(bool(cell.through) for cell in others),
            "held": sum(bool(cell.held) for cell in others),
        }
