"""`cidr_match(address, network)`: whether an IP address lies in a network."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import polars as pl
from sqlglot import exp

from heimdall.query.frame.values import each
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, choose, either, null, string
from heimdall.query.types import Type


def _sql(address: exp.Expression, network: str) -> exp.Expression:
    text = call("ifNull", address, string(""))
    valid = either(call("isIPv4String", text), call("isIPv6String", text.copy()))
    safe = choose(valid, call("toString", text.copy()), string("::"))  # both branches may be computed for every row
    inside = call("isIPAddressInRange", safe, string(str(ip_network(network, strict=False))))
    return choose(valid.copy(), inside, null())


def _frame(address: pl.Expr, network: str) -> pl.Expr:
    parsed = ip_network(network, strict=False)

    def inside(text: str) -> bool | None:
        try:
            found = ip_address(text)
        except ValueError:
            return None
        return found in parsed

    return each(address, inside, pl.Boolean)


FUNCTION = Function(
    name="cidr_match",
    signature="cidr_match(address, network)",
    doc="Whether an IPv4 or IPv6 address lies in a network such as `10.0.0.0/8`; nothing when it is no address.",
    example='* | where cidr_match(client.ip, "10.0.0.0/8")',
    takes=(Kind.TEXT, Kind.LITERAL),
    gives=Type.BOOLEAN,
    sql=lambda a: _sql(a.text(0), str(a.literal(1))),
    frame=lambda a: _frame(a.text(0), str(a.literal(1))),
)
