"""Pages of a list: by number, or by cursor for a list that grows while it is read."""

from typing import Any

from rest_framework.pagination import CursorPagination, PageNumberPagination
from rest_framework.request import Request

from catalog.errors import Invalid

PAGE_SIZE, LARGEST_PAGE = 50, 1000
PAGING_PARAMETERS = frozenset({"page", "page_size", "cursor", "format"})


class NumberedPages(PageNumberPagination):
    """`?page=2&page_size=100`, answered with `count`, `next`, `previous` and `results`."""

    page_size = PAGE_SIZE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"

    def get_page_size(self, request: Request) -> int:
        """The size asked for; raises Invalid instead of guessing."""
        return page_size(request)


class CursorPages(CursorPagination):
    """`?cursor=…` as given in `next`: entries added meanwhile repeat and hide none."""

    page_size = PAGE_SIZE
    max_page_size = LARGEST_PAGE
    page_size_query_param = "page_size"
    ordering = ("-index", "region")

    def get_page_size(self, request: Request) -> int:
        """The size asked for; raises Invalid instead of guessing."""
        return page_size(request)

    def decode_cursor(self, request: Request) -> Any:
        """The position of `cursor`; raises Invalid where the framework would start from the top."""
        cursor = super().decode_cursor(request)
        if cursor is not None and cursor.position is None and not cursor.offset:
            raise Invalid("is not a cursor: take it from `next` or `previous` of a page", field="cursor")
        return cursor


def page_size(request: Request) -> int:
    """`page_size` of a request, or the default. Raises Invalid."""
    text = request.query_params.get("page_size", str(PAGE_SIZE))
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= LARGEST_PAGE:
        raise Invalid(f"{text[:20]!r} is not a size: use 1 to {LARGEST_PAGE}", field="page_size")
    return int(text)
