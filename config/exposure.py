"""Off loopback nothing starts without tokens."""

from config.environment import Environment
from registry.access.process import any_tokens


class Exposed(Exception):
    """The region would be open to the network; the message is one sentence for the operator."""


def refuse_exposure(environment: Environment) -> None:
    """Raises Exposed when the region would listen beyond this machine although no token exists."""
    if environment.http.is_loopback or any_tokens():
        return
    raise Exposed(
        f"refusing to listen on {environment.http}: that is not a loopback address and no token exists, so any "
        f"client could write; make one with `MERIDIAN_DATA={environment.data} ./meridian token create NAME "
        "--scope operator`, or listen on 127.0.0.1."
    )
