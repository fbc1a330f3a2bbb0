"""Who is at work, from what the environment says."""

from __future__ import annotations

import os
import pwd
import socket

import pytest

from playbooks.identity import MAX_WHO, who

HERE = socket.gethostname()


@pytest.mark.parametrize(
    ("environ", "user"),
    [
        ({"USER": "ana"}, "ana"),
        ({"USER": "root", "SUDO_USER": "ana"}, "ana"),
        ({"USER": "runner", "GITHUB_ACTOR": "ana-g"}, "ana-g"),
        ({"USER": "runner", "GITLAB_USER_LOGIN": "ana.g", "GITHUB_ACTOR": "x"}, "ana.g"),
        ({"GITLAB_USER_LOGIN": "", "USER": "ana"}, "ana"),
        ({}, pwd.getpwuid(os.getuid()).pw_name),
        ({"USER": "a\x1b[2J\nb"}, "a\\x1b[2J\\nb"),
    ],
)
def test_the_person_before_the_account(environ: dict[str, str], user: str) -> None:
    assert who(environ) == f"{user}@{HERE}"


def test_a_name_that_never_ends() -> None:
    assert len(who({"USER": "x" * 5000})) == MAX_WHO
