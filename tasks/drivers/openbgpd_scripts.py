"""The shell scripts of the OpenBGPD driver: what is done on the router in one go.

The file on disk stays the old one until the commit is confirmed: the new one takes its place only
for the moment in which bgpd reads it. So a restart of bgpd or of the router, and a reload by
somebody else, bring back the old filters without anybody's doing. A power failure in that very
moment leaves `FILE.irrgate-old` behind, which REPAIR puts back.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tasks.drivers.watchdog import Change

NOT_WHOLE: Final = 45
"""exit code of CHECK: what arrived is not what was sent"""
REFUSED: Final = 50
"""exit code of CHECK: bgpd does not accept the configuration with the candidate in place"""

CHECK: Final = f"""\
# $1: length of the candidate, which comes on stdin; $2: irrgate's file as the configuration names
# it; $3: and where it really is; $4: bgpd; then the files that include it, innermost first.
set -eu
umask 077
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
trap 'exit 1' HUP INT TERM
echo "$here"
cat > "$here/0"
[ "$(wc -c < "$here/0")" -eq "$1" ] || exit {NOT_WHOLE}
name=$2 old=$3 bgpd=$4 next=$here/0 count=0
shift 4
for file; do
    count=$((count + 1))
    sed "s|^\\([[:space:]]*include[[:space:]]*\\)[\\"']$name[\\"']|\\1\\"$next\\"|" \
        "$file" > "$here/$count"
    name=$file next=$here/$count
done
"$bgpd" -n -f "$next" > "$here/said" 2>&1 || {{ cat "$here/said"; exit {REFUSED}; }}
seal='^prefix-set "irrgate-[0-9a-f]*" {{ }}$'
sed "/$seal/d" "$here/0" > "$here/new"
sed "/$seal/d" "$old" > "$here/old"
diff -u "$here/old" "$here/new" || [ $? -eq 1 ]
"""

READ: Final = """\
# The files $1 and on, each without the lines that are nothing but a prefix of a large set, such as
# rpki-client writes them: its name cannot be in these.
set -eu
for file; do
    [ -e "$file" ] || { echo "$file: there is no such file" >&2; exit 1; }
    sed -E '/^[[:space:]]*[0-9a-fA-F.:]+\\/[0-9]+( maxlen [0-9]+)?( source-as [0-9]+)?'\
'( expires [0-9]+)?,?[[:space:]]*$/d' "$file"
done
"""

STAGE: Final = """\
# $1: irrgate's file, $2: the new one beside it, $3: the watchdog's folder.
set -eu
for left in "$1".irrgate-[0-9a-f]*; do
    [ ! -e "$left" ] || [ -e "$3/irrgate-${left##*.irrgate-}" ] || rm -f "$left"
done
cp -p "$1" "$2"
"""

ROUTES: Final = """\
# $1: bgpctl's socket. How many routes of each neighbour are let in: family, address, number. One
# walk over the table, however many neighbours there are.
{ bgpctl -n -s "$1" show rib detail ssv || echo failed; } | awk -F ';' '
    /^failed$/ { failed = 1 }
    /^BGP routing table entry for / {
        sub(/^.*[(]/, "", $3)
        sub(/[)].*$/, "", $3)
        sub(/^.* for /, "", $1)
        count[($1 ~ /:/ ? "ipv6 " : "ipv4 ") $3]++
    }
    END { for (each in count) print each, count[each]; exit failed }
'
"""

FACTS: Final = """\
uname -n
hostname -f 2>/dev/null || uname -n
bgpctl -V 2>&1 | head -n 1
read -r up rest 2>/dev/null < /proc/uptime && echo "$up" || echo -1
ls /sys/class/net 2>/dev/null
"""

REPAIR: Final = """\
# $1: irrgate's file, $2: bgpctl's socket, $3: the watchdog's folder, where a commit at work is.
file=$(readlink -f "$1") && [ -e "$file" ] || { echo "$1: there is no such file" >&2; exit 1; }
if [ -e "$file.irrgate-old" ] && [ ! -e "$3/current" ]; then
    # Two names of one file, where it was interrupted between two commands, are not for mv.
    [ "$file.irrgate-old" -ef "$file" ] || mv -f "$file.irrgate-old" "$file" || exit 1
    rm -f "$file.irrgate-old"
    sync
    bgpctl -s "$2" reload
fi
echo "$file"
"""

_ASKING: Final = """\
holds() { bgpctl -s "$socket" show sets | grep -qF " $seal "; }
reload() {
    tries=300
    while said=$(bgpctl -s "$socket" reload "$@" 2>&1); do
        # Its exit code is 0 whatever comes of it.
        case $said in
            *"request processed"*) return 0 ;;
            *"previous reload still running"*) ;;
            *) break ;;
        esac
        tries=$((tries - 1))
        [ $tries -gt 0 ] || break
        sleep 0.1 2>/dev/null || sleep 1
    done
    echo "bgpctl reload: $said"
    return 1
}
within() {
    tries=300
    until "$@"; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || return 1
        sleep 0.1 2>/dev/null || sleep 1
    done
}
"""

_CHANGE: Final = """\
[ "$(tail -n 1 "$file")" = "$before" ] || { echo "$file is not what it was any more"; exit 1; }
ln -f "$staged" "$file.irrgate-new" && ln -f "$file" "$file.irrgate-old" || exit 1
mv -f "$file.irrgate-new" "$file" || exit 1
reload "$message"
code=$?
mv -f "$file.irrgate-old" "$file" || exit 1
[ $code -eq 0 ] || exit 1
# bgpd has read it by now; its route decision engine follows.
within holds || { echo "bgpd did not take the new filters: does it read $config?"; exit 1; }
"""

_CONFIRM: Final = """\
if [ -e "$staged" ]; then
    ln -f "$file" "$file.irrgate-previous"
    mv -f "$staged" "$file" || exit 1
    sync
fi
holds || { reload && within holds; }
"""

_REVERT: Final = """\
if [ -e "$file.irrgate-old" ]; then
    [ "$file.irrgate-old" -ef "$file" ] || mv -f "$file.irrgate-old" "$file" || exit 1
    rm -f "$file.irrgate-old"
    sync
fi
said=$(bgpctl -s "$socket" show sets 2>&1 > /dev/null) || case $said in
    # It does not run, and reads the old file when it is started.
    *"No such file"* | *"onnection refused"*) ;;
    *) echo "bgpctl show sets: $said"; exit 1 ;;
esac
gone() { ! holds; }
if holds; then
    reload || exit 1
    within gone || { echo "bgpd still holds the new filters"; exit 1; }
fi
rm -f "$staged" "$file.irrgate-new"
"""


@dataclass(frozen=True, slots=True)
class Commit:
    """What the scripts of one commit are about."""

    file: str
    """irrgate's file, no symbolic link"""
    staged: str
    """the new one, beside it"""
    seal: str
    """of the new one"""
    before: str
    """the last line of the old one"""
    socket: str
    config: str
    message: str = ""
    """for bgpd's log"""

    def change(self) -> Change:
        """Return what the watchdog is to do."""
        names = ("file", "staged", "seal", "before", "socket", "config", "message")
        head = "".join(f"{name}={shlex.quote(getattr(self, name))}\n" for name in names)
        # Without a message bgpctl is to get no argument, and not an empty one.
        change = _CHANGE.replace(' "$message"', "") if not self.message else _CHANGE
        return Change(*(f"{head}{_ASKING}{each}" for each in (change, _CONFIRM, _REVERT)))


def check_arguments(
    length: int, include: str, file: str, bgpd: str, chain: Sequence[str]
) -> list[str]:
    """Return the arguments of CHECK."""
    return [str(length), include, file, bgpd, *chain]
