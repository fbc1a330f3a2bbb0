"""An emulated Arista EOS switch, to run as `python -m tests.lab.eos --name edge1 --directory DIR`.

It answers NAPALM's EOSDriver over eAPI. What is emulated, and from which source each behaviour is
known, stands where it is done: `eos_prefix_list` (grammar), `eos_mode` and `eos_config` (the
configuration), `eos_switch` (sessions, commit timer), `eos_diff`, `eos_show`, `eos_cli`
(one request), `eos_http` (eAPI). `eos_semantics` says what its lists accept.
"""

from __future__ import annotations

import threading

from tests.lab.certificates import own_certificate
from tests.lab.device import Chassis, Options
from tests.lab.eos_http import EapiServer
from tests.lab.eos_switch import EosSwitch


def main() -> None:
    """Serve until stopped."""
    options = Options.parse()
    chassis = Chassis(options)
    switch = EosSwitch(chassis)
    certificate, key = own_certificate(options.directory, options.name)
    server = EapiServer(switch, options.port, certificate, key)
    threading.Thread(target=server.serve_forever, name="eapi", daemon=True).start()
    chassis.start(switch, server.server_port, certificate=str(certificate))
    chassis.stopping.wait()


if __name__ == "__main__":
    main()
