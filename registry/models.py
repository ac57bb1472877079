"""All tables of the registry, where Django looks for them."""

from registry.tables.change import ChangeRow
from registry.tables.held import HeldRow
from registry.tables.instance import InstanceRow
from registry.tables.override import OverrideRow
from registry.tables.policy import PolicyRow
from registry.tables.region import Region
from registry.tables.token import Token
from registry.tables.tombstone import Tombstone

__all__ = ["ChangeRow", "HeldRow", "InstanceRow", "OverrideRow", "PolicyRow", "Region", "Token", "Tombstone"]
