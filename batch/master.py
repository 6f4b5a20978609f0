"""The master: whether a cluster answers where it is said to be. Spark itself would wait for minutes."""

import re
import socket

from batch.errors import BatchError

REACH_TIMEOUT_S = 10.0
_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:,/\[\]]+):(?P<port>\d{1,5})/?")
_SCHEME = re.compile(r"spark://|k8s://(https?://)?")


def check_master(master: str) -> None:
    """Try the addresses of a master; other kinds, such as `yarn`, name none.

    Raises:
        BatchError: None of them can be connected to within 10 s in all; it names them.
    """
    scheme = _SCHEME.match(master)
    found = list(_ADDRESS.finditer(master[scheme.end() :])) if scheme else []
    reasons = []
    for address in found:
        try:
            place = address["host"].strip("[]"), int(address["port"])
            socket.create_connection(place, REACH_TIMEOUT_S / len(found)).close()
            return
        except (OSError, OverflowError) as error:
            reasons.append(f"{address['host']}:{address['port']} ({_reason(error)})")
    if reasons:
        raise BatchError(f"--master: nothing answers at {', '.join(reasons)}")


def _reason(error: OSError | OverflowError) -> str:
    return str(getattr(error, "strerror", None) or error)
