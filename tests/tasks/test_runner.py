"""The runner: so many at once, all results, and Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from tasks.runner import InterruptibleRunner, RunInterruptedError
from tests.tasks.nornir_on import nornir_alone


def interrupt_after(seconds: float, times: int = 1) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def send() -> None:
        for _ in range(times):
            time.sleep(seconds)
            signal.pthread_kill(main, signal.SIGINT)

    threading.Thread(target=send, daemon=True).start()


def name_of(task: Task) -> Result:
    if task.host.name == "b":
        raise ValueError(task.host.name)
    return Result(host=task.host, result=task.host.name.upper())


def test_every_host_has_a_result_in_the_inventorys_order() -> None:
    results = nornir_alone("c", "b", "a").run(task=name_of)
    assert list(results) == ["c", "b", "a"]
    assert [results[name].failed for name in "cba"] == [False, True, False]
    assert results["a"][0].result == "A"


def test_no_more_hosts_at_once_than_workers() -> None:
    running: set[str] = set()
    most = 0

    def work(task: Task) -> Result:
        nonlocal most
        running.add(task.host.name)
        most = max(most, len(running))
        time.sleep(0.02)
        running.discard(task.host.name)
        return Result(host=task.host)

    nornir_alone(*map(str, range(12)), workers=3).run(task=work)
    assert most == 3


def test_an_interrupt_lets_those_under_way_end_and_begins_no_other() -> None:
    ended: list[str] = []
    told: list[int] = []

    def work(task: Task) -> Result:
        time.sleep(0.6)
        ended.append(task.host.name)
        return Result(host=task.host, result="done")

    nornir = nornir_alone("a", "b", "c", "d", workers=2)
    runner = InterruptibleRunner(2).telling(told.append)
    interrupt_after(0.2)
    with pytest.raises(RunInterruptedError) as caught:
        nornir.with_runner(runner).run(task=work)
    assert sorted(ended) == sorted(caught.value.results) == ["a", "b"]
    assert caught.value.untouched == {"c", "d"}
    assert told == [2]
    assert caught.value.results["a"][0].result == "done"


def test_an_interrupt_while_the_hosts_are_handed_out_begins_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may come at any time, and threads begin as soon as they have a host."""
    ended: list[str] = []
    submit = ThreadPoolExecutor.submit

    def interrupted(pool: ThreadPoolExecutor, work: Any, host: Host) -> Future[Any]:
        if host.name == "c":
            raise KeyboardInterrupt
        return submit(pool, work, host)

    def work(task: Task) -> Result:
        time.sleep(0.3)
        ended.append(task.host.name)
        return Result(host=task.host)

    nornir = nornir_alone("a", "b", "c", workers=1)
    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(RunInterruptedError) as caught:
        nornir.with_runner(InterruptibleRunner(1)).run(task=work)
    assert ended == list(caught.value.results) == ["a"]
    assert caught.value.untouched == {"b", "c"}


@pytest.mark.parametrize(("waits", "times"), [(True, 2), (False, 1)])
def test_who_waits_no_longer(waits: bool, times: int) -> None:
    release = threading.Event()

    def work(task: Task) -> Result:
        release.wait(20)
        return Result(host=task.host)

    nornir = nornir_alone("a", "b", workers=1)
    interrupt_after(0.2, times)
    started = time.monotonic()
    with pytest.raises(RunInterruptedError) as caught:
        nornir.with_runner(InterruptibleRunner(1, waits=waits)).run(task=work)
    assert time.monotonic() - started < 5
    assert list(caught.value.results) == []
    assert caught.value.untouched == {"b"}
    release.set()
