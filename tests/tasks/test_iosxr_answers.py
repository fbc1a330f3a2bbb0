"""What is made of the answers of an IOS-XR router: its diffs, its refusals, who holds the lock."""

from __future__ import annotations

import pytest
from lxml import etree
from ncclient.operations.rpc import RPCError

from tasks.drivers.iosxr_answers import (
    bgp_tables,
    clean_diff,
    cli_text,
    is_locked,
    is_warning,
    lock_holder,
    lock_session,
    said,
)

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
CLI = "http://cisco.com/ns/yang/Cisco-IOS-XR-cli-cfg"


def error(tag: str, message: str = "", info: str = "", severity: str = "error") -> RPCError:
    told = f"<error-message>{message}</error-message>" if message else ""
    more = f"<error-info>{info}</error-info>" if info else ""
    return RPCError(
        etree.fromstring(
            f'<rpc-error xmlns="{BASE}"><error-type>application</error-type>'
            f"<error-tag>{tag}</error-tag><error-severity>{severity}</error-severity>"
            f"{told}{more}</rpc-error>"
        )
    )


def several(*errors: RPCError) -> RPCError:
    return RPCError(etree.Element("rpc-reply"), errs=list(errors))


def diff(text: str) -> str:
    return f'<rpc-reply xmlns="{BASE}"><response xmlns="x">{text}</response></rpc-reply>'


# Diffs


@pytest.mark.parametrize(
    "around",
    [
        ("Building configuration...\n!! IOS XR Configuration 7.6.2\n", "end\n"),
        ("Wed Nov 23 11:08:30.275 CET\nBuilding configuration...\n!! IOS XR 7.6.2\n", "end\n\n"),
        ("!! Last configuration change at Fri Oct  2 23:27:33 2020 by admin\n\n", ""),
        ("", ""),
    ],
)
def test_a_diff_is_the_same_at_any_time(around: tuple[str, str]) -> None:
    lines = "   prefix-set X\n&lt;-   10.0.0.0/8\n+>   10.0.0.0/8,\n   end-set\n   !\n"
    wanted = "   prefix-set X\n<-   10.0.0.0/8\n+>   10.0.0.0/8,\n   end-set\n   !"
    assert clean_diff(diff(around[0] + lines + around[1])) == wanted


@pytest.mark.parametrize(
    "answer",
    [diff(""), diff("\n"), diff("Building configuration...\n!! IOS XR 7.6.2\nend\n"),
     f'<rpc-reply xmlns="{BASE}"/>', f'<rpc-reply xmlns="{BASE}"><response/></rpc-reply>'],
)  # fmt: skip
def test_no_difference_is_no_text(answer: str) -> None:
    assert not clean_diff(answer)


def test_an_answer_without_a_configuration_is_none() -> None:
    data = f'<rpc-reply xmlns="{BASE}"><data>{{}}</data></rpc-reply>'
    assert not cli_text(data.format(""))
    assert not cli_text(data.format(f'<cli xmlns="{CLI}"/>')).strip()
    assert cli_text(data.format(f'<cli xmlns="{CLI}">\n!! x\nend\n\n</cli>')) == "!! x\nend\n"


# Refusals


def test_an_error_without_a_message_has_its_tag() -> None:
    assert said(error("operation-failed")) == ("operation-failed", "")
    bad = "<bad-element>prefix-set</bad-element>"
    assert said(error("unknown-element", info=bad)) == ("unknown-element (prefix-set)", "")
    assert said(error("x", "no prefix-set here", bad)) == ("no prefix-set here", "")
    assert said(error("x", "  two\n   lines ")) == ("two lines", "")


def test_of_many_errors_the_first_are_told() -> None:
    text, hint = said(several(*(error("x", f"error {n}") for n in (1, 1, 2, 3, 4, 5, 6, 7))))
    assert text == "error 1; error 2; error 3; error 4; error 5; and 2 more"
    assert not hint


def test_a_router_that_is_too_old_is_told_so() -> None:
    info = f"<bad-element>cli</bad-element><bad-namespace>{CLI}</bad-namespace>"
    text, hint = said(error("unknown-namespace", info=info))
    assert text == "unknown-namespace (cli)"
    assert "IOS-XR 7.0 or later" in hint


@pytest.mark.parametrize(
    ("exc", "holder"),
    [
        (error("lock-denied", info="<session-id>146959354</session-id>"), "session 146959354"),
        (error("lock-denied", info="<session-id>0</session-id>"), "a session of the command line"),
        (error("in-use"), "somebody else"),
        (error("operation-failed", "Datastore Locked"), "somebody else"),
        (several(error("x", "y"), error("lock-denied")), "somebody else"),
    ],
)
def test_who_holds_the_lock(exc: RPCError, holder: str) -> None:
    assert lock_holder(exc) == f"{holder} holds the lock on its configuration"
    assert is_locked(exc)


@pytest.mark.parametrize("text", ["clock timezone", "blocked", "unlocked", "Invalid input: block"])
def test_words_that_only_sound_like_it(text: str) -> None:
    exc = error("operation-failed", text)
    assert not is_locked(exc)
    assert lock_holder(exc) is None
    assert lock_session(exc) is None


def test_warnings_are_none_when_an_error_is_among_them() -> None:
    warning = error("x", "careful", severity="warning")
    assert is_warning(warning)
    assert is_warning(several(warning, warning))
    assert not is_warning(several(warning, error("x", "no")))
    assert not is_warning(error("x"))
    assert not is_warning(ValueError())


def test_a_router_without_bgp_has_no_sessions() -> None:
    answer = f'<rpc-reply xmlns="{BASE}"><data/></rpc-reply>'
    assert bgp_tables(answer) == {"global": {"router_id": "", "peers": {}}}
