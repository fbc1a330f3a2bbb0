"""An emulated Nokia SR Linux, to run as `python -m tests.lab.srl --name edge1 --directory DIR`.

It answers irrgate's driver over JSON-RPC. What is emulated, and from which source each behaviour is
known, stands where it is done: `srl_tree` (the configuration and its checks), `srl_router`
(transactions, their timer, the state), `srl_rpc` (one request), `srl_http` (the server).
`srl_semantics` says what its prefix-sets accept.
"""

from __future__ import annotations

import threading

from tests.lab.certificates import own_certificate
from tests.lab.device import Chassis, Options
from tests.lab.https_server import HttpsServer
from tests.lab.srl_http import serving
from tests.lab.srl_router import SrlRouter


def main() -> None:
    """Serve until stopped."""
    options = Options.parse()
    chassis = Chassis(options)
    router = SrlRouter(chassis)
    certificate, key = own_certificate(options.directory, options.name)
    server = HttpsServer(chassis, options.port, certificate, key, serving(router))
    threading.Thread(target=server.serve_forever, name="jsonrpc", daemon=True).start()
    chassis.start(router, server.server_port, certificate=str(certificate))
    chassis.stopping.wait()


if __name__ == "__main__":
    main()
