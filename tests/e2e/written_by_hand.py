"""What a person might write on an emulated router, and what its lists let through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from tests.lab import (
    eos_semantics,
    huawei_vrp_semantics,
    ios_semantics,
    iosxr_semantics,
    junos_semantics,
    nxos_semantics,
    ros_semantics,
    srl_semantics,
    sros_semantics,
)
from tests.lab.harness import LabDevice
from tests.lab.network import EMPTY_CONFIG

Lists = Mapping[str, list[str]]


def blank(device: LabDevice) -> str:
    return EMPTY_CONFIG[device.platform].format(name=device.name)


def config(device: LabDevice, lists: Lists) -> str:
    """A running config with these prefix lists of exact entries."""
    return _CONFIGS[device.platform](device, lists)


def accepts(device: LabDevice, name: str, prefix: str) -> bool:
    """Whether a router's list lets a prefix pass, by the lab's own reading of the platform."""
    return _ACCEPTS[device.platform](device.running(), name, prefix)


def _keyword(name: str) -> str:
    return "ipv6" if name.endswith("V6") else "ip"


def _eos(device: LabDevice, lists: Lists) -> str:
    text = f"hostname {device.name}\n!\n"
    for name, prefixes in lists.items():
        entries = "".join(
            f"   seq {10 * at} permit {prefix}\n" for at, prefix in enumerate(prefixes, 1)
        )
        text += f"{_keyword(name)} prefix-list {name}\n{entries}!\n"
    return f"{text}end\n"


def _numbered(lists: Lists, step: int) -> str:
    return "".join(
        f"{_keyword(name)} prefix-list {name} seq {step * at} permit {prefix}\n"
        for name, prefixes in lists.items()
        for at, prefix in enumerate(prefixes, 1)
    )


def _ios(device: LabDevice, lists: Lists) -> str:
    return blank(device).replace("end\n", f"{_numbered(lists, 5)}!\nend\n")


def _nxos(device: LabDevice, lists: Lists) -> str:
    return blank(device) + _numbered(lists, 10)


def _iosxr(device: LabDevice, lists: Lists) -> str:
    text = f"hostname {device.name}\n!\n"
    for name, prefixes in lists.items():
        entries = ",\n  ".join(prefixes)
        text += f"prefix-set {name}\n  {entries}\nend-set\n!\n"
    return f"{text}end\n"


def _junos(device: LabDevice, lists: Lists) -> str:
    text = f"system {{\n    host-name {device.name};\n}}\npolicy-options {{\n"
    for name, prefixes in lists.items():
        entries = "".join(f"        {prefix} exact;\n" for prefix in prefixes)
        text += f"    route-filter-list {name} {{\n{entries}    }}\n"
    return f"{text}}}\n"


def _ros(device: LabDevice, lists: Lists) -> str:
    return blank(device) + "".join(_ros_lines(lists))


def _ros_lines(lists: Lists) -> Iterator[str]:
    for name, prefixes in lists.items():
        for rule in (*(f"if (dst=={prefix}) {{accept}}" for prefix in prefixes), "reject"):
            yield f'/routing filter rule add chain={name} rule="{rule}"\n'


def _vrp(device: LabDevice, lists: Lists) -> str:
    lines = (
        f"ip {_keyword(name)}-prefix {name} index {10 * at} permit {prefix.replace('/', ' ')}\n"
        for name, prefixes in lists.items()
        for at, prefix in enumerate(prefixes, 1)
    )
    return blank(device).replace("return\n", f"{''.join(lines)}#\nreturn\n")


def _srl(device: LabDevice, lists: Lists) -> str:
    sets = [
        {
            "name": name,
            "prefix": [{"ip-prefix": each, "mask-length-range": "exact"} for each in prefixes],
        }
        for name, prefixes in lists.items()
    ]
    policy = {"srl_nokia-routing-policy:routing-policy": {"prefix-set": sets}}
    return json.dumps({**json.loads(blank(device)), **policy}, separators=(",", ":"))


def _sros(device: LabDevice, lists: Lists) -> str:
    return sros_semantics.config(device.name, lists)


_CONFIGS: Final[Mapping[str, Callable[[LabDevice, Lists], str]]] = MappingProxyType(
    {
        "eos": _eos,
        "junos": _junos,
        "ios": _ios,
        "iosxr_netconf": _iosxr,
        "nxos": _nxos,
        "nxos_ssh": _nxos,
        "ros": _ros,
        "huawei_vrp": _vrp,
        "srl": _srl,
        "sros": _sros,
    }
)
_ACCEPTS: Final[Mapping[str, Callable[[str, str, str], bool]]] = MappingProxyType(
    {
        "eos": eos_semantics.accepts,
        "junos": junos_semantics.accepts,
        "ios": ios_semantics.accepts,
        "iosxr_netconf": iosxr_semantics.accepts,
        "nxos": nxos_semantics.accepts,
        "nxos_ssh": nxos_semantics.accepts,
        "ros": ros_semantics.accepts,
        "huawei_vrp": huawei_vrp_semantics.accepts,
        "srl": srl_semantics.accepts,
        "sros": sros_semantics.accepts,
    }
)
