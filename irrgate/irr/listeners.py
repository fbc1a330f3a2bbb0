"""The sockets that the server listens on."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final

from irrgate.errors import IrrServerError

LOOPBACK: Final = ("127.0.0.1", "::1")
_TRIES: Final = 20
_NO_SUCH_FAMILY: Final = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def listen_on(
    addresses: Sequence[str], port: int, on_warning: Callable[[str], None]
) -> list[socket.socket]:
    """Return a bound socket for each address, all of one port (0: a free one).

    Without addresses these are the loopback ones; there a family that the machine does not have
    is left out with a warning. Raises IrrServerError.
    """
    for _ in range(_TRIES):
        sockets: list[socket.socket] = []
        try:
            for address in addresses or LOOPBACK:
                chosen = sockets[0].getsockname()[1] if sockets else port
                try:
                    sockets.append(_bound(address, chosen))
                except OSError as exc:
                    if addresses or exc.errno not in _NO_SUCH_FAMILY:
                        raise
                    on_warning(f"{address}: not on this machine ({exc.strerror})")
            if sockets:
                return sockets
            raise OSError(errno.EADDRNOTAVAIL, "no loopback address")
        except OSError as exc:
            for one in sockets:
                one.close()
            # Free for one address is not free for all: take another one.
            if port == 0 and sockets and exc.errno == errno.EADDRINUSE:
                continue
            raise IrrServerError(
                f"{address} port {port}",
                f"cannot listen: {exc.strerror or exc}",
                hint="a port below 1024 needs a privilege; choose another with --port",
            ) from exc
    raise IrrServerError(", ".join(addresses), "no port is free on all of these addresses")


def _bound(address: str, port: int) -> socket.socket:
    flags = socket.AI_NUMERICHOST | socket.AI_PASSIVE
    family, *_, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=flags)[0]
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(target)
    except OSError:
        bound.close()
        raise
    return bound
