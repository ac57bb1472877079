"""The base of the API's views: authentication, scopes, unknown parameters, and writes for another region."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from registry import forwarding
from registry.access import Grant
from registry.access.door import SAFE
from registry.api import problems
from registry.api.authentication import CallerAuthentication, address_of, origin_of
from registry.api.paging import PAGING_PARAMETERS
from registry.api.parsing import BoundedJson
from registry.models import Region

LONGEST_CAUSE = 500
Row = TypeVar("Row", bound=Model)


class RequiredScope(BasePermission):
    """Reading needs `read`, writing the permission to correct, unless the view checks the scope of a write itself.

    Views that are `operators_only` need `operator` for reading too.
    """

    def has_permission(self, request: Request, view: object) -> bool:
        """Raises Forbidden, which says more than False could."""
        grant = request.auth
        assert isinstance(grant, Grant)  # noqa: S101 - CallerAuthentication always sets one
        if getattr(view, "operators_only", False):
            grant.require_operator()
        elif request.method in SAFE:
            grant.require_read()
        elif not getattr(view, "checks_scope_itself", False):
            grant.require_correct()
        return True


class Resource(GenericAPIView[Any]):
    """A view of the API.

    `parameters` are the query parameters besides those of filters and paging. A view with `checks_scope_itself` calls
    `grant.require_write` before it writes. One that `forwards` takes a `region` with its writes, and returns the
    answer of `forwarded` if there is one.
    """

    authentication_classes = (CallerAuthentication,)
    permission_classes = (RequiredScope,)
    parser_classes = (BoundedJson,)
    metadata_class = None
    parameters: frozenset[str] = frozenset()
    operators_only = False
    checks_scope_itself = False
    forwards = False
    filterset_class: type | None = None

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        """Problems, whatever handler the settings name."""
        return problems.handle

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """See DRF. Raises Invalid for parameters that would be ignored silently."""
        super().initial(request, *args, **kwargs)
        filters = set(getattr(self.filterset_class, "base_filters", ()))
        known = self.parameters | filters | PAGING_PARAMETERS
        if self.forwards and request.method not in SAFE:
            known |= {"region"}
        for name in request.query_params:
            if name not in known:
                raise Invalid(f"there is no such parameter; known are {', '.join(sorted(known))}", field=name[:80])
        for name, value in (*request.query_params.items(), *kwargs.items()):
            if "\x00" in str(value):
                raise Invalid("must not hold a NUL character", field=name)

    @property
    def region(self) -> str:
        """The name of this region."""
        return str(settings.MERIDIAN.region)

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    @property
    def grant(self) -> Grant:
        """The caller's scopes."""
        grant = self.request.auth
        assert isinstance(grant, Grant)  # noqa: S101 - see RequiredScope
        return grant

    def actor(self) -> str:
        """The caller, for the log."""
        origin = origin_of(self.request)
        if origin is not None:
            return f"{origin.actor} via {origin.region}"
        return self.grant.actor(address_of(self.request), "api")

    def forwarded(self) -> Response | None:
        """The answer of the region that this write is for; None when that is this one.

        Raises NotFound for an unknown region, and Unavailable when it cannot be reached.
        """
        region = self.request.query_params.get("region", "").lower()
        if region in ("", self.region):
            return None
        if origin_of(self.request) is not None:
            raise Invalid(f"this is {self.region}: ask {region[:80]} itself", field="region")
        if not Region.objects.filter(name=region).exists():
            raise NotFound(f"no region {region[:80]!r} is known here")
        call = forwarding.Call(
            region=region,
            method=str(self.request.method),
            target=self._target(),
            actor=self.actor(),
            cause=self.cause(""),
            body=b"" if self.request.method == "DELETE" else msgspec.json.encode(self.request.data),
        )
        reply = async_to_sync(forwarding.send)(call)
        content_type = dict(reply.headers).get(b"content-type", b"application/json").decode("latin-1")
        body = msgspec.json.decode(reply.body) if reply.body else None
        return Response(body, status=reply.status, content_type=content_type)

    def _target(self) -> str:
        parameters = self.request.query_params.copy()
        del parameters["region"]
        path = self.request.get_full_path().partition("?")[0]
        return f"{path}?{parameters.urlencode()}" if parameters else path

    def cause(self, usual: str) -> str:
        """The cause for the log: the header `Meridian-Cause`, or `usual` without one."""
        origin = origin_of(self.request)
        given = (origin.cause if origin is not None else self.request.headers.get("Meridian-Cause", "")).strip()
        return given[:LONGEST_CAUSE] or usual


class Listing(ListModelMixin, Resource):
    """A view that answers a list. By the `ListModelMixin` drf-spectacular knows to describe pages and filters."""

    def paged(self, rows: QuerySet[Row], shape: Callable[[Row], msgspec.Struct]) -> Response:
        """The requested page of `rows`."""
        return self.get_paginated_response([shape(row) for row in self.paginate_queryset(rows) or ()])
