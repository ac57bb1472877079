"""Tokens: listing, issuing and revoking. Operators only."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.errors import NotFound
from catalog.records.body import convert
from registry.access.issuing import create_token, revoke_token
from registry.api.paging import NumberedPages
from registry.api.resource import Listing, Resource
from registry.api.schema import examples
from registry.api.schema.documentation import PROBLEMS, WRITE_PROBLEMS
from registry.api.shapes.token import IssuedTokenShape, TokenRequest, TokenShape
from registry.models import Token
from registry.timestamps import read_expiry


class Tokens(Listing):
    """All tokens."""

    queryset = Token.objects.all()
    pagination_class = NumberedPages
    operators_only = True

    @extend_schema(
        operation_id="list_tokens",
        summary="List tokens",
        tags=["tokens"],
        responses={200: TokenShape, **PROBLEMS},
    )
    def get(self, request: Request) -> Response:
        """Every token, revoked ones too, without its secret."""
        return self.paged(self.get_queryset(), TokenShape.of)

    @extend_schema(
        operation_id="create_token",
        summary="Make a token",
        tags=["tokens"],
        request=TokenRequest,
        examples=[examples.TOKEN_REQUEST],
        responses={201: IssuedTokenShape, **WRITE_PROBLEMS},
    )
    def post(self, request: Request) -> Response:
        """The answer has the secret. It is not stored and cannot be shown again."""
        asked, now = convert(request.data, TokenRequest), self.now
        expires_at = read_expiry({"expires_at": asked.expires_at, "expires_in": asked.expires_in}, now)
        expires_in = None if expires_at is None else expires_at - now
        token, secret = create_token(asked.name, asked.scopes, expires_in=expires_in, actor=self.actor(), now=now)
        return Response(IssuedTokenShape.of(token, secret=secret), status=201)


class OneToken(Resource):
    """One token."""

    queryset = Token.objects.all()
    operators_only = True

    @extend_schema(
        operation_id="get_token",
        summary="Read a token",
        tags=["tokens"],
        responses={200: TokenShape, **PROBLEMS},
    )
    def get(self, request: Request, id: str) -> Response:
        """One token, without its secret."""
        token = self.get_queryset().filter(id=id).first()
        if token is None:
            raise NotFound(f"there is no token with the id {id[:80]!r}")
        return Response(TokenShape.of(token))

    @extend_schema(
        operation_id="revoke_token",
        summary="Revoke a token",
        tags=["tokens"],
        responses={200: TokenShape, **WRITE_PROBLEMS},
    )
    def delete(self, request: Request, id: str) -> Response:
        """It ends at once. Its row stays, because the log names it."""
        return Response(TokenShape.of(revoke_token(id, actor=self.actor(), now=self.now)))
