"""The admin site: the record as operators look at it and correct it.

Everything that is written goes through the verbs of `registry.actions` and `registry.tokens.issuing`; the ways around
them that the framework offers are closed in `record`.
"""

from registry.admin.changes import ChangeAdmin
from registry.admin.holds import HoldAdmin
from registry.admin.instances import InstanceAdmin
from registry.admin.overrides import OverrideAdmin
from registry.admin.policies import PolicyAdmin
from registry.admin.regions import RegionAdmin
from registry.admin.tokens import TokenAdmin
from registry.admin.tombstones import TombstoneAdmin

__all__ = [
    "ChangeAdmin", "HoldAdmin", "InstanceAdmin", "OverrideAdmin", "PolicyAdmin", "RegionAdmin", "TokenAdmin",
    "TombstoneAdmin",
]  # fmt: skip
