"""A change that the router takes back by itself, for daemons that cannot.

A process on the router, of POSIX sh alone, makes the change, waits to be told that it stays, and
else takes it back: when the time is over, whatever became of the connection and of irrgate. All
that happens after the change was armed happens in that one process; a connection only leaves a
decision for it. The decision is a symbolic link, which the file system makes for one of two who
want it, so that a confirmation and the end of the time have one winner.

The folder is to be one that is empty after a restart of the router (below /run). So must be what
the change did: then a restart takes it back as well. That is for the scripts to see to, best by
leaving on disk what was there before until the change is confirmed.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tasks.drivers.errors import CommandFailed, CommitRefused, Locked
from tasks.drivers.shell import Ran, Shell

_ID: Final = re.compile(r"[a-z0-9-]{1,64}")
_DEAD: Final = 15
"""seconds without a sign of life after which the process is taken to be gone; its beats are 0.1 s
apart, and a router may be busy"""
_ABANDONED: Final = 3600
"""seconds after which a folder is removed whose change was never armed"""
_BUSY: Final = 46
_LATE: Final = 47
_GONE: Final = 48
_SILENT: Final = 49

_CLOCK: Final = """\
now() {
    if read -r up rest 2>/dev/null < /proc/uptime; then echo "${up%%.*}"; else date +%s; fi
}
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || echo none; }
"""
# Seconds since the start of the router: nobody sets that clock.

_WATCH: Final = f"""\
# irrgate: makes one change, and takes it back unless it is confirmed. $1: folder, $2: change.
cd "$1/$2" || exit 1
umask 077
{_CLOCK}
beat() {{ now > beat.new && mv -f beat.new beat; }}
rest() {{ beat; sleep 0.1 2>/dev/null || sleep 1; }}
run() {{
    rm -f "$1.code"
    ( sh "./$1" > "$1.out" 2>&1 < /dev/null; echo $? > "$1.new"; mv -f "$1.new" "$1.code" ) &
    job=$!
    while [ ! -e "$1.code" ]; do
        rest
        kill -0 $job 2>/dev/null || [ -e "$1.code" ] || echo 137 > "$1.code"
    done
    read -r code < "$1.code"
    return "$code"
}}
beat
if [ "$3" = first ] && [ ! -h decision ]; then
    run change || ln -s revert decision 2>/dev/null
elif [ ! -e change.code ]; then
    # The process that made the change is gone, and how far it got is not known.
    ln -s revert decision 2>/dev/null
fi
: > made
while [ ! -h decision ]; do
    # Without its folder there is nothing left to confirm or to take back by.
    [ -e boot ] || exit 1
    read -r deadline < deadline
    if [ "$(boot)" != "$(cat boot)" ] || [ "$(now)" -ge "$deadline" ]; then
        ln -s revert decision 2>/dev/null
    fi
    rest
done
until run "$(readlink decision)"; do
    # The daemon may be down, or a disk full, and not for ever.
    tries=50
    while [ $tries -gt 0 ]; do rest; tries=$((tries - 1)); done
    [ -h decision ] || exit 1
done
readlink decision > outcome.new && mv -f outcome.new outcome
[ "$(cat ../current)" = "$2" ] && rm -f ../current
exit 0
"""

_START: Final = """\
start() {
    nohup setsid sh "$1/$2/watch" "$1" "$2" "$3" < /dev/null > /dev/null 2>&1 &
}
command -v setsid > /dev/null || start() {
    nohup sh "$1/$2/watch" "$1" "$2" "$3" < /dev/null > /dev/null 2>&1 &
}
"""

_ARM: Final = f"""\
{_CLOCK}{_START}
cd "$1/$2" || exit 1
umask 077
printf %s "$4" > change && printf %s "$5" > confirm && printf %s "$6" > revert || exit 1
printf %s "$7" > watch && boot > boot && echo "$2" > name || exit 1
echo $(($(now) + $3)) > deadline || exit 1
cd ..
# Of two who want it one gets it; and what is over is in nobody's way.
ln "$2/name" current 2>/dev/null || {{ rm -f "$2/deadline"; exit {_BUSY}; }}
for old in irrgate-*; do
    # One without an outcome may be just about to be armed, or its irrgate has died before it was.
    born=$(cat "$old/born" 2>/dev/null)
    [ "$old" = "$2" ] || {{
        [ ! -e "$old/outcome" ] && [ $(($(now) - ${{born:-0}})) -lt {_ABANDONED} ]
    }} || rm -rf "$old"
done
start "$1" "$2" first
tries=100
while [ ! -e "$2/beat" ]; do
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then
        ln -s revert "$2/decision"
        rm -f current
        exit {_SILENT}
    fi
    sleep 0.1 2>/dev/null || sleep 1
done
"""

_PREPARE: Final = f"""\
{_CLOCK}
set -eu
umask 077
mkdir -p "$1"
chmod 700 "$1"
mkdir "$1/$2"
now > "$1/$2/born"
"""

_FORGET: Final = """\
cd "$1" 2>/dev/null || exit 0
[ -e "$2/deadline" ] || rm -rf "./$2"
"""

_STATUS: Final = f"""\
{_CLOCK}
cd "$1" 2>/dev/null || exit 0
read -r id 2>/dev/null < current || exit 0
# What is read meanwhile may end meanwhile: then there is nothing to tell.
read -r deadline 2>/dev/null < "$id/deadline" || exit 0
beat=none
read -r beat 2>/dev/null < "$id/beat"
decision=none
[ ! -h "$id/decision" ] || decision=$(readlink "$id/decision")
made=no
[ ! -e "$id/made" ] || made=yes
[ -e current ] || exit 0
echo "$id $((deadline - $(now))) $decision $made $([ "$beat" = none ] || echo $(($(now) - beat)))"
"""

_RESUME: Final = f"""\
{_START}
cd "$1" && [ -e "$2/watch" ] || exit 0
start "$1" "$2" again
"""

_DECIDE: Final = f"""\
cd "$1" || exit {_GONE}
[ -d "$2" ] || exit {_GONE}
ln -s "$3" "$2/decision" 2>/dev/null
[ "$(readlink "$2/decision")" = "$3" ] || exit {_LATE}
"""

_PROGRESS: Final = """\
cd "$1/$2" 2>/dev/null || { echo gone; exit 0; }
state=making
[ ! -e made ] || state=made
# What is done and still current would be met by whoever looks for what waits.
[ ! -e outcome ] || [ "$(cat ../current 2>/dev/null)" = "$2" ] || state=over
decision=none
[ ! -h decision ] || decision=$(readlink decision)
echo "$state $decision"
for each in change confirm revert; do [ ! -e $each.out ] || tail -c 2000 $each.out; done
"""


class Decision(StrEnum):
    """What is to become of a change, or became of it."""

    CONFIRM = "confirm"
    REVERT = "revert"


@dataclass(frozen=True, slots=True)
class Change:
    """Three POSIX shell scripts, run as whoever armed it, in the folder of the change.

    Each ends with exit code 0 when it did what it says; the last two are run again until they do,
    and so must bear being run again. One that fails says why in a line.
    """

    change: str
    """makes the change; when it fails, the change is taken back at once"""
    confirm: str
    """makes it stay, after a restart as well"""
    revert: str
    """takes it back, however far it got"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A change that waits to be confirmed, or is just being confirmed or taken back."""

    id: str
    seconds: int
    """left until it is taken back; 0 when that was decided"""
    made: bool
    """False while it is still being made"""
    alive: bool
    """False when its process is gone: see `resume`"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a change has got."""

    made: bool
    """False while it is still being made"""
    decision: Decision | None
    """what is to become of it; None while nobody has decided"""
    over: bool
    """True when what was decided is done"""
    said: str
    """what the scripts said"""


class Watchdog:
    """Changes on one router that are taken back unless they are confirmed; one at a time."""

    def __init__(self, shell: Shell, directory: str, sleep: Callable[[float], None] = time.sleep):
        self._shell = shell
        self._directory = directory
        """on the router; empty after its restart"""
        self._sleep = sleep

    def new_id(self) -> str:
        """Return the id of a change to come, and make its folder, where its files may be put."""
        new = f"irrgate-{secrets.token_hex(6)}"
        self._check("prepare", self._run(_PREPARE, new))
        return new

    def folder(self, change_id: str) -> str:
        """Return the folder of a change on the router."""
        return f"{self._directory}/{change_id}"

    def arm(self, change_id: str, change: Change, seconds: int) -> None:
        """Make the change, to be taken back after `seconds`; returns when it has begun.

        Raises Locked when another change waits to be confirmed: then nothing was done.
        """
        scripts = (change.change, change.confirm, change.revert, _WATCH)
        ran = self._run(_ARM, change_id, str(seconds), *scripts)
        if ran.exit_code == _BUSY:
            reason = "another change waits to be confirmed on it"
            raise Locked(self._shell.name, reason, hint="it is over when its time is")
        if ran.exit_code == _SILENT:
            reason = "the process that would take the change back does not start"
            raise CommitRefused(self._shell.name, reason)
        self._check("arm", ran)

    def forget(self, change_id: str) -> None:
        """Remove the folder of a change that was never armed."""
        self._check("remove", self._run(_FORGET, change_id))

    def waiting(self) -> Waiting | None:
        """Return the change that is not over, whoever made it; None when there is none."""
        ran = self._check("look for a change to be confirmed", self._run(_STATUS))
        words = ran.stdout.split()
        if not words:
            return None
        change_id, seconds, decision, made, *beat = words
        left = max(int(seconds), 0) if decision == "none" else 0
        alive = bool(beat) and int(beat[0]) <= _DEAD
        return Waiting(change_id, left, made == "yes", alive)

    def resume(self, change_id: str) -> None:
        """Start the process of a change again that was killed: it goes on where the other was."""
        self._check("resume", self._run(_RESUME, change_id))

    def decide(self, change_id: str, decision: Decision) -> None:
        """Confirm a change or take it back, unless the other was decided before.

        Returns before that is done: see `until_over`. Raises CommitRefused when it is too late.
        """
        ran = self._run(_DECIDE, change_id, str(decision))
        if ran.exit_code == _GONE:
            raise CommitRefused(self._shell.name, "no change waits to be confirmed on it")
        if ran.exit_code == _LATE:
            wanted = "confirm" if decision is Decision.CONFIRM else "take back"
            was = "taken back" if decision is Decision.CONFIRM else "confirmed"
            reason = f"too late to {wanted} the change: it is {was} already"
            raise CommitRefused(self._shell.name, reason)
        self._check(str(decision), ran)

    def progress(self, change_id: str) -> Progress:
        """Tell how far a change has got; raises CommitRefused where its folder is gone."""
        ran = self._check("look", self._run(_PROGRESS, change_id))
        first, _, said = ran.stdout.partition("\n")
        state, _, decision = first.partition(" ")
        if state == "gone":
            raise CommitRefused(self._shell.name, "what became of the change is not known any more")
        decided = None if decision == "none" else Decision(decision)
        return Progress(state != "making", decided, state == "over", said.strip())

    def until_made(self, change_id: str, timeout: float) -> Progress:
        """Wait until a change is made, or failed and is to be taken back."""
        return self._until(change_id, timeout, lambda progress: progress.made)

    def until_over(self, change_id: str, timeout: float) -> Progress:
        """Wait until what was decided of a change is done."""
        return self._until(change_id, timeout, lambda progress: progress.over)

    def _until(
        self, change_id: str, timeout: float, enough: Callable[[Progress], bool]
    ) -> Progress:
        end = time.monotonic() + timeout
        while not enough(progress := self.progress(change_id)) and time.monotonic() < end:
            self._sleep(0.1)
        return progress

    def _run(self, script: str, *arguments: str) -> Ran:
        if arguments and not _ID.fullmatch(arguments[0]):
            raise CommandFailed(self._shell.name, f"not the id of a change: {arguments[0]!a}")
        return self._shell.script(script, [self._directory, *arguments])

    def _check(self, step: str, ran: Ran) -> Ran:
        if ran.exit_code:
            raise self._shell.failed(f"{step}: {self._directory}", ran)
        return ran
