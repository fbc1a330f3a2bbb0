"""An emulated MikroTik RouterOS 7 router: `python -m tests.lab.ros --name edge1 --directory DIR`.

It answers the API over TLS (API-SSL) as far as filter chains need it. `ros_api` is the protocol,
`ros_router` the router, `ros_config` its configuration, `ros_rules` the language of its rules, and
`ros_semantics` says what its chains accept.
"""

from __future__ import annotations

import threading

from tests.lab.certificates import own_certificate
from tests.lab.device import Chassis, Options
from tests.lab.ros_api import ApiServer
from tests.lab.ros_router import RosRouter


def main() -> None:
    """Serve until stopped."""
    options = Options.parse()
    chassis = Chassis(options)
    router = RosRouter(chassis)
    certificate, key = own_certificate(options.directory, options.name)
    server = ApiServer(router, options.port, certificate, key)
    threading.Thread(target=server.serve_forever, name="api", daemon=True).start()
    chassis.start(router, server.port, certificate=str(certificate))
    chassis.stopping.wait()


if __name__ == "__main__":
    main()
