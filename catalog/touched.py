"""The names that changes touch. What is made from the catalog depends on names; it is dropped when one is touched."""

from functools import lru_cache

EVERYTHING = "*"  # touched when no narrower name will do: a reset, a change of freshness
FEDERATION = ""  # stands for a region when the set of regions, or which is nearer, is what is touched


def service_name(namespace: str, service: str) -> str:
    """The name that an answer about one service depends on."""
    return f"{namespace}/{service}"


def namespace_name(namespace: str) -> str:
    """The name that an answer about all services of a namespace depends on."""
    return f"{namespace}/"


def opinion_name(region: str) -> str:
    """The name that an answer with another region's instances depends on at home: the opinions about that region."""
    return f"@{region}"


@lru_cache(maxsize=10_000)
def names_of_service(namespace: str, service: str) -> tuple[str, ...]:
    """The names that a change within a service touches."""
    return service_name(namespace, service), namespace_name(namespace)
