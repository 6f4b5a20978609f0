"""The world as a process sees it that has this folder on its PYTHONPATH, and `WORLD` in its environment.

Names mean what the test says, and there is one listener for all addresses inside, and one for all outside:
whatever a socket is connected to, public or private, on this machine or none, is counted when accepted.
`tests.hostile.worlds` writes `WORLD`, and says what is in it.
"""

import json
import os
import socket
import sys
import time
from collections import Counter
from typing import Any

WORLD = json.loads(os.environ["WORLD"])
SILENCE_S = 60.0

asked: Counter[str] = Counter()
system_getaddrinfo = socket.getaddrinfo
system_connect = socket.socket.connect
system_connect_ex = socket.socket.connect_ex


def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
    if not isinstance(host, str) or not (host in WORLD["names"] or host.endswith(".test")):
        return system_getaddrinfo(host, port, *args, **options)
    sys.stderr.write(f"world: look-up of {host}\n")
    asked[host] += 1
    rounds = WORLD["names"].get(host, [[]])
    answers = rounds[min(asked[host], len(rounds)) - 1]
    if answers == "silence":
        time.sleep(SILENCE_S)
    if not answers or answers == "silence":
        raise socket.gaierror(socket.EAI_NONAME, "told to be unknown")
    return [_answer(address, port) for address in answers]


def _answer(text: str, port: Any) -> Any:
    address, _, scope = text.partition("%")
    kind = (socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
    if ":" in address:
        return socket.AF_INET6, *kind, (address, port, 0, 1 if scope else 0)
    return socket.AF_INET, *kind, (address, port)


def _routed(made: socket.socket, address: Any) -> Any:
    if made.family not in (socket.AF_INET, socket.AF_INET6) or list(address[:2]) in WORLD["origins"]:
        return address
    side = WORLD["outside"] if address[0] in WORLD["public"] else WORLD["inside"]
    return tuple(side["four" if made.family == socket.AF_INET else "six"])


def connect(made: socket.socket, address: Any) -> None:
    system_connect(made, _routed(made, address))


def connect_ex(made: socket.socket, address: Any) -> int:
    return system_connect_ex(made, _routed(made, address))


socket.getaddrinfo = getaddrinfo
socket.socket.connect = connect  # type: ignore[assignment,method-assign]
socket.socket.connect_ex = connect_ex  # type: ignore[assignment,method-assign]
