"""The bodies of the verbs. Callers use them through `registry.actions`."""
