"""The user's BIRD configuration: which files it is made of, and where it includes irrgate's own.

The syntax of `include` is BIRD 2.0.12's lexer's: on a line of its own, relative to the file that
includes, with a shell's wildcards, eight files deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from irrgate.errors import DeviceError
from tasks.drivers.errors import CommandFailed
from tasks.drivers.shell import MISSING_FILE, Shell

_MAX_DEPTH: Final = 8
_TOKEN = re.compile(
    r"^[ \t]*include[ \t]*\"(?P<pattern>[^\"\n]*)\"[ \t]*;"
    r'|"[^"\n]*"|#[^\n]*|/\*.*?\*/',
    re.MULTILINE | re.DOTALL,
)
_PASSWORD = re.compile(r"(\bpassword[ \t\n]+)(\"[^\"\n]*\"|'[^'\n]*'|[^\s;\"']+)")

# For each pattern, what it means now: a line each for its number, the file's name, what that is a
# link to, and its size; then the content, except for the file that is named first. Since IFS is
# empty, an expanded pattern is split into files and nothing else.
_READ: Final = f"""\
own=$(readlink -f -- "$1" || printf %s "$1")
shift
number=0
IFS=
for pattern in "$@"; do
    for file in $pattern; do
        [ -e "$file" ] || continue
        real=$(readlink -f -- "$file") || exit 1
        size=$(wc -c < "$file") || exit 1
        size=$((size))
        [ "$real" = "$own" ] && size=0
        printf '%s\\n%s\\n%s\\n%s\\n' "$number" "$file" "$real" "$size"
        [ "$real" = "$own" ] || cat -- "$file" || exit 1
    done
    number=$((number + 1))
done
[ "$number" -gt 0 ] || exit {MISSING_FILE}
"""


@dataclass(frozen=True, slots=True)
class Include:
    """One include statement: where it stands in its file, and what it includes."""

    start: int
    end: int
    pattern: str
    """as an absolute path, maybe with wildcards"""


@dataclass
class ConfigFile:
    """A file of the configuration."""

    path: str
    """by which it is included"""
    real: str
    """where it lies, links followed"""
    text: str
    """empty for irrgate's own file, which is not read here"""
    includes: list[tuple[Include, list[ConfigFile]]] = field(default_factory=list)

    def everything(self) -> Iterator[ConfigFile]:
        """Yield this file and all that it includes, in the order in which BIRD begins them."""
        yield self
        for _, files in self.includes:
            for each in files:
                yield from each.everything()

    def ways(self, own: str) -> Iterator[list[ConfigFile]]:
        """Yield each way from this file to `own`, a real path: the files on it, itself included."""
        if self.real == own:
            yield [self]
        for _, files in self.includes:
            for each in files:
                yield from ([self, *rest] for rest in each.ways(own))


def includes(path: str, text: str) -> list[Include]:
    """Return the include statements of a file; not those in comments and strings."""
    folder = PurePosixPath(path).parent
    return [
        Include(match.start(), match.end(), str(folder / match["pattern"]))
        for match in _TOKEN.finditer(text)
        if match["pattern"] is not None
    ]


def without_passwords(text: str) -> str:
    """Return the text with the passwords of sessions taken out."""
    return _PASSWORD.sub(r'\1"***"', text)


def read_config(shell: Shell, path: str, own: str) -> ConfigFile:
    """Read the configuration at `path` with all that it includes, but for the content of `own`.

    Raises CommandFailed for a file that cannot be read.
    """
    found = _read(shell, own, [path])
    if not found:
        reason = f"{path} is not there"
        raise DeviceError(shell.name, reason, hint="name BIRD's as config under optional_args")
    (_, root), *_ = found
    level = [root]
    for _ in range(_MAX_DEPTH):
        wanted = [(each, include) for each in level for include in includes(each.path, each.text)]
        if not wanted:
            return root
        read = _read(shell, own, [include.pattern for _, include in wanted])
        for number, (each, include) in enumerate(wanted):
            each.includes.append((include, [file for at, file in read if at == number]))
        level = [file for _, file in read]
    raise DeviceError(shell.name, f"{path} includes files more than {_MAX_DEPTH} deep")


def way_to(shell: Shell, config: ConfigFile, own: str) -> list[ConfigFile]:
    """Return the files from the main one to irrgate's own; DeviceError unless there is one way."""
    ways = list(config.ways(own))
    if len(ways) == 1 and len(ways[0]) > 1:
        return ways[0]
    if ways:
        raise DeviceError(shell.name, f"{config.path} includes {own} {len(ways)} times")
    raise DeviceError(
        shell.name,
        f"{config.path} does not include {own}, so BIRD would not see the filters",
        hint=f'touch {own}; put  include "{own}";  into {config.path}, on a line of its own before '
        "what uses the filters; then birdc configure",
    )


def in_place_of(file: ConfigFile, old: ConfigFile, new_path: str) -> str:
    """Return the file's text, in which `new_path` is included where `old` was."""
    for include, files in file.includes:
        if any(each is old for each in files):
            # The wildcards of one statement may mean more files than the one.
            paths = [new_path if each is old else each.path for each in files]
            lines = "\n".join(f'include "{path}";' for path in paths)
            return f"{file.text[: include.start]}{lines}{file.text[include.end :]}"
    raise ValueError(f"{file.path} does not include {old.path}")


def _read(shell: Shell, own: str, patterns: Sequence[str]) -> list[tuple[int, ConfigFile]]:
    ran = shell.script(_READ, [own, *patterns])
    if ran.exit_code:
        raise shell.failed("read the configuration", ran)
    text, at = ran.stdout.encode(), 0
    found: list[tuple[int, ConfigFile]] = []
    while at < len(text):
        *heads, _ = text[at:].split(b"\n", 4)
        try:
            number, path, real, size = (each.decode() for each in heads)
            at += sum(len(each) + 1 for each in heads)
            content = text[at : at + int(size)].decode()
            found.append((int(number), ConfigFile(path, real, content)))
            at += int(size)
        except ValueError as exc:
            reason = "a file of the configuration changed while it was read"
            raise CommandFailed(shell.name, reason) from exc
    return found
