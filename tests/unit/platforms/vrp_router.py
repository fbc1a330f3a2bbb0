"""A VRP in memory, made of the lab's own parser and oracle."""

from __future__ import annotations

from typing import Final

from tests.lab.huawei_vrp_config import VrpConfig
from tests.lab.huawei_vrp_semantics import VrpPrefixList, prefix_list

VRP: Final = """\
!Software Version V200R010C00SPC600
#
sysname edge1
#
ip ip-prefix CORE index 10 permit 10.0.0.0 8
#
return
"""


class VrpRouter:
    """VRP5, which is told a candidate line by line."""

    def __init__(self, running: str = VRP) -> None:
        self.platform = "huawei_vrp"
        self.config = VrpConfig(running)

    def load(self, candidate: str) -> None:
        for line in candidate.splitlines():
            if line:
                self.config.tell(line)

    def running(self) -> str:
        return self.config.text()

    def rule(self, name: str) -> VrpPrefixList:
        keyword = "ipv6-prefix" if name.endswith("V6") else "ip-prefix"
        return prefix_list(self.running(), name, keyword)
