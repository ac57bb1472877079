"""The dashboard of a server process: what it sees, and what keeps it up to date."""

from config.environment import Environment
from dashboard import bell, installed
from dashboard.board import Board
from dashboard.follower import Live
from dashboard.installed import Installed
from dashboard.links import sampled
from dashboard.page import Page
from dashboard.pages.services import ServicesPage
from dashboard.screens import Screens
from dashboard.seeding import Seeding
from dashboard.state import state_of
from discovery.plane import Plane


async def warm_up(plane: Plane, screens: Screens, page: Page) -> None:
    """Draw a page once before anybody asks: what is summed up for it then stays, and the first to ask need not wait."""
    await plane.following.ready.wait()
    await screens.look(page)


def install(plane: Plane, environment: Environment) -> None:
    """Let the dashboard's pages see what the plane sees."""
    reason = plane.mirrors.reason if plane.mirrors is not None else lambda region: ""
    board = Board(plane.region, plane.view, clock=plane.clock, reason=reason)
    screens = Screens(lambda now: state_of(plane.view, plane.region, now), clock=plane.clock)
    plane.beside.append(Live(plane.view, board.recent, board.histories))
    plane.view.listeners.append(screens.touched)
    plane.also(screens.run)
    plane.also(Seeding(board).run)
    plane.also(lambda: warm_up(plane, screens, ServicesPage(board, {}, {})))
    plane.also(lambda: bell.listen(screens.hear))
    word = plane.mirrors.word if plane.mirrors is not None else lambda region: None
    plane.also(lambda: sampled(board.links, plane.view, plane.region, lag=plane.lag, word=word, clock=plane.clock))
    installed.install(
        Installed(
            board=board,
            screens=screens,
            watchers=plane.watchers,
            door=plane.access.door,
            is_open=environment.dashboard_open,
            secure=not environment.http.is_loopback,
        )
    )
