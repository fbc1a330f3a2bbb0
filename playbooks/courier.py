"""The process that sends a notification; it knows nothing of irrgate and is killed when it hangs.

Standard input has the request as JSON; standard output gets a line `N VERDICT` for the Nth service
as soon as it has answered. Standard error, where a token might come up, is kept by nobody. It
imports nothing but apprise, so that it can be started by its path.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import Any, Final

VERDICTS: Final = {
    "sent": "",
    "unknown": "it is no URL that apprise knows",
    "refused": "the service could not be reached, or refused it",
}


def main() -> None:
    """Send to all services at once, so that one that hangs delays no other."""
    import apprise  # noqa: PLC0415 - only the process that sends is to load it

    request = json.load(sys.stdin)
    lock = threading.Lock()

    def deliver(at: int, url: str) -> None:
        verdict = _delivered(apprise, url, request)
        with lock:
            print(at, verdict, flush=True)

    threads = [
        threading.Thread(target=deliver, args=numbered)
        for numbered in enumerate(request["urls"], 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _delivered(apprise: Any, url: str, request: dict[str, Any]) -> str:
    # Nothing that text could hold is interpreted, and nothing is kept on disk.
    asset = apprise.AppriseAsset(
        interpret_emojis=False,
        interpret_escapes=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    service = apprise.Apprise(asset=asset)
    if not service.add(url):
        return "unknown"
    sent = service.notify(
        title=request["title"],
        body=request["body"],
        notify_type=apprise.NotifyType(request["type"]),
        body_format=apprise.NotifyFormat.TEXT,
    )
    return "sent" if sent else "refused"


if __name__ == "__main__":
    main()
