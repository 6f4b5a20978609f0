"""Proxies in front of a server, as they stand in front of services: Debian's nginx and HAProxy."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.process import free_port
from tests.harness.tools import required

START_TIMEOUT_S = 20.0

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream logo {{ server 127.0.0.1:{server}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://logo;
            proxy_http_version 1.1;
            proxy_request_buffering {buffering};
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection {connection};
        }}
    }}
}}
"""

HAPROXY = """
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    http-reuse always
frontend callers
    bind 127.0.0.1:{port}
    default_backend logo
backend logo
    server logo 127.0.0.1:{server}
"""


@contextmanager
def nginx(server_port: int, folder: Path, *, upgrades: bool = False, buffers: bool = True) -> Iterator[int]:
    """The port of an nginx that keeps its connections to a server.

    Args:
        server_port: The server's.
        folder: For its files.
        upgrades: Whether it asks the server to upgrade whatever its caller wants to, as for WebSockets.
        buffers: Whether it reads a body whole before it sends it on.
    """
    connection, buffering = ("upgrade" if upgrades else '""'), ("on" if buffers else "off")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        NGINX.format(folder=folder, server=server_port, port=port, connection=connection, buffering=buffering)
    )
    with _running(["nginx", "-c", str(config), "-p", str(folder)], port):
        yield port


@contextmanager
def haproxy(server_port: int, folder: Path) -> Iterator[int]:
    """The port of a HAProxy that keeps and shares its connections to a server."""
    port = free_port()
    config = folder / "haproxy.cfg"
    config.write_text(HAPROXY.format(server=server_port, port=port))
    with _running(["haproxy", "-q", "-db", "-f", str(config)], port):
        yield port


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen([required(command[0]), *command[1:]])
    try:
        _wait_until_listening(process, port)
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up:
        assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on {port}")
