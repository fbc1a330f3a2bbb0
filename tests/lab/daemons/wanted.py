"""Which real programs are here; tests that need one that is not are skipped, but never in CI."""

from __future__ import annotations

import os
import shutil

import pytest

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"


def program(name: str) -> str | None:
    """Where a daemon's program is, or None."""
    return shutil.which(name, path=PATH)


def needs(*programs: str, root: bool = False) -> pytest.MarkDecorator:
    """Skip where a program is missing: loudly here, and with CI=true the tests run and fail."""
    missing = [name for name in programs if program(name) is None]
    if root and os.getuid():
        return pytest.mark.skipif(os.environ.get("CI") != "true", reason="needs root")
    return pytest.mark.skipif(
        bool(missing) and os.environ.get("CI") != "true",
        reason=f"{', '.join(missing)} not installed: .ci/install-daemons does it",
    )


needs_sshd = needs("sshd", "ssh-keygen")
needs_bird = needs("bird", "birdc", "ip")
FRR = "/usr/lib/frr"
"""by its whole path: OpenBGPD has a bgpd as well"""
needs_frr = needs(f"{FRR}/bgpd", f"{FRR}/zebra", "vtysh", "ip", root=True)
needs_openbgpd = needs("bgpctl", "ip", root=True)
needs_sudo = needs("sudo", "useradd", "userdel", root=True)
