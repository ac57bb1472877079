"""Every way to change the catalog of this region.

A verb is called as `register(...)`, which blocks until its commit, or as `await register.aio(...)`. Each takes the
keyword-only `actor` (who: `token:deployer@10.0.0.7/http`) and `cause` (why, in words); both are kept in the log.
"""

from registry.verbs.expiry import expire, remove_critical
from registry.verbs.overrides import OverrideRequest, clear_override, expire_overrides, set_override
from registry.verbs.policies import PolicyRequest, PolicySet, clear_policy, set_policy
from registry.verbs.registration import Registered, deregister, register, register_many
from registry.verbs.reports import Report, report_checks, revive

__all__ = [
    "OverrideRequest",
    "PolicyRequest",
    "PolicySet",
    "Registered",
    "Report",
    "clear_override",
    "clear_policy",
    "deregister",
    "expire",
    "expire_overrides",
    "register",
    "register_many",
    "remove_critical",
    "report_checks",
    "revive",
    "set_override",
    "set_policy",
]
