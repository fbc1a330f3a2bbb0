"""What runs on a router with BIRD: each step of a commit as one script, under one lock.

A script goes on to its end when the connection is cut. An unconfirmed commit never changes
irrgate's file: BIRD loads copies of the user's files that include the candidate, and undoes that by
itself unless it is confirmed; only then the candidate takes the file's place. So whatever dies
meanwhile, irrgate, the connection, BIRD or the router: the file has the old filters, and the
next `configure` or start of BIRD finds them.
"""

from __future__ import annotations

from typing import Final

LOCKED: Final = 46
PENDING: Final = 47
CHANGED: Final = 48
REFUSED: Final = 49
WENT_BACK: Final = 50
NOTHING: Final = 51
"""exit codes, beside those of the shell"""

LOCK_WAIT: Final = 20
"""seconds that a script waits for another one on the same file"""
OVERDUE: Final = 3
"""seconds after the time of BIRD's own timer, by which it has surely run"""
COMMAND_WAIT: Final = 60
"""seconds that birdc gets; a configuration of a million prefixes takes less than one"""
AT_ONCE: Final = 120
"""seconds until BIRD takes back a commit that is confirmed by the very script that makes it"""

# $1 birdc, $2 socket, $3 irrgate's file, $4 what the file's side files begin with
_LOOK: Final = f"""\
set -u
trap '' HUP PIPE
birdc=$1 socket=$2 own=$3 side=$4
shift 4
note=$side-pending candidate=$side-candidate previous=$side-previous
ask() {{
    if command -v timeout >/dev/null; then
        timeout {COMMAND_WAIT} "$birdc" -s "$socket" "$1" 9>&- 2>&1
    else
        "$birdc" -s "$socket" "$1" 9>&- 2>&1
    fi
}}
# The digest that BIRD shows for the configuration that it runs; - where it has none of ours.
loaded() {{
    said=$(ask "eval 'IRRGATE-CONTENT'") && {{
        printf '%s\\n' "$said" | sed -n 's/^[" ]*\\([0-9a-f]\\{{64\\}}\\)[" ]*$/\\1/p'
        return 0
    }}
    case $said in
        *[Uu]nable\\ to\\ connect*|*closed*|*denied*|"") printf '%s\\n' "$said" >&2; return 1 ;;
    esac
    echo -
}}
"""

_BEGIN: Final = f"""\
{_LOOK}
umask 022
command -v flock >/dev/null || {{ echo "flock (util-linux) is missing" >&2; exit 127; }}
exec 9>"$side-lock" || exit 1
flock -w {LOCK_WAIT} 9 || exit {LOCKED}
keep() {{
    sync "$candidate" 2>/dev/null || sync
    if [ -e "$own" ]; then ln -f -- "$own" "$previous" || return 1; fi
    mv -f -- "$candidate" "$own" || return 1
    rm -f -- "$note"
    sync "${{own%/*}}" 2>/dev/null || sync
}}
digest() {{
    if [ ! -e "$own" ]; then echo none
    elif command -v sha256sum >/dev/null; then sha256sum < "$own" | cut -c 1-64
    else sha256 -q < "$own"
    fi
}}
forget() {{
    rm -f -- "$candidate" "$note"
}}
"""

# Prints what the note of a commit says, the router's time, and what BIRD has loaded.
STATE: Final = f"""\
{_LOOK}
running=$(loaded) || exit 1
date +%s
echo "$running"
if [ -e "$note" ]; then cat -- "$note"; fi
"""

# $1 the main configuration's copy, $2 seconds (0: to stay), $3 the old file's SHA-256, $4 what BIRD
# shows of the new one, $5 the session's name, $6 where the new file has been put
COMMIT: Final = f"""\
{_BEGIN}
copy=$1 seconds=$2 sum=$3 new=$4 session=$5 staged=$6
wait=$seconds
[ "$seconds" -gt 0 ] || wait={AT_ONCE}
if [ -e "$note" ]; then
    read -r _ _ theirs < "$note" || theirs=
    running=$(loaded) || exit 1
    [ "$running" = "$theirs" ] && exit {PENDING}
    rm -f -- "$note"
fi
[ "$(digest)" = "$sum" ] || exit {CHANGED}
mv -f -- "$staged" "$candidate" || exit 1
echo "$session $(($(date +%s) + wait)) $new" > "$note" || exit 1
sync "$note" 2>/dev/null || sync
said=$(ask "configure \\"$copy\\" timeout $wait"); code=$?
printf '%s\\n' "$said"
running=$(loaded)
if [ "$code" -ne 0 ] || [ "$running" != "$new" ]; then
    # BIRD may have put it off, behind another reconfiguration.
    case $said in *queu*) ask "configure undo" >/dev/null ;; esac
    forget
    exit {REFUSED}
fi
[ "$seconds" -gt 0 ] && exit 0
ask "configure confirm"
[ "$(loaded)" = "$new" ] || {{ forget; exit {REFUSED}; }}
keep
"""

# Whether it is too late is told by what BIRD runs, not by what it answers: it says that there is
# nothing to do as well when a person has confirmed already.
CONFIRM: Final = f"""\
{_BEGIN}
[ -e "$note" ] || exit {NOTHING}
read -r _ _ new < "$note"
ask "configure confirm"
running=$(loaded) || exit 1
[ "$running" = "$new" ] || {{ forget; exit {WENT_BACK}; }}
keep
"""

# What somebody has left behind: a commit whose time is over. If BIRD runs it all the same, it was
# confirmed: by a person, or by a script that died before it was through.
FINISH: Final = f"""\
{_BEGIN}
[ -e "$note" ] || exit 0
read -r _ deadline new < "$note"
[ "$(date +%s)" -gt "$((deadline + {OVERDUE}))" ] || exit 0
running=$(loaded) || exit 1
if [ "$running" = "$new" ] && [ -e "$candidate" ]; then keep; else forget; fi
"""

UNDO: Final = f"""\
{_BEGIN}
[ -e "$note" ] || exit {NOTHING}
read -r _ _ new < "$note"
running=$(loaded) || exit 1
if [ "$running" = "$new" ]; then
    ask "configure undo"
    # A person may have confirmed it, and then there is nothing to undo: the file has the old ones.
    [ "$(loaded)" = "$new" ] && ask configure
fi
running=$(loaded) || exit 1
[ "$running" = "$new" ] && exit {REFUSED}
forget
"""
# $1 the file to be copied, $2 the copy, $3 how many bytes come by stdin
STAGE: Final = """\
set -u
umask 022
trap 'exit 1' HUP INT TERM
rm -f -- "$2"
# For owner and mode: a configuration may hold passwords, and BIRD must be able to read it.
if [ -e "$1" ]; then cp -p -- "$1" "$2" || exit 1; fi
cat > "$2" || exit 1
[ "$(wc -c < "$2")" -eq "$3" ] || { rm -f -- "$2"; echo "it did not arrive whole" >&2; exit 1; }
"""
