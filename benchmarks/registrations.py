"""Durable registrations beside etcd taking the same bytes, and renewals beside the registrations."""

import base64
import itertools

from benchmarks.rig.content import BODY, register
from benchmarks.rig.harness import Figure, Harness
from benchmarks.rig.load import Load

NAME = "registrations"
TARGET = (
    "durable registrations, 64 connections, one instance each: etcd's puts by its JSON gateway; renewals 5 times that"
)

CONNECTIONS = 64
RENEWED = 2000  # instances that are renewed in turn

REGISTER = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("PUT", "/services/bench-" .. (n % 100) .. "/run{run}-" .. n, nil, [[{body}]])
end
"""
PUT = """
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local function encoded(text)
  return ((text:gsub(".", function(x)
    local r, b = "", x:byte()
    for i = 8, 1, -1 do r = r .. (b % 2 ^ i - b % 2 ^ (i - 1) > 0 and "1" or "0") end
    return r
  end) .. "0000"):gsub("%d%d%d?%d?%d?%d?", function(x)
    if #x < 6 then return "" end
    local c = 0
    for i = 1, 6 do c = c + (x:sub(i, i) == "1" and 2 ^ (6 - i) or 0) end
    return alphabet:sub(c + 1, c + 1)
  end) .. ({{"", "==", "="}})[#text % 3 + 1])
end
-- The keys are made beforehand, so that the load generator does not measure itself.
local bodies = {{}}
for n = 1, 5000 do
  bodies[n] = '{{"key":"' .. encoded("services/bench-" .. (n % 100) .. "/run{run}-" .. n) .. '","value":"{value}"}}'
end
local n = 0
request = function()
  n = n % 5000 + 1
  return wrk.format("POST", "/v3/kv/put", nil, bodies[n])
end
"""
RENEW = """
local n = 0
request = function()
  n = n % {renewed} + 1
  return wrk.format("PUT", "/services/renewed/renewed-" .. (n - 1) .. "/renew")
end
"""


def run(harness: Harness) -> list[Figure]:
    """See TARGET."""
    runs = itertools.count()
    value = base64.b64encode(BODY).decode()

    def registrations() -> float:
        script = REGISTER.format(run=next(runs), body=BODY.decode())
        return _good(harness.wrk(region.url, connections=CONNECTIONS, script=script))

    def puts() -> float:
        script = PUT.format(run=next(runs), value=value)
        return _good(harness.wrk(etcd, connections=CONNECTIONS, script=script))

    def renewals() -> float:
        return _good(harness.wrk(region.url, connections=CONNECTIONS, script=RENEW.format(renewed=RENEWED)))

    with harness.region() as region, harness.etcd() as etcd:
        register(region.url, "renewed", RENEWED)
        rates = harness.medians(registrations=registrations, etcd=puts, renewals=renewals)
    note = f"{rates['registrations']:,.0f}/s; etcd {rates['etcd']:,.0f}/s; {len(BODY)} bytes each"
    ratio = rates["renewals"] / rates["registrations"]
    return [
        Figure(
            name="registrations to etcd's puts",
            value=rates["registrations"] / rates["etcd"],
            unit="x",
            target=1,
            note=note,
        ),
        Figure(name="renewals to registrations", value=ratio, unit="x", target=5, note=f"{rates['renewals']:,.0f}/s"),
    ]


def _good(load: Load) -> float:
    """The rate of a load whose answers were all good."""
    if load.bad:
        raise RuntimeError(f"{load.bad} answers were refused")
    return load.rate
