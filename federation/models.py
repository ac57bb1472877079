"""All tables of the federation, where Django looks for them."""

from federation.tables.mirror import MirrorState
from federation.tables.peer import Peer

__all__ = ["MirrorState", "Peer"]
