"""A server that says exactly what a test lets it say, for the client's tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def server(answer: Callable[[bytes], bytes], family: int = socket.AF_INET) -> Iterator[int]:
    """A server for one client; an answer that ends in b"END" ends the connection."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    listener = socket.socket(family)
    listener.bind((host, 0))
    listener.listen()

    def serve() -> None:
        with suppress(OSError):
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                for line in lines:
                    said = answer(line.strip())
                    connection.sendall(said.removesuffix(b"END"))
                    if said.endswith(b"END"):
                        return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        # Wakes an accept() that still waits.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        assert not thread.is_alive()
