"""Progress on standard error: a line that moves on a terminal, nothing where nobody watches."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nornir.core import Nornir
from nornir.core.inventory import Host
from nornir.core.task import AggregatedResult, MultiResult, Task
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from tasks.runner import InterruptibleRunner


class Steps:
    """Shows the steps of a run; a context manager, safe for many threads."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[latest]}", style="dim"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._lock = threading.Lock()

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, name: str, total: int) -> Iterator[Step]:
        """Show one step of `total` parts while the context lasts."""
        task = self._progress.add_task(name, total=total, latest="")
        yield Step(self._progress, task)
        self._progress.update(task, latest="")


class Step:
    """One step; `done` is called once for each of its parts."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def done(self, latest: str) -> None:
        """Count one part as done, and show its name."""
        self._progress.update(self._task, advance=1, latest=latest)

    def set_total(self, total: int) -> None:
        """Say how many parts there are, once that is known."""
        self._progress.update(self._task, total=total)

    def watch(self, nornir: Nornir) -> Nornir:
        """Return `nornir` so that each host that ends a task is counted."""
        counted = nornir.with_processors([_Counter(self)])
        runner = counted.runner
        if isinstance(runner, InterruptibleRunner):
            counted = counted.with_runner(runner.telling(self._tell_interrupted))
        return counted

    def _tell_interrupted(self, under_way: int) -> None:
        if under_way:
            self._progress.console.print(
                f"interrupted: {under_way} router(s) are under way and are left clean first; "
                "again to leave at once"
            )


class _Counter:
    """Nornir's Processor protocol; only the end of a host's task matters here."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def task_started(self, task: Task) -> None:
        pass

    def task_completed(self, task: Task, result: AggregatedResult) -> None:
        pass

    def task_instance_started(self, task: Task, host: Host) -> None:
        pass

    def task_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        del task, result
        self._step.done(host.name)

    def subtask_instance_started(self, task: Task, host: Host) -> None:
        pass

    def subtask_instance_completed(self, task: Task, host: Host, result: MultiResult) -> None:
        pass
