"""The control socket of an emulated router, both ends: a JSON object a line in, one out."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Answer = Callable[[str, dict[str, object]], object]


@contextmanager
def _control_path(directory: Path) -> Iterator[str]:
    # A unix socket's path has at most 107 bytes, and a test's temporary directory often more.
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/control.sock"
    finally:
        os.close(descriptor)


def bind_control(directory: Path) -> socket.socket:
    """The listening control socket; one that a killed device left is replaced."""
    (directory / "control.sock").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _control_path(directory) as path:
        listener.bind(path)
    listener.listen()
    return listener


def call_control(directory: Path, request: Mapping[str, object], timeout: float = 60.0) -> object:
    """Ask a running device by `{"op": …}`; ValueError with the device's words when it says no.

    Raises OSError when the device does not run.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        with _control_path(directory) as path:
            connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    if not line:
        raise ConnectionResetError(f"{directory.name}: the device closed its control socket")
    answer = json.loads(line)
    if "error" in answer:
        raise ValueError(answer["error"])
    return answer["result"]


def serve_control(listener: socket.socket, answer: Answer) -> None:
    """Answer requests, in threads, by `answer(op, arguments)`; its ValueError is told."""
    threading.Thread(target=_accept, args=(listener, answer), name="control", daemon=True).start()


def _accept(listener: socket.socket, answer: Answer) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, answer), daemon=True).start()


def _serve(connection: socket.socket, answer: Answer) -> None:
    with connection, connection.makefile("rb") as requests:
        for line in requests:
            reply: dict[str, object]
            try:
                request = json.loads(line)
                reply = {"result": answer(request.pop("op"), request)}
            except (ValueError, KeyError, TypeError) as exc:
                reply = {"error": f"{type(exc).__name__}: {exc}"}
            try:
                connection.sendall(json.dumps(reply).encode() + b"\n")
            except OSError:
                return
