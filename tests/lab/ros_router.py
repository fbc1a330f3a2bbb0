"""The state of an emulated RouterOS 7 router: its configuration, changed line by line, and BGP.

Every change takes effect at once and is one line of the apply log, with what was said in `detail`.
Every method is called under the chassis lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Final

from tests.lab.device import Chassis
from tests.lab.ros_config import MENUS, Row, parse_config

DEFAULT_VERSION: Final = "7.16.1 (stable)"
_LONG: Final = 50
"""rules from which on the file is written every so often, and not after each change"""
_EVERY: Final = 0.5  # seconds


class RosRouter:
    """The router."""

    def __init__(self, chassis: Chassis) -> None:
        self.chassis = chassis
        self.version = DEFAULT_VERSION
        stored = chassis.load("running.conf")
        text = stored if stored is not None else chassis.first_running()
        self.config = parse_config(text or f"/system identity set name={chassis.options.name}\n")
        self._digest = self.config.digest()
        self._unsaved = False
        self._save()
        chassis.neighbors.follow("", self._digest)
        self._log("start", before=self._digest)
        threading.Thread(target=self._save_often, name="flash", daemon=True).start()

    # What the control socket asks (tests.lab.device.Platform)

    def running(self) -> str:
        return self.config.text()

    def set_running(self, text: str) -> None:
        config = parse_config(text)
        config.follow_ids(self.config)
        self.config = config
        self._changed("set-running")

    def lists(self) -> Mapping[str, str]:
        return self.config.lists()

    def candidates(self) -> list[dict[str, object]]:
        """None: RouterOS has no candidates."""
        return []

    def locks(self) -> list[dict[str, object]]:
        """None: RouterOS has no locks."""
        return []

    def control(self, op: str, request: Mapping[str, object]) -> object:
        """The operations that only RouterOS has.

        `neighbors`: the rows of /routing/bgp/session, see tests.lab.neighbors. `version`: what
        /system/resource says.
        """
        match op:
            case "neighbors":
                self.chassis.neighbors.set(request)
            case "version":
                self.version = str(request["version"])
            case _:
                raise ValueError(f"no such operation: {op}")
        return None

    # What the API does

    def add_rule(self, words: Mapping[str, str], user: str) -> str:
        """Add a filter rule; returns its id. RuleRefusedError with the router's words."""
        rule = self.config.add(
            words.get("chain", ""),
            words.get("rule", ""),
            before=words.get("place-before"),
            disabled=words.get("disabled") in {"yes", "true"},
            comment=words.get("comment", ""),
        )
        detail = f"add id={rule.id} chain={rule.chain} before={words.get('place-before', '')}"
        self._changed("add", user, rule.chain, f"{detail} rule={rule.text}")
        return rule.id

    def remove_rule(self, rule_id: str, user: str) -> None:
        """Remove a filter rule; RuleRefusedError where there is none."""
        rule = self.config.remove(rule_id)
        self._changed("remove", user, rule.chain, f"remove id={rule.id} rule={rule.text}")

    def rows(self, menu: str) -> Iterable[Mapping[str, str]]:
        """The rows of a menu; KeyError where there is none such."""
        if menu in MENUS:
            return self.config.rows(menu)
        fixed: dict[str, list[Row]] = {
            "/system/resource": [
                {"uptime": "1w2d3h4m5s", "version": self.version, "board-name": "CHR",
                 "platform": "MikroTik"}
            ],
            "/system/routerboard": [{"routerboard": "false"}],
            "/interface": [{".id": "*1", "name": "ether1"}, {".id": "*2", "name": "lo"}],
            "/routing/bgp/session": [_session(each) for each in self.chassis.neighbors.now],
        }  # fmt: skip
        return fixed[menu]

    def _changed(self, event: str, user: str = "", chain: str = "", detail: str = "") -> None:
        before, self._digest = self._digest, self.config.digest()
        self._unsaved = True
        if len(self.config.rules) < _LONG:
            self._save()
        self.chassis.neighbors.follow(before, self._digest)
        self._log(event, before=before, user=user, chain=chain, detail=detail)

    def _log(
        self, event: str, *, before: str, user: str = "", chain: str = "", detail: str = ""
    ) -> None:
        self.chassis.log.append(
            event,
            user=user,
            objects=[chain] if chain else (),
            before=before,
            after=self._digest,
            entries=self.config.counts,
            lists=self.config.lists(),
            detail=detail,
        )

    def _save(self) -> None:
        self.chassis.save("running.conf", self.config.text())
        self._unsaved = False

    def _save_often(self) -> None:
        wait = _EVERY
        while not self.chassis.stopping.wait(wait):
            started = time.monotonic()
            with self.chassis.lock:
                if self._unsaved:
                    self._save()
            wait = max(_EVERY, 20 * (time.monotonic() - started))


def _session(neighbor: Mapping[str, object]) -> Row:
    return {name: _printed(value) for name, value in neighbor.items() if value is not False}


def _printed(value: object) -> str:
    return "true" if value is True else str(value)
