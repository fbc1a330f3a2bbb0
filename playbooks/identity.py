"""Who is at work, for locks and for the history."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from typing import Final

from irrgate.printable import printable

_VARIABLES: Final = ("GITLAB_USER_LOGIN", "GITHUB_ACTOR", "SUDO_USER", "USER")
"""in a pipeline it is the person who started it, and behind sudo the person who used it"""

MAX_WHO: Final = 200


def who(environ: Mapping[str, str]) -> str:
    """Return `user@host`, as the environment tells; the number of the user where it tells none."""
    user = next((environ[name] for name in _VARIABLES if environ.get(name)), f"uid {os.getuid()}")
    return printable(f"{user}@{socket.gethostname()}")[:MAX_WHO]
