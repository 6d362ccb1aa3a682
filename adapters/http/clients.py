"""Who a client is: its address, as far as one subscriber has it to himself."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable


def subscriber(host: str | None) -> Hashable:
    """What one client has: an address, and of IPv6 the network that one subscriber is given."""
    if host is None:
        return None
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address.packed[:8]
    return address
