"""An SSH client configuration that adds the workspace's known_hosts to the user's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from irrgate.whole_file import write_whole


def write_ssh_config(workspace: Path, known_hosts: Path) -> Path:
    """Write the configuration under `.irrgate/` and return its path; 0600, whole or not there.

    ncclient learns of a known_hosts file only from an SSH configuration. The user's own follows
    after ours, since the first value of an option counts and jump hosts and keys stand there.
    """
    own = Path("~/.ssh/config").expanduser()
    users = own.read_text(encoding="utf-8", errors="replace") if own.is_file() else ""
    text = f'Host *\n    UserKnownHostsFile "{known_hosts.resolve()}"\n{users}'
    directory = workspace / ".irrgate"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Named by its content, so that hosts with different files do not overwrite each other's.
    path = directory / f"ssh_config-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not path.is_file():
        write_whole(path, text.encode(), 0o600)
    return path
