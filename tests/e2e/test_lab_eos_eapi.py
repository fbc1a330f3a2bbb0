"""The emulated EOS's eAPI itself: forms and errors that the driver hides or works around."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.harness import LabDevice

pytestmark = pytest.mark.e2e

LIST = ["ip prefix-list A", "seq 10 permit 192.0.2.0/24"]


@pytest.fixture(scope="module")
def powered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabDevice]:
    directory = tmp_path_factory.mktemp("eapi")
    with LabDevice.start("eos", "edge1", directory / "edge1") as device:
        yield device


@pytest.fixture
def edge1(powered: LabDevice) -> LabDevice:
    powered.ask("forget_sessions")
    powered.set_running("hostname edge1\n")
    return powered


def post(device: LabDevice, body: bytes, path: str = "/command-api") -> dict[str, object]:
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    url = f"https://{device.host}:{device.port}"
    passwords.add_password(None, url, device.username, device.password)
    context = ssl.create_default_context(cafile=str(device.certificate))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPBasicAuthHandler(passwords),
    )
    with opener.open(url + path, data=body, timeout=10) as answer:
        content = json.loads(answer.read())
    assert isinstance(content, dict)
    return content


def run(device: LabDevice, *commands: str, form: str = "json") -> dict[str, object]:
    params = {"version": 1, "cmds": ["enable", *commands], "format": form}
    request = {"jsonrpc": "2.0", "method": "runCmds", "params": params, "id": "7"}
    answer = post(device, json.dumps(request).encode())
    assert answer.pop("jsonrpc") == "2.0"
    assert answer.pop("id") == "7"
    return answer


def shown_sessions(device: LabDevice, command: str) -> dict[str, Any]:
    result = run(device, command)["result"]
    assert isinstance(result, list)
    assert isinstance(result[1], dict)
    return result[1]


def test_a_failure_has_the_outputs_before_it_and_its_own_errors(edge1: LabDevice) -> None:
    answer = run(edge1, "show hostname", "configure session s", *LIST, "seq 20 permit x", "end")
    message = "CLI command 6 of 7 'seq 20 permit x' failed: invalid command"
    hostname = {"hostname": "edge1", "fqdn": "edge1"}
    errors = {"errors": ["Invalid input (at token 3: 'x')"]}
    assert answer == {
        "error": {"code": 1002, "message": message, "data": [{}, hostname, {}, {}, {}, errors]}
    }
    # What came before stays in the session.
    diff = run(edge1, "show session-config named s diffs", form="text")
    assert "+   seq 10 permit 192.0.2.0/24" in json.dumps(diff)


@pytest.mark.parametrize(
    ("command", "form", "code", "text"),
    [
        ("show running-config", "json", 1003, "unconverted command"),
        ("show lunch", "text", 1002, "Invalid input (at token 1: 'lunch')"),
        ("lunch", "text", 1002, "Invalid input (at token 0: 'lunch')"),
        ("configure session s abort", "text", 1000, "Session s does not exist"),
        ("configure session s commit", "text", 1000, "Session s does not exist"),
        ("show session-config named s diffs", "text", 1000, "Session s does not exist"),
        ("configure replace flash:nothing", "text", 1000, "No such file"),
        ("configure replace flash:../startup.conf", "text", 1002, "Invalid input"),
    ],
)
def test_a_command_that_fails(
    edge1: LabDevice, command: str, form: str, code: int, text: str
) -> None:
    error = run(edge1, command, form=form)["error"]
    assert isinstance(error, dict)
    assert error["code"] == code
    assert text in json.dumps(error)


@pytest.mark.parametrize("timer", ["00:00:00", "00:61:00", "0:0:61"])
def test_a_timer_that_cannot_be(edge1: LabDevice, timer: str) -> None:
    run(edge1, "configure session s", *LIST, "end")
    answer = run(edge1, f"configure session s commit timer {timer}")
    assert "error" in answer
    assert "prefix-list" not in edge1.running()


@pytest.mark.parametrize(
    ("version", "state", "timer_is_apart"),
    [("4.33.1F", "committed", True), ("4.31.4M", "pendingCommitTimer", False)],
)
def test_a_pending_timer_is_shown_as_the_version_does(
    edge1: LabDevice, version: str, state: str, *, timer_is_apart: bool
) -> None:
    edge1.ask("version", version=version)
    run(edge1, "configure session s", *LIST, "end")
    run(edge1, "configure session s commit timer 00:05:00")
    shown = shown_sessions(edge1, "show configuration sessions detail")
    assert shown["sessions"]["s"]["state"] == state
    assert ("commitTimerSessionName" in shown) is timer_is_apart
    assert ("commitBy" in shown["sessions"]["s"]) is not timer_is_apart
    edge1.ask("version", version="4.33.1F")


def test_one_completed_session_is_kept(edge1: LabDevice) -> None:
    for name in ("first", "second"):
        run(edge1, f"configure session {name}", f"hostname {name}", "commit")
    shown = shown_sessions(edge1, "show configuration sessions")
    assert {name: s["state"] for name, s in shown["sessions"].items()} == {"second": "committed"}


def test_a_section_of_the_running_config(edge1: LabDevice) -> None:
    edge1.set_running("\n".join(["hostname edge1", *LIST]))
    answer = run(edge1, "show running-config section prefix-list", form="text")
    assert answer == {
        "result": [{"output": ""}, {"output": "\n".join([LIST[0], f"   {LIST[1]}", "!", ""])}]
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[]", -32602),
        (b'{"method": "sayHello", "params": {}, "id": 1}', -32602),
        (b'{"method": "runCmds", "params": {"version": 9, "cmds": []}, "id": 1}', -32602),
    ],
)
def test_a_request_that_is_none(edge1: LabDevice, body: bytes, code: int) -> None:
    error = post(edge1, body)["error"]
    assert isinstance(error, dict)
    assert error["code"] == code


def test_there_is_nothing_at_another_path(edge1: LabDevice) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        post(edge1, b"{}", path="/elsewhere")
