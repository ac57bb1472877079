"""The dashboard of a server process: what it sees, and what keeps it up to date."""

from config.dialects import DIALECTS
from config.environment import Environment
from dashboard.follower import DashboardFollower
from dashboard.live import announcements, context
from dashboard.live.context import DashboardContext
from dashboard.live.page import Page
from dashboard.live.screens import Screens
from dashboard.live.state import state_of
from dashboard.memory.backfill import Backfill
from dashboard.memory.board import Board
from dashboard.memory.links import sample_forever
from dashboard.pages.services import ServicesPage
from discovery.plane import Plane


async def warm_up(plane: Plane, screens: Screens, page: Page) -> None:
    """Draw a page once before anybody asks: what is summed up for it then stays, and the first to ask need not wait."""
    await plane.following.ready.wait()
    await screens.open(page)


def install(plane: Plane, environment: Environment) -> None:
    """Let the dashboard's pages see what the plane sees."""
    reason = plane.mirrors.reason if plane.mirrors is not None else lambda region: ""
    board = Board(plane.region, plane.view, clock=plane.clock, reason=reason, dialects=DIALECTS)
    screens = Screens(lambda now: state_of(plane.view, plane.region, now), clock=plane.clock)
    plane.beside.append(DashboardFollower(plane.view, board.recent, board.histories))
    plane.view.listeners.append(screens.touched)
    plane.also(screens.run)
    plane.also(Backfill(board).run)
    plane.also(lambda: warm_up(plane, screens, ServicesPage(board, {}, {})))
    plane.also(lambda: announcements.listen(screens.corrected))
    mirror = plane.mirrors.status if plane.mirrors is not None else lambda region: None
    plane.also(
        lambda: sample_forever(board.links, plane.view, plane.region, lag=plane.lag, mirror=mirror, clock=plane.clock)
    )
    context.install(
        DashboardContext(
            board=board,
            screens=screens,
            watchers=plane.watchers,
            door=plane.access.door,
            is_open=environment.dashboard_open,
            secure=not environment.http.is_loopback,
        )
    )
