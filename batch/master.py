"""The master: whether it is one, and answers where it is said to be. Spark itself would wait for minutes."""

import os
import re
import socket

from batch.errors import BatchError

REACH_TIMEOUT_S = 10.0
_ADDRESS = re.compile(r"(?P<host>\[[^\]]+\]|[^:,/\[\]]+):(?P<port>\d{1,5})/?")
_SCHEME = re.compile(r"spark://|k8s://(https?://)?")
_WITHOUT_ADDRESS = re.compile(r"yarn|local(\[.+\])?|local-cluster\[.+\]")
_HADOOP_SETTINGS = ("HADOOP_CONF_DIR", "YARN_CONF_DIR")


def check_master(master: str) -> None:
    """Try the addresses of a master; other kinds, such as `yarn`, name none.

    Raises:
        BatchError: It is no master; or YARN is, and no environment variable says where its settings are; or
            no address can be connected to within 10 s in all, and the error names them.
    """
    scheme = _SCHEME.match(master)
    if not scheme and not _WITHOUT_ADDRESS.fullmatch(master):
        raise BatchError(f"--master: {master!r} is none of yarn, k8s://…, spark://HOST:PORT, local[N]")
    if master == "yarn" and not any(os.environ.get(name) for name in _HADOOP_SETTINGS):
        raise BatchError("--master yarn: HADOOP_CONF_DIR has to name the folder of the cluster's settings")
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
