"""Loaded by every Python process with this folder on its path: to ask another machine fails and is written down."""

import os
import sys

ASKING = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.gethostbyaddr",
    "socket.sendto",
    "socket.sendmsg",
)


def _host(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        return arguments[0]
    address = arguments[-1]
    return address[0] if isinstance(address, tuple) else None  # a path: a socket on this machine


def _is_here(host):
    if host is None:
        return True
    text = host.decode() if isinstance(host, bytes) else str(host)
    return text in ("localhost", "::1", "") or text.startswith("127.")


def _guard(event, arguments):
    if event in ASKING and not _is_here(host := _host(event, arguments)):
        with open(os.environ["TRADECREDIT_GUARD_LOG"], "a", encoding="utf-8") as log:
            log.write(f"{event} {host} by {' '.join(sys.argv[:3])}\n")
        raise OSError(f"the guard stops {event} to {host}")


sys.addaudithook(_guard)
