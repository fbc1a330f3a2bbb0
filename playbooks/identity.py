"""Who is at work, for locks and for the history."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Mapping
from typing import Final

from irrgate.printable import printable

_VARIABLES: Final = ("GITLAB_USER_LOGIN", "GITHUB_ACTOR", "SUDO_USER", "USER")
"""in a pipeline it is the person who started it, and behind sudo the person who used it"""

MAX_WHO: Final = 200


def who(environ: Mapping[str, str]) -> str:
    """Return `user@host`, as the environment tells, or else the system."""
    user = next((environ[name] for name in _VARIABLES if environ.get(name)), "") or _own_name()
    return printable(f"{user}@{socket.gethostname()}")[:MAX_WHO]


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
