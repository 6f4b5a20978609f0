"""The group: the connections between the processes that train one model together.

Rank 0 listens, and each of the others connects to it and stays connected. The connections carry a few small
values (`Group.gather`); gradients go another way (`training.replicas`). When a process ends before the
training does, the system closes its connection. Rank 0 sees that, ends too, and with it all the others.

Whoever reaches the coordinator's port can join or disturb a group, so it belongs in a private network.
"""

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from training.errors import ProcessLost, TrainingError
from training.place import Place

JOIN_TIMEOUT_S = 300.0  # for all processes to be started
GATHER_TIMEOUT_S = 300.0
FINISH_TIMEOUT_S = 24 * 3600.0  # while rank 0 works alone: it prepares images, it exports
INTRODUCTION_TIMEOUT_S = 5.0
RETRY_S = 0.2
WATCH_INTERVAL_S = 0.5
GRACE_S = 2.0
MAX_LINE_BYTES = 1 << 20

# A machine that is gone closes nothing: its silence is noticed after 10 + 4 x 5 seconds.
KEEPALIVE = MappingProxyType(
    {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 5, socket.TCP_KEEPCNT: 4, socket.TCP_USER_TIMEOUT: 30_000}
)

Lost = Callable[[str], None]  # told which process was lost; ends this process


class Group:
    """The processes that train one model together: this one's place, and its connections.

    Attributes:
        place: This process's.
        host: Its address, as the others reach it.
    """

    def __init__(self, place: Place, host: str, peers: Mapping[int, "Peer"]) -> None:
        self.place, self.host, self._peers = place, host, peers

    def gather(self, value: str, timeout_s: float = GATHER_TIMEOUT_S) -> list[str]:
        """Every process's value, by rank. All processes call it, and wait for each other.

        Raises:
            ProcessLost: One did not within the time, or ended.
        """
        if self.place.rank > 0:
            self._peers[0].send([value])
            return self._peers[0].receive(timeout_s)
        values = [value, *(peer.receive(timeout_s)[0] for peer in self._peers.values())]
        for peer in self._peers.values():
            peer.send(values)
        return values

    def lost(self, timeout_s: float) -> int | None:
        """The rank of a process that has ended, or does within the time; None where all it knows live."""
        deadline = time.monotonic() + timeout_s
        while (rank := _ended(self._peers)) is None and time.monotonic() < deadline:
            pass  # it has waited
        return rank


class Peer:
    """A connection to another process of the group, over which lists of strings go as lines of JSON."""

    def __init__(self, rank: int, connection: socket.socket) -> None:
        self.rank, self.connection = rank, connection
        self._lines = connection.makefile("rb")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            connection.setsockopt(socket.IPPROTO_TCP, option, value)

    def send(self, values: list[str]) -> None:
        """Raises ProcessLost where the other has ended."""
        try:
            self.connection.sendall(json.dumps(values).encode() + b"\n")
        except OSError as error:
            raise ProcessLost(f"rank {self.rank} was lost") from error

    def receive(self, timeout_s: float) -> list[str]:
        """Raises ProcessLost where the other has ended, or says nothing for so long."""
        self.connection.settimeout(timeout_s)
        try:
            line = self._lines.readline(MAX_LINE_BYTES)
            values = json.loads(line)
        except TimeoutError as error:
            raise ProcessLost(f"rank {self.rank} was silent for {timeout_s:g} s") from error
        except (OSError, ValueError) as error:
            raise ProcessLost(f"rank {self.rank} was lost") from error
        return [str(value) for value in values]

    def close(self) -> None:
        """End the connection; the other sees it end."""
        self._lines.close()
        self.connection.close()


@contextmanager
def joined(place: Place, on_lost: Lost) -> Iterator[Group]:
    """The group of a place, once all its processes are there; it ends when all have left the block.

    Args:
        place: This process's.
        on_lost: Called in a thread when a process of the group ends before the block does, with words
            that name it. The main thread may be inside TensorFlow, where no exception reaches it, so this
            should end the process.

    Raises:
        TrainingError: Not all were there within JOIN_TIMEOUT_S.
    """
    if place.processes == 1:
        yield Group(place, "", {})
        return
    peers = _accepted(place) if place.rank == 0 else {0: _connected(place)}
    host = place.coordinator[0] if place.rank == 0 else peers[0].connection.getsockname()[0]
    group, over = Group(place, host, peers), threading.Event()
    watcher = threading.Thread(target=_watch, args=(peers, over, on_lost), daemon=True, name="group")
    watcher.start()
    try:
        yield group
        over.set()
        watcher.join()
        group.gather("over", FINISH_TIMEOUT_S)
    finally:
        over.set()
        for peer in peers.values():
            peer.close()


def _accepted(place: Place) -> dict[int, Peer]:
    """Rank 0's side: a connection to each of the others, by rank."""
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    peers: dict[int, Peer] = {}
    with socket.create_server(("", place.coordinator[1]), backlog=place.processes) as server:
        while missing := set(range(1, place.processes)) - set(peers):
            server.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, _ = server.accept()
            except TimeoutError as error:
                raise TrainingError(
                    f"ranks {sorted(missing)} did not join within {JOIN_TIMEOUT_S:g} s"
                ) from error
            peer = Peer(-1, connection)
            if (rank := _introduced(peer)) in missing:
                peer.rank = rank
                peers[rank] = peer
            else:
                peer.close()
    return dict(sorted(peers.items()))


def _introduced(peer: Peer) -> int:
    """The rank that a process says it has; -1 of a stranger."""
    try:
        (rank,) = peer.receive(INTRODUCTION_TIMEOUT_S)
        return int(rank)
    except (ProcessLost, ValueError):
        return -1


def _connected(place: Place) -> Peer:
    """The others' side: a connection to rank 0, which may be started later."""
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while True:
        try:
            peer = Peer(0, socket.create_connection(place.coordinator, timeout=INTRODUCTION_TIMEOUT_S))
        except OSError as error:
            if time.monotonic() > deadline:
                where = "{}:{}".format(*place.coordinator)
                raise TrainingError(f"rank 0 is not at {where}: {error}") from error
            time.sleep(RETRY_S)
        else:
            peer.send([str(place.rank)])
            return peer


def _watch(peers: Mapping[int, Peer], over: threading.Event, on_lost: Lost) -> None:
    """Wait until a connection is closed from the other side; reads nothing."""
    while not over.is_set():
        if (rank := _ended(peers)) is not None:
            # All may end with the same error, which says more: time for this process to end with it, too.
            if not over.wait(GRACE_S):
                on_lost(f"rank {rank} was lost")
            return


def _ended(peers: Mapping[int, Peer]) -> int | None:
    """The rank of one whose connection is closed from the other side, or is within WATCH_INTERVAL_S."""
    poll = select.poll()
    ranks = {peer.connection.fileno(): peer.rank for peer in peers.values()}
    for descriptor in ranks:
        poll.register(descriptor, select.POLLRDHUP)
    closed = poll.poll(WATCH_INTERVAL_S * 1000)
    return ranks[closed[0][0]] if closed else None
