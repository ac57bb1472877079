"""An exchange: one request, whichever way it is answered, and what its token allows."""

import time

from discovery.access import actor, forwarded_grant
from discovery.plane import Plane
from discovery.web.form import HttpForm
from registry.access import Grant
from registry.asgi import Scope, client_address, header, request_id


class Exchange:
    """A request in the form of a dialect."""

    __slots__ = ("_secret", "began", "form", "id", "plane", "scope")

    def __init__(self, plane: Plane, form: HttpForm, scope: Scope) -> None:
        self.plane, self.form, self.scope = plane, form, scope
        self.id = request_id(header(scope, b"x-request-id"))
        self.began = time.perf_counter()
        self._secret: str | None = ""  # the empty one has not been read yet

    @property
    def secret(self) -> str | None:
        """The token that the request shows. Raises Unauthenticated."""
        if self._secret == "":
            self._secret = self.form.secret(self.scope) or None
        return self._secret

    def guard(self) -> None:
        """Raises Forbidden when a page in a browser would come in by the open door."""
        access = self.plane.access
        if access.tokens.is_open:
            access.guard(self.scope["method"], self.scope["headers"], self.secret)

    def grant(self) -> Grant:
        """Who asks. Raises Unauthenticated."""
        return forwarded_grant(self.scope) or self.plane.access.grant(self.secret)

    def may_read(self) -> Grant:
        """Who asks, and may read. Raises Unauthenticated or Forbidden."""
        return forwarded_grant(self.scope) or self.plane.access.reader(self.secret)

    def may_write(self, service: str) -> Grant:
        """Who asks, and may write this service. Raises Unauthenticated or Forbidden."""
        return forwarded_grant(self.scope) or self.plane.access.writer(self.secret, service)

    def actor(self, grant: Grant) -> str:
        """Who acts, for the log."""
        return actor(self.scope, grant, client_address(self.scope), self.form.name)

    def writer(self, service: str) -> str:
        """The actor, for the log, when this service may be written. Raises Unauthenticated or Forbidden."""
        return self.actor(self.may_write(service))

    @property
    def client(self) -> str:
        """Whose watchers are counted together: those of one token, or without one those of an address."""
        return client_address(self.scope) if self.secret is None else str(self.grant())
