"""The shell scripts of the FRR driver: what the watchdog does on the router.

FRR has no candidate, no commit-confirm and no undo, and vtysh's exit code says nothing (0 for a
batch that was rejected). So what decides is what bgpd shows of its lists afterwards.

The saved configuration is not written by `write memory`: that writes what runs, so it drops the
whole BGP configuration when bgpd is down at that moment (measured on 8.4.4), and saves whatever
somebody has not saved yet. Instead the lines of the lists are replaced in frr.conf, and only
once the commit is confirmed; the new file is written before anything is changed, so that a full
disk is known by then. Till then a restart of FRR or of the router finds the old lists.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Final

from tasks.drivers.frr_change import ListsChange
from tasks.drivers.watchdog import Change

VTYSH_WAIT: Final = 600
"""seconds that a vtysh waits for another one of irrgate's"""

UNPACK: Final = """\
# The files of a change, of which each begins with `=== NAME`, in the folder $1.
cd "$1" || exit 1
umask 077
awk '/^=== /{ file = $2; printf "" > file; next } { print > file }' bundle && rm -f bundle
"""

# Files: names, before, after, delta, inverse, clears. `shown` and `now` are what was read last.
# A route-map is a line for each entry: `route-map M permit 10: match ...; ...`.
_COMMON: Final = f"""\
VTYSH_PAGER=cat; export VTYSH_PAGER
new=$config.irrgate-new
vt() {{
    "$vtysh" ${{socket:+--vty_socket "$socket"}} ${{config_dir:+--config_dir "$config_dir"}} "$@" \
        < /dev/null
}}
held() {{
    vt -c 'show daemons' -c 'show ip prefix-list' -c 'show ipv6 prefix-list' > shown 2>&1 || {{
        head -n 3 shown
        return 1
    }}
    awk '
        FILENAME == "names" {{ want[$1 " " $2]; next }}
        FNR == 1 {{ for (i = 1; i <= NF; i++) if ($i == "bgpd") runs = 1; next }}
        /^[A-Za-z0-9_]+: / {{
            name = $4
            sub(/:$/, "", name)
            head = $1 == "BGP:" && ($2 " " name) in want ? $2 " prefix-list " name : ""
            next
        }}
        /^   seq / && head != "" {{ sub(/^ +/, ""); print head " " $0 }}
        END {{ exit !runs }}
    ' names shown > found || {{ echo "bgpd does not run"; return 1; }}
    grep -q '^route-map ' names && {{ maps >> found || return 1; }}
    LC_ALL=C sort found > now
}}
maps() {{
    vt -c 'show running-config bgpd' > shown 2>&1 || {{
        head -n 3 shown
        return 1
    }}
    awk '
        function put() {{ if (line != "") print line; line = "" }}
        FILENAME == "names" {{ if ($1 == "route-map") want[$2]; next }}
        /^no route-map / && $4 == "optimization" {{ put(); if ($3 in want) print; next }}
        /^route-map / {{ put(); mark = ": "; if ($2 in want) line = $0; next }}
        /^ / {{
            if (line != "" && $0 != " !") {{ sub(/^ +/, ""); line = line mark $0; mark = "; " }}
            next
        }}
        {{ put() }}
        $0 == "end" {{ whole = 1 }}
        END {{ put(); exit !whole }}
    ' names shown
}}
same() {{ LC_ALL=C sort "$1" | cmp -s - now; }}
write() {{
    (
        flock -w {VTYSH_WAIT} 9 || {{ echo "another vtysh of irrgate's is at work"; exit 1; }}
        vt -f "$1"
    ) 9>> "$lock" > said 2>&1
}}
straighten() {{
    # What somebody else has put in, or taken out, meanwhile; first comes what is missing.
    awk '
        function place(line) {{
            split(line, word, " ")
            if (word[1] != "route-map") return word[1] " " word[3] " " word[5]
            return word[1] " " word[2] " " word[4] + 0
        }}
        /^no / {{ next }}
        FILENAME == ARGV[1] {{ wanted[$0]; taken[place($0)]; want[++wants] = $0; next }}
        {{ there[$0]; if (!($0 in wanted)) stray[++strays] = $0 }}
        END {{
            for (i = 1; i <= wants; i++)
                if (!(want[i] in there) && want[i] !~ /^route-map /) print want[i]
            for (i = 1; i <= strays; i++)
                if (!(place(stray[i]) in taken)) {{
                    sub(/: .*/, "", stray[i])
                    print "no " stray[i]
                }}
        }}
    ' "$1" now > rest && write rest && held
}}
clear_sessions() {{
    while IFS= read -r each; do vt -c "$each" > /dev/null 2>&1; done < clears
}}
prepare() {{
    # The saved configuration with the lines of $1 in it, beside the one that is there.
    rm -f -- "$new"
    cksum < "$config" > saved.sum && cp -p -- "$config" "$new" || {{
        rm -f -- "$new"
        return 1
    }}
    awk '
        function say(text) {{ print text; printed++ }}
        function put() {{
            for (i = 1; i <= count; i++) {{
                if (line[i] !~ /^route-map /) {{ say(line[i]); continue }}
                colon = index(line[i], ": ")
                say(colon ? substr(line[i], 1, colon - 1) : line[i])
                parts = colon ? split(substr(line[i], colon + 2), part, /; /) : 0
                for (j = 1; j <= parts; j++) say(" " part[j])
                say("exit")
            }}
            count = 0
        }}
        FILENAME == "names" {{ want[$1 " " $2] = $3; next }}
        FILENAME == "lines" {{ line[++count] = $0; next }}
        /^ / || $0 == "exit" || $0 == "!" {{ if (inside) next }}
        {{ inside = 0; at = $1 == "no" ? 2 : 1 }}
        $at == "route-map" && ("route-map " $(at + 1)) in want {{ put(); inside = 1; next }}
        $(at + 1) == "prefix-list" && ($at " " $(at + 2)) in want {{
            if ($(at + 3) != "description" || want[$at " " $(at + 2)] == "goes") {{ put(); next }}
        }}
        $0 == "end" {{ put() }}
        {{ say($0) }}
        END {{ put(); print printed + 0 > "saved.count" }}
    ' names lines "$config" > "$new" &&
        [ "$(wc -l < "$new")" -eq "$(cat saved.count)" ] &&
        {{ sync "$new" 2>/dev/null || sync; }} && return 0
    rm -f -- "$new"
    echo "$config cannot be written"
    return 1
}}
save() {{
    cp "$1" lines || return 1
    [ -e "$new" ] && cksum < "$config" | cmp -s - saved.sum || prepare || return 1
    mv -f -- "$new" "$config" && {{ sync "$config" 2>/dev/null || sync; }}
}}
"""

_CHANGE: Final = """\
held || exit 1
same before || { echo "the prefix lists are not what they were any more"; exit 1; }
cp after lines && prepare || exit 1
: > begun
write delta
held || exit 1
same after || { echo "FRR did not take the new entries: $(head -c 400 said)"; exit 1; }
clear_sessions
"""

_CONFIRM: Final = """\
held || exit 1
same after || {
    # FRR was started again in the meantime, and has the saved lists.
    write delta
    held || exit 1
    same after || { echo "FRR does not take the new entries: $(head -c 400 said)"; exit 1; }
    clear_sessions
}
[ -e saved ] || save after || exit 1
: > saved
"""

_REVERT: Final = """\
[ -e begun ] || { rm -f -- "$new"; exit 0; }
held || exit 1
same before || {
    write inverse
    held || exit 1
    same before || straighten before || exit 1
    same before || { echo "FRR does not take the old entries: $(head -c 400 said)"; exit 1; }
    clear_sessions
}
rm -f -- "$new"
# Somebody may have saved what was running meanwhile.
if [ -e saved.sum ] && ! cksum < "$config" | cmp -s - saved.sum; then
    save before || exit 1
    cksum < "$config" > saved.sum
fi
"""


@dataclass(frozen=True, slots=True)
class Commit:
    """What the scripts of one commit are about."""

    vtysh: str
    socket: str
    """vtysh's --vty_socket; empty: its default"""
    config_dir: str
    """likewise"""
    config: str
    """the saved configuration"""
    lock: str
    """the file by which one vtysh at a time is seen to"""

    def scripts(self) -> Change:
        """Return what the watchdog is to do."""
        names = ("vtysh", "socket", "config_dir", "config", "lock")
        head = "".join(f"{name}={shlex.quote(getattr(self, name))}\n" for name in names)
        return Change(*(f"{head}{_COMMON}{each}" for each in (_CHANGE, _CONFIRM, _REVERT)))


def bundle(change: ListsChange, clears: list[str]) -> str:
    """Return the files of a change, for UNPACK."""
    files = {
        "names": change.fates(),
        "before": change.lines(after=False),
        "after": change.lines(after=True),
        "delta": change.commands(),
        "inverse": change.reversed().commands(),
        "clears": "".join(f"{each}\n" for each in clears),
    }
    return "".join(f"=== {name}\n{text}" for name, text in files.items())
