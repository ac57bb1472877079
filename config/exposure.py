"""Off loopback nothing starts without tokens."""

from config.environment import Environment


class Exposed(Exception):
    """The region would be open to the network; the message is one sentence for the operator."""


def refuse_exposure(environment: Environment, *, any_tokens: bool) -> None:
    """Raises Exposed when the region would listen beyond this machine although nobody holds a token."""
    if environment.http.is_loopback or any_tokens:
        return
    raise Exposed(
        f"refusing to listen on {environment.http}: that is not a loopback address and no token exists, so nobody could "
        "be told apart; make a token with `manage.py create_token` first, or listen on 127.0.0.1."
    )
