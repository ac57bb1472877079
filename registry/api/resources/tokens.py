"""Tokens: listing, issuing and revoking them. Operators only."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import Invalid, NotFound
from registry.access.issuing import create_token, revoke_token
from registry.api.bodies import refuse_rest, required_text
from registry.api.paging import NumberedPages
from registry.api.resource import Resource
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.api.schema.serializers import IssuedTokenSerializer, TokenRequestSerializer, TokenSerializer
from registry.models import Token
from registry.timestamps import iso, read_expiry


class Rows(serializers.BaseSerializer[Token]):
    """Rows as tokens."""

    def to_representation(self, instance: Token) -> Any:
        """See DRF."""
        return TokenSerializer(_shape(instance)).data


class Tokens(Resource):
    """All tokens."""

    queryset = Token.objects.all()
    serializer_class = Rows
    pagination_class = NumberedPages
    operators_only = True

    @extend_schema(
        operation_id="list_tokens",
        summary="List tokens",
        tags=["tokens"],
        responses={200: TokenSerializer(many=True), **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every token, revoked ones too, without its secret."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(
        operation_id="create_token",
        summary="Make a token",
        tags=["tokens"],
        request=TokenRequestSerializer,
        responses={201: IssuedTokenSerializer, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """The answer holds the secret. It is kept nowhere and cannot be shown again."""
        given = dict(request.data)
        name, scopes = required_text(given, "name"), given.pop("scopes", None)
        if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
            raise Invalid("must be a list of texts", field="scopes")
        expiry = {field: given.pop(field, None) for field in ("expires_at", "expires_in")}
        refuse_rest(given)
        now = self.now
        expires_at = read_expiry(expiry, now)
        expires_in = None if expires_at is None else expires_at - now
        token, secret = create_token(name, scopes, expires_in=expires_in, actor=self.actor(), now=now)
        return Response(IssuedTokenSerializer({**_shape(token), "secret": secret}).data, status=201)


class OneToken(Resource):
    """One token."""

    queryset = Token.objects.all()
    serializer_class = Rows
    operators_only = True

    @extend_schema(
        operation_id="get_token",
        summary="Read a token",
        tags=["tokens"],
        responses={200: TokenSerializer, **PROBLEMS},
    )
    def get(self, request: Request, id: str) -> Response:
        """One token, without its secret."""
        token = self.get_queryset().filter(id=id).first()
        if token is None:
            raise NotFound(f"there is no token with the id {id[:80]!r}")
        return Response(self.get_serializer(token).data)

    @extend_schema(
        operation_id="revoke_token",
        summary="Revoke a token",
        tags=["tokens"],
        responses={200: TokenSerializer, **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, id: str) -> Response:
        """It ends at once; its row stays, because its name stands in the log."""
        return Response(self.get_serializer(revoke_token(id, actor=self.actor(), now=self.now)).data)


def _shape(token: Token) -> dict[str, Any]:
    moments = ("created_at", "expires_at", "revoked_at", "last_used_at")
    given = {name: getattr(token, name) for name in moments}
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes.split(),
        "created_by": token.created_by,
        **{name: iso(moment.timestamp()) if moment else None for name, moment in given.items()},
    }
