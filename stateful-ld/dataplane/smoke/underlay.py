"""By which IP the tunnels of the protocol test go: IPv6 when it is called with --over-ipv6."""

import sys

OVER_IPV6 = "--over-ipv6" in sys.argv

VTEP = "fd00:10::11" if OVER_IPV6 else "10.0.0.11"
STEERING = "fd00:ff::1" if OVER_IPV6 else "198.18.0.1"
TUNNEL_BYTES = 70 if OVER_IPV6 else 50
