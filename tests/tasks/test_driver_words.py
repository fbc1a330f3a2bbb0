"""What is said of the drivers' exceptions; those that routers cause are in tests/e2e."""

from __future__ import annotations

import pytest
from jnpr.junos.exception import RpcError  # type: ignore[import-untyped]
from lxml import etree
from napalm.base.exceptions import CommitConfirmException, CommitError, LockError, UnlockError
from nornir.core.inventory import ConnectionOptions, Host
from pyeapi.eapilib import (  # type: ignore[import-untyped]
    CommandError,
)
from pyeapi.eapilib import (
    ConnectionError as EapiConnectionError,
)

from irrgate.errors import DeviceError, WorkspaceError
from tasks.device_errors import MAX_WORDS, device_errors
from tasks.driver_words import driver_words
from tasks.drivers.errors import CommitRefused

HOST = Host(
    "edge1.mex",
    password="hosts-secret",
    connection_options={
        "napalm": ConnectionOptions(
            password="naps-secret", extras={"optional_args": {"secret": "enable-secret"}}
        )
    },
)


def told(exc: Exception, step: str = "load") -> DeviceError:
    with pytest.raises(DeviceError) as caught, device_errors(HOST, step):
        raise exc
    assert caught.value.subject == "edge1.mex"
    assert caught.value.__cause__ is exc
    return caught.value


@pytest.mark.parametrize("subject", ["192.0.2.1", "edge1.mex"])
def test_what_a_driver_of_our_own_says_has_a_routers_words_in_it(subject: str) -> None:
    words = "seq 5: % no\x1b[2J hosts-secret, naps-secret,\r\n enable-secret"
    with pytest.raises(DeviceError) as caught, device_errors(HOST, "commit"):
        raise CommitRefused(subject, words)
    step = "" if subject == "edge1.mex" else "commit: "
    assert caught.value.subject == "edge1.mex"
    assert caught.value.reason == f"{step}seq 5: % no?[2J ***, ***, ***"


def command_error(*errors: str) -> CommandError:
    message = "CLI command 2 of 9 'seq 10 permit x' failed: invalid command"
    return CommandError(1002, message, command_error="?", output=[{}, {"errors": list(errors)}])


def test_a_commands_own_errors_are_passed_on() -> None:
    assert told(command_error("Invalid input (at token 3: 'x')")).reason == (
        "load: CLI command 2 of 9 'seq 10 permit x' failed: invalid command: "
        "Invalid input (at token 3: 'x')"
    )
    assert driver_words(command_error(*"abcdefgh")).text.endswith(": a: b: c: d: e: and 3 more")


def test_the_error_behind_a_failing_clean_up_is_the_one_that_is_told() -> None:
    failing = command_error("abort: no such session")
    failing.__context__ = command_error("the reason")
    assert driver_words(failing).text.endswith("the reason")


@pytest.mark.parametrize("kind", [CommitError, CommitConfirmException, LockError, UnlockError])
def test_napalms_own_errors_are_told_though_they_are_named_as_others(
    kind: type[Exception],
) -> None:
    assert told(kind("No pending commit-confirm found!"), "confirm").reason == (
        "confirm: No pending commit-confirm found!"
    )


def test_rpc_errors_are_told_once_each_with_what_they_stumbled_over() -> None:
    error = {"severity": "error", "message": "syntax error", "bad_element": "fltr-list"}
    other = {
        "severity": "error",
        "message": "missing mandatory statement: 'x'",
        "bad_element": "'x'",
    }
    rpc_error = RpcError(rsp=etree.Element("rpc-error"), errs=[error, error, other])
    assert driver_words(rpc_error).text == (
        "syntax error (fltr-list); missing mandatory statement: 'x'"
    )


def test_what_is_not_known_is_told_as_it_is() -> None:
    assert driver_words(ZeroDivisionError("by zero")).text == "by zero"
    assert driver_words(NotImplementedError()).text == (
        "failed without a word (NotImplementedError)"
    )
    assert driver_words(OSError(113, "No route to host")).text == "No route to host"


def test_words_are_one_line_without_secrets_or_control_characters() -> None:
    said = "a\n  b\x1b[2J \u202e hosts-secret naps-secret"
    assert told(RuntimeError(said)).reason == "load: a b?[2J ? *** ***"
    assert len(told(RuntimeError("x" * 10_000)).reason) == len("load: ") + MAX_WORDS


def test_a_refused_login_has_a_hint() -> None:
    error = told(EapiConnectionError("https", "Unauthorized. Unable to authenticate user"))
    assert error.reason == "load: did not accept the username with its password or key"
    assert error.hint.startswith("set IRRGATE_USERNAME")


def test_our_own_errors_pass_with_the_routers_name() -> None:
    own = DeviceError("edge1.mex", "commit: is full")
    with pytest.raises(DeviceError) as caught, device_errors(HOST, "load"):
        raise own
    assert caught.value is own
    other = told(WorkspaceError("ca_file", "cannot be read", hint="look"), "connect")
    assert (other.reason, other.hint) == ("connect: cannot be read", "look")


@pytest.mark.parametrize("subject", ["edge1.mex", "192.0.2.1"])
def test_a_secret_in_an_error_of_our_own_is_not_told(subject: str) -> None:
    said = DeviceError(subject, "HTTP 500: user a, password hosts-secret, naps-secret", hint="look")
    error = told(said)
    assert error.reason.endswith("HTTP 500: user a, password ***, ***")
    assert error.hint == "look"
