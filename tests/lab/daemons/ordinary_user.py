"""A user of this system who is not root, for as long as a test lasts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SUDOERS: Final = Path("/etc/sudoers.d")


@contextmanager
def ordinary_user(name: str, *, sudo: bool) -> Iterator[str]:
    """Make a user, who may become root by `sudo` without a password, or not at all."""
    rule = SUDOERS / name
    # `*` is no password, and unlike `!` no lock: sshd lets nobody in whose account is locked.
    argv = ["useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", "/bin/sh"]
    subprocess.run([*argv, "--password", "*", name], check=True)
    try:
        if sudo:
            rule.write_text(f"{name} ALL=(root) NOPASSWD: ALL\n")
            rule.chmod(0o440)
        yield name
    finally:
        rule.unlink(missing_ok=True)
        subprocess.run(["userdel", name], check=True)
