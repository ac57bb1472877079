"""A fleet of small real services that register themselves, fail, vanish, return, scale and roll out new versions.

An ordinary client of the registry: it speaks the native HTTP API and imports nothing of the registry's own code.
`plan` says what exists and `story` what happens next, both pure; `fleet` makes it true with real servers.
"""
