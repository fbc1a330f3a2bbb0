"""One JSON-RPC request to an emulated SR Linux: `get`, `set`, `validate`, and faults in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from tests.lab.faults import Fault, FaultKind, Step
from tests.lab.https_server import LineCut
from tests.lab.srl_router import SrlRouter
from tests.lab.srl_tree import SrlRefusedError

_INTERNAL: Final = "Internal error: management server did not answer"
_AFTER: Final = (FaultKind.DROP_AFTER, FaultKind.HANG_AFTER, FaultKind.RESTART_AFTER)


class Rpc:
    """One request; what of it is to go wrong on its way back."""

    def __init__(self, router: SrlRouter, user: str) -> None:
        self._router = router
        self._user = user
        self.hang: Fault | None = None
        self.cut = self.garbage = self.truncated = False

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        params = request.get("params", {})
        try:
            match request.get("method"):
                case "get":
                    return {"result": [self._get(each, params) for each in params["commands"]]}
                case "validate":
                    self._step(Step.LOAD, lambda: self._validate(params["commands"]))
                case "set" if params.get("datastore") == "tools":
                    for each in params["commands"]:
                        self._tool(each)
                case "set":
                    self._step(Step.COMMIT, lambda: self._set(params))
                case method:
                    raise SrlRefusedError(f"Method '{method}' not found")
        except SrlRefusedError as exc:
            return {"error": {"code": -1, "message": str(exc)}}
        return {"result": [{}]}

    def _get(self, command: Mapping[str, Any], params: Mapping[str, Any]) -> Any:
        path = str(command["path"])
        if command.get("datastore", params.get("datastore", "running")) == "state":
            if path.endswith("/protocols/bgp"):
                return self._step(Step.BGP, lambda: self._router.state(path))
            with self._router.chassis.lock:
                return self._router.state(path)
        step = Step.GET_CONFIG if path == "/" else Step.COMPARE
        return self._step(step, lambda: self._router.config.get(path))

    def _validate(self, commands: Sequence[Mapping[str, Any]]) -> None:
        try:
            self._router.transaction(commands)
        except SrlRefusedError as exc:
            self._router.validated(self._user, str(exc))
            raise
        self._router.validated(self._user)

    def _set(self, params: Mapping[str, Any]) -> None:
        self._router.commit(params["commands"], self._user, params.get("confirm-timeout"))

    def _tool(self, command: Mapping[str, Any]) -> None:
        router, user = self._router, self._user
        match command["path"]:
            case "/system/configuration/confirmed-accept":
                self._step(Step.CONFIRM, lambda: router.accept(user))
            case "/system/configuration/confirmed-reject":
                self._step(Step.ROLLBACK, router.reject)
            case "/system/configuration/save":
                with router.chassis.lock:
                    router.save(user)
            case path:
                raise SrlRefusedError(f"Path not valid - '{path}'")

    def _step(self, step: Step, act: Callable[[], Any]) -> Any:
        """Take a step, unless a fault is armed that strikes before it; then what comes after."""
        chassis = self._router.chassis
        fault = chassis.faults.take(step)
        kind = fault.kind if fault is not None else None
        if fault is not None and kind in (FaultKind.HANG, FaultKind.SLOW):
            chassis.faults.sleep(fault)
        if kind is FaultKind.RESTART:
            chassis.restart()
        if kind in (FaultKind.HANG, FaultKind.DROP):
            raise LineCut
        if fault is not None and kind is FaultKind.ERROR:
            raise SrlRefusedError(fault.text or _INTERNAL)
        with chassis.lock:
            done = act()
        if kind is FaultKind.RESTART_AFTER:
            chassis.restart()
        self.hang = fault if kind is FaultKind.HANG_AFTER else None
        self.cut = kind in _AFTER
        self.garbage = kind is FaultKind.GARBAGE
        self.truncated = kind is FaultKind.TRUNCATE
        return done
