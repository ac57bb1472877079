"""Suggestions for an unknown name: it may be mistyped, or registered elsewhere."""

from collections.abc import Iterable
from difflib import get_close_matches

from catalog.records.instance import Instance
from catalog.view import ServiceName, View

MOST = 8
LIKENESS = 0.6  # difflib's own threshold
LONGEST = 253  # characters of a name: nothing is similar to a longer one, and comparing it would take long


def similar_services(view: View, namespace: str, service: str) -> list[ServiceName]:
    """Services of the same name in other namespaces, then those with similar names, the most similar first."""
    known = {name for part in list(view.regions.values()) for name in dict(part.services)}
    same = sorted(name for name in known if name[1] == service and name[0] != namespace)
    similar = _similar(service, {name for _, name in known} - {service})
    ordered = sorted(known, key=lambda name: name[0] != namespace)
    found = [name for close in similar for name in ordered if name[1] == close]
    return (same + found)[:MOST]


def similar_instances(view: View, region: str, namespace: str, service: str, id: str) -> list[Instance]:
    """Instances with the same id elsewhere, then those of the service with similar ids."""
    same: list[Instance] = []
    others: dict[str, Instance] = {}
    for name, part in sorted(view.regions.items()):
        for (space, called), instances in dict(part.services).items():
            if id in instances:
                same.append(instances[id])
            if (space, called) == (namespace, service):
                others |= {other: found for other, found in instances.items() if other not in others or name == region}
    # The nearest of those with the same id first: the same service elsewhere before another one.
    same.sort(key=lambda found: ((found.namespace, found.service) != (namespace, service), found.region, found.service))
    like = [others[close] for close in _similar(id, others.keys() - {id})]
    return (same + like)[:MOST]


def _similar(name: str, names: Iterable[str]) -> list[str]:
    """Those that differ by some letters, then those that contain it or that it contains."""
    if len(name) > LONGEST:
        return []
    every = sorted(names)
    close = get_close_matches(name, every, n=MOST, cutoff=LIKENESS)
    holding = [other for other in every if len(name) > 2 and (name in other or other in name)]
    return list(dict.fromkeys([*close, *sorted(holding, key=len)]))[:MOST]
