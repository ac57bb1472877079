"""Which regions' catalogs are kept here: this region's own, and the mirrors of others."""

from concurrent.futures import ThreadPoolExecutor

from registry.database import in_thread
from registry.models import Region

# A thread of its own: a database that hangs must hold up nothing else, and only one question waits for it at a time.
_asking = ThreadPoolExecutor(1, thread_name_prefix="meridian-regions")


async def kept() -> frozenset[str]:
    """The names of the regions whose logs are kept here. Raises Unavailable when the database cannot be asked."""
    return await in_thread(
        lambda: frozenset(Region.objects.values_list("name", flat=True)),
        on=_asking,
        complaint="the database cannot be read",
    )
