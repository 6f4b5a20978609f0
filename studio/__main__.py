"""`logo-studio`: sets the studio up where that is not done yet, and serves it, with the runner beside it.

`logo-studio backup FOLDER` and `logo-studio restore FOLDER` copy it, and bring the copy back.
"""

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FrameType

from logo_detection.commands import Parser, run_command
from studio.backup import back_up, restore
from studio.settings import Settings, SettingsInvalid, read_settings, unknown_settings

LOG = logging.getLogger(__name__)

POLL_S = 0.2
RUNNER_PAUSE_S = 2.0  # before a runner that ended is started again
STOP_SLACK_S = 10.0  # beyond what the runner may take to stop a training


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    parser = Parser(prog="logo-studio", description="Serve the studio, as STUDIO_… settings say.")
    verbs = parser.add_subparsers(dest="verb", metavar="backup | restore")
    for verb, told in (
        ("backup", "copy a studio, which may run, into a new folder"),
        ("restore", "bring a copy back, into a new STUDIO_DATA and an empty database"),
    ):
        verbs.add_parser(verb, help=told, description=told).add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if options.verb:
        return run_command("logo-studio", partial(copy, options.verb, options.folder))
    return run_command("logo-studio", serve, "the same command goes on with all runs")


def copy(verb: str, folder: Path) -> None:
    """Back the studio up, or restore it, and say what came of it."""
    settings = read_settings()
    if verb == "backup":
        made = back_up(settings, folder)
        print(f"{folder}: the database ({made.database}) and {made.files:,} files", flush=True)
    else:
        made = restore(settings, folder)
        print(f"{settings.data}: restored, as it was at {made.made_at}", flush=True)


def serve() -> int:
    """Serve until told to end. Returns the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.django_settings")
    settings = read_settings()
    for line in unknown_settings(os.environ):
        LOG.warning(line)
    check_port(settings)
    make_data_folder(settings)
    if (password := prepare_database()) is not None:
        print(f"The first user is admin, with the password {password}: it is not shown again.", flush=True)
    print(f"The studio: http://{settings.host}:{settings.port}/", flush=True)
    return supervise(settings)


def check_port(settings: Settings) -> None:
    """Raises SettingsInvalid where nothing can listen on the port."""
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        raise SettingsInvalid(
            f"STUDIO_PORT: cannot listen on {settings.host}:{settings.port}: {error.strerror}"
        ) from error


def make_data_folder(settings: Settings) -> None:
    """Make the folder, for this user alone, and draw the secret key if there is none.

    Raises:
        SettingsInvalid: It cannot be made.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.data / "uploads").mkdir(exist_ok=True)
        if settings.secret_key is None:
            _draw_secret_key(settings.secret_key_file)
    except OSError as error:
        raise SettingsInvalid(f"STUDIO_DATA: {error.filename}: {error.strerror}") from error


def prepare_database() -> str | None:
    """Migrate, forget old sessions and tokens, add the first administrator. Returns a new one's password."""
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("clearsessions")
    call_command("cleartokens")
    from studio.people.accounts import add_first_administrator

    return add_first_administrator()


def supervise(settings: Settings) -> int:
    """Run gunicorn and the runner until one is told to end. Returns gunicorn's exit status."""
    told: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    web, runner = subprocess.Popen(_gunicorn(settings)), _start_runner()  # noqa: S603  our own commands
    started = time.monotonic()
    while not told and web.poll() is None:
        if runner.poll() is not None and time.monotonic() - started > RUNNER_PAUSE_S:
            LOG.warning("the runner ended with status %s, and is started again", runner.returncode)
            runner, started = _start_runner(), time.monotonic()
        time.sleep(POLL_S)
    for process in (web, runner):
        process.terminate()
    for process in (web, runner):
        _wait(process, settings.run_stop_timeout_s + STOP_SLACK_S)
    return 0 if told else (web.returncode or 1)


def _draw_secret_key(path: Path) -> None:
    with suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(50))


def _gunicorn(settings: Settings) -> list[str]:
    """No access log: addresses of pages hold what people search for."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "bind": f"{host}:{settings.port}",
        "workers": settings.processes,
        "worker-class": "gthread",
        "threads": settings.threads,
        "timeout": settings.request_timeout_s,
        "graceful-timeout": 10,
    }
    named = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "gunicorn", "--no-control-socket", *named, "studio.wsgi:application"]


def _start_runner() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "studio.runner"])


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
