"""Which regions' catalogs are kept here: this region's own, and the mirrors of others."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from django.db import DatabaseError, close_old_connections, connection

from catalog.errors import Unavailable
from registry.models import Region

# A thread of its own: a database that hangs must hold up nobody else, and only one question waits for it at a time.
_asking = ThreadPoolExecutor(1, thread_name_prefix="meridian-regions")


async def kept() -> frozenset[str]:
    """The names of the regions whose logs are kept here. Raises Unavailable when the database cannot be asked."""
    return await asyncio.get_running_loop().run_in_executor(_asking, _kept)


def _kept() -> frozenset[str]:
    try:
        close_old_connections()
        return frozenset(Region.objects.values_list("name", flat=True))
    except DatabaseError as error:
        connection.close()
        raise Unavailable(f"the database cannot be read: {error}".strip()) from error
