"""Running configs of SR OS, as NETCONF gives them."""

from __future__ import annotations

NAME = "IRR-AS1-V4"
SROS_LIST = f"""\
        <prefix-list>
            <name>{NAME}</name>
            <prefix>
                <ip-prefix>10.0.0.0/8</ip-prefix>
                <type>exact</type>
            </prefix>
        </prefix-list>
"""


def sros(*policy_options: str, a_list: str = SROS_LIST, after: str = "") -> str:
    """A running config with a list, of irrgate's names unless another is given."""
    return (
        '<configure xmlns="urn:nokia.com:sros:ns:yang:sr:conf">\n    <policy-options>\n'
        f"{a_list}{''.join(policy_options)}    </policy-options>\n{after}</configure>\n"
    )


def sros_entry(number: int, name: str = NAME) -> str:
    return (
        f"<entry><entry-id>{number}</entry-id><from><prefix-list>{name}</prefix-list></from>"
        "<action><action-type>accept</action-type></action></entry>\n"
    )


def sros_policy(*entries: str) -> str:
    return f"<policy-statement><name>IN</name>\n{''.join(entries)}</policy-statement>\n"


def sros_group(inside: str) -> str:
    """A configuration group with this under its policy-options."""
    options = f"<policy-options>{inside}</policy-options>"
    return f"    <groups><group><name>G</name>{options}</group></groups>\n"


def sros_list(*entries: str, name: str = NAME) -> str:
    """A prefix-list with what stands in it, as XML."""
    return f"<prefix-list><name>{name}</name>{''.join(entries)}</prefix-list>"


def prefix(text: str, kind: str = "exact", **lengths: int) -> str:
    """An entry; its lengths by their first word: start, end, through."""
    leaves = "".join(f"<{key}-length>{value}</{key}-length>" for key, value in lengths.items())
    return f"<prefix><ip-prefix>{text}</ip-prefix><type>{kind}</type>{leaves}</prefix>"
