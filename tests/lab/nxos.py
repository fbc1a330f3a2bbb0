"""An emulated Cisco NX-OS, to run as `python -m tests.lab.nxos --name edge1 --directory DIR`.

It answers NAPALM's NXOSDriver over NX-API; `tests.lab.nxos_ssh` is the same by its command line.
What is emulated, and from which source each behaviour is known, stands where it is done:
`nxos_config` (grammar, configuration), `nxos_switch`, `nxos_show`, `nxos_cli` (one command),
`nxos_http` (NX-API). `nxos_semantics` says what its lists accept.
"""

from __future__ import annotations

import threading

from tests.lab.certificates import own_certificate
from tests.lab.device import Chassis, Options
from tests.lab.nxos_http import NxApiServer
from tests.lab.nxos_switch import NxosSwitch


def main() -> None:
    """Serve until stopped."""
    options = Options.parse()
    chassis = Chassis(options)
    switch = NxosSwitch(chassis)
    certificate, key = own_certificate(options.directory, options.name)
    server = NxApiServer(switch, options.port, certificate, key)
    threading.Thread(target=server.serve_forever, name="nxapi", daemon=True).start()
    chassis.start(switch, server.server_port, certificate=str(certificate))
    chassis.stopping.wait()


if __name__ == "__main__":
    main()
