"""The BIRD driver's reading: of a configuration's includes, and of what birdc prints."""

from __future__ import annotations

import pytest

from tasks.drivers.bird_config import (
    ConfigFile,
    Include,
    in_place_of,
    includes,
    without_passwords,
)
from tasks.drivers.bird_show import interfaces, neighbours, uptime, version

TEXT = """\
# include "no.conf";
log "/var/log # include";
include "one.conf";
\tinclude\t"sub/*.conf" ; # and a comment
/* include "no.conf";
include "no.conf"; */
protocol x { include "not at the beginning"; }
include "/absolute/two.conf";   define X = "a \\"; /* include "no.conf"; */
"""


def test_includes_are_found_where_bird_finds_them() -> None:
    found = [each.pattern for each in includes("/etc/bird/bird.conf", TEXT)]
    assert found == ["/etc/bird/one.conf", "/etc/bird/sub/*.conf", "/absolute/two.conf"]


@pytest.mark.parametrize("others", [0, 1])
def test_one_include_is_rewritten_and_the_others_are_not(others: int) -> None:
    own = ConfigFile("/etc/bird/sub/own.conf", "/etc/bird/sub/own.conf", "")
    beside = [ConfigFile(f"/etc/bird/sub/{n}.conf", f"/real/{n}", "") for n in range(others)]
    main = ConfigFile("/etc/bird/bird.conf", "/etc/bird/bird.conf", TEXT)
    for each in includes(main.path, TEXT):
        main.includes.append((each, [*beside, own] if "*" in each.pattern else []))
    text = in_place_of(main, own, "/etc/bird/sub/.new")
    lines = [f'include "{path}";' for path in [*(x.path for x in beside), "/etc/bird/sub/.new"]]
    wanted = TEXT.replace('\tinclude\t"sub/*.conf" ;', "\n".join(lines))
    assert text == wanted
    assert [x.pattern for x in includes(main.path, text)][1 : 2 + others] == [
        *(x.path for x in beside),
        "/etc/bird/sub/.new",
    ]
    with pytest.raises(ValueError, match="does not include"):
        in_place_of(main, main, "/x")


def test_each_way_to_a_file_is_found() -> None:
    own = ConfigFile("/own", "/real/own", "")
    middle = ConfigFile("/m", "/m", "", [(Include(0, 0, "/own"), [own])])
    main = ConfigFile("/main", "/main", "", [(Include(0, 0, "/m"), [middle])])
    assert list(main.ways("/real/own")) == [[main, middle, own]]
    assert list(main.ways("/elsewhere")) == []
    main.includes.append((Include(0, 0, "/own"), [own]))
    assert len(list(main.ways("/real/own"))) == 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('password "secret";', 'password "***";'),
        ("password 'secret' { id 1; };", 'password "***" { id 1; };'),
        ('password\n\t"a; b";', 'password\n\t"***";'),
        ("password secret;", 'password "***";'),
        ('passwords { password "x" { id 2; }; }', 'passwords { password "***" { id 2; }; }'),
        ('description "no password";', 'description "no password";'),
    ],
)
def test_passwords_are_taken_out(text: str, wanted: str) -> None:
    assert without_passwords(text) == wanted


STATUS = """\
BIRD 2.0.12 ready.
BIRD 2.0.12
Router ID is 192.0.2.1
Hostname is rs1.example
Current server time is 2026-11-25 16:12:00.683
Last reboot on 2026-11-24 16:12:00.326
Last reconfiguration on 2026-11-25 16:12:00.326
Daemon is up and running
"""


def test_status() -> None:
    assert version(STATUS) == "2.0.12"
    assert uptime(STATUS) == pytest.approx(86400.357)
    # `timeformat base` may be anything.
    assert uptime(STATUS.replace("2026-11-24 16:12:00.326", "16:12")) == -1
    assert version("") == ""


def test_interfaces() -> None:
    summary = "BIRD 2.0.12 ready.\nInterface  State  IPv4 address  IPv6 address\n"
    summary += "lo         up     127.0.0.1/8   ::1/128\neth0       down   N/A N/A\n"
    assert interfaces(summary) == ["lo", "eth0"]


PROTOCOLS = """\
BIRD 2.0.12 ready.
Name       Proto      Table      State  Since         Info
device1    Device     ---        up     16:23:39.270

peer_a     BGP        ---        up     16:23:39.938  Established
  Description:    Vecino
  BGP state:          Established
    Neighbor address: 2001:db8::2
    Neighbor AS:      64500
    Local AS:         64496
    Neighbor ID:      198.18.0.2
  Channel ipv4
    State:          UP
    Routes:         7 imported, 112 filtered, 3 exported, 1 preferred
    Route change stats:     received   rejected   filtered    ignored   accepted
      Import updates:            228          2        221          1          4
  Channel ipv6
    State:          UP
    Routes:         2 imported, 0 exported, 0 preferred
  Channel ipv4-mc
    State:          UP
    Routes:         9 imported, 0 exported, 0 preferred

peer_b     BGP        ---        start  16:23:39.938  Active        Socket: Connection refused
  BGP state:          Active
    Neighbor address: fe80::1%eth0
    Neighbor AS:      64501
    Local AS:         64496
    Last error:       Socket: Connection refused
  Channel ipv4
    State:          DOWN
    Routes:         0 imported, 0 exported, 0 preferred

peer_c     BGP        ---        down   16:23:39.938
  BGP state:          Down
    Neighbor address: 192.0.2.9
    Neighbor AS:      64502
    Local AS:         64496
  Channel ipv4
    State:          DOWN
"""


def test_sessions() -> None:
    found = neighbours(PROTOCOLS)
    assert list(found) == ["2001:db8::2", "fe80::1", "192.0.2.9"]
    up = found["2001:db8::2"]
    assert (up["is_up"], up["is_enabled"], up["remote_as"], up["local_as"]) == (
        True, True, 64500, 64496,
    )  # fmt: skip
    assert (up["description"], up["remote_id"]) == ("Vecino", "198.18.0.2")
    assert up["address_family"] == {
        "ipv4": {"received_prefixes": 119, "accepted_prefixes": 7, "sent_prefixes": 3},
        "ipv6": {"received_prefixes": -1, "accepted_prefixes": 2, "sent_prefixes": 0},
    }
    down = found["fe80::1"]
    assert (down["is_up"], down["is_enabled"]) == (False, True)
    assert set(down["address_family"]["ipv4"].values()) == {-1}
    assert (found["192.0.2.9"]["is_up"], found["192.0.2.9"]["is_enabled"]) == (False, False)


def test_of_two_sessions_with_one_address_the_one_that_is_up_is_told() -> None:
    second = PROTOCOLS.replace("fe80::1%eth0", "2001:db8::2")
    assert neighbours(second)["2001:db8::2"]["is_up"]
