"""Many who label at once: none of their decisions is lost, and none waits long."""

import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from tests.harness.process import free_port, until
from tests.studio.labellers import CSRF, Decision, cookies_of, decide_at_a_rate, fill
from tests.studio.postgresql import running_postgresql
from tests.studio.served import IMPORT_TIMEOUT_S, START_TIMEOUT_S, Served, served
from tests.studio.world import pattern, zipped

KEY = {"STUDIO_SECRET_KEY": "no secret at all, but long enough for one"}
IMPORTED = 30  # pictures
PER_LABELLER = 0.5  # decisions a second
P95_S = 0.2
LABELS = """SELECT people_user.username, images_image.id FROM images_image
    JOIN images_labelling ON images_labelling.image_id = images_image.id
    JOIN images_change ON images_change.id = images_labelling.change_id
    JOIN people_user ON people_user.id = images_change.by_id
    WHERE images_image.label_id = images_labelling.after_id"""


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """Settings of a studio on a database that is not there yet."""
    with ExitStack() as stack:
        settings = {"STUDIO_DATA": str(folder / "data"), **KEY}
        if kind == "postgresql":
            settings["STUDIO_DATABASE_URL"] = stack.enter_context(running_postgresql())
        yield settings


def kept(settings: Mapping[str, str]) -> set[tuple[str, int]]:
    """Who has labelled which image, as the database says."""
    if url := settings.get("STUDIO_DATABASE_URL"):
        with psycopg.connect(url) as server:
            return {(name, image) for name, image in server.execute(LABELS).fetchall()}
    with closing(sqlite3.connect(Path(settings["STUDIO_DATA"]) / "studio.sqlite3")) as file:
        return set(file.execute(LABELS).fetchall())


def accepted(decisions: Sequence[Decision]) -> set[tuple[str, int]]:
    return {(each.name, each.image) for each in decisions if each.status == 200}


@pytest.mark.parametrize(
    ("kind", "labellers", "each", "is_timed"),
    [
        pytest.param("postgresql", 50, 2, False, marks=pytest.mark.slow),
        pytest.param("sqlite", 20, 30, True, marks=pytest.mark.soak),
        pytest.param("postgresql", 50, 30, True, marks=pytest.mark.soak),
    ],
)
def test_no_decision_of_many_labellers_is_lost_and_none_waits_long(
    kind: str, labellers: int, each: int, is_timed: bool, tmp_path: Path
) -> None:
    rate = labellers * PER_LABELLER
    with database(kind, tmp_path) as settings:
        people = fill(settings, labellers, each).labellers
        with served(tmp_path / "data", **{**settings, "STUDIO_PROCESSES": "2"}) as studio:
            decisions = decide_at_a_rate(studio.url, people, rate)
        assert {decision.status for decision in decisions} == {200}
        assert len(kept(settings)) == labellers * each
        assert kept(settings) == accepted(decisions)
    seconds = sorted(decision.seconds for decision in decisions)
    p50, p95 = seconds[len(seconds) // 2], seconds[int(0.95 * len(seconds))]
    sys.stdout.write(
        f"\n{labellers} labellers on {kind}: {len(decisions)} decisions, {rate:g} a second,"
        f" p50 {1000 * p50:.0f} ms, p95 {1000 * p95:.0f} ms\n"
    )
    assert p95 < P95_S or not is_timed


def begin_import(url: str, session: str) -> str:
    """Upload an archive of IMPORTED pictures. Returns the address of the import's page."""
    files = {f"{number}.png": pattern(number) for number in range(IMPORTED)}
    form = {"labels": "none", "csrfmiddlewaretoken": CSRF}
    answer = httpx.post(
        f"{url}/datasets/signs/imports/add",
        data=form,
        files={"uploads": ("more.zip", zipped(files))},
        cookies=cookies_of(session),
        timeout=60,
    )
    assert answer.status_code == 302, answer.text
    return url + answer.headers["Location"]


def is_done(page: str, session: str) -> bool:
    """Whether an import is done; not asked for more often than a browser may."""
    time.sleep(0.5)
    answer = httpx.get(page, cookies=cookies_of(session), timeout=60)
    return f"Done: {IMPORTED} added" in answer.text


def kill(*processes: psutil.Process) -> None:
    """End processes as if the machine had lost them."""
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=30)


def runner_and_worker(studio: Served) -> tuple[psutil.Process, psutil.Process]:
    """The runner, and the process that answers requests."""
    children = psutil.Process(studio.process.pid).children()
    (runner,) = (each for each in children if "studio.runner" in each.cmdline())
    (web,) = (each for each in children if each != runner)
    (worker,) = web.children()
    return runner, worker


@pytest.mark.slow
def test_no_accepted_decision_is_lost_where_web_and_runner_are_killed(tmp_path: Path) -> None:
    """First each alone, which is then replaced; later all at once, in the midst of an import."""
    settings, port = {"STUDIO_DATA": str(tmp_path / "data"), **KEY}, free_port()
    crowd = fill(settings, 20, 15)
    first = Served(tmp_path / "data", port, **settings)
    until(first.is_up, START_TIMEOUT_S)
    progress = begin_import(first.url, crowd.trainer)
    with ThreadPoolExecutor(1) as pool:
        deciding = pool.submit(decide_at_a_rate, first.url, crowd.labellers, 20 * PER_LABELLER)
        until(lambda: len(kept(settings)) > 40, START_TIMEOUT_S)
        kill(*runner_and_worker(first))
        until(lambda: len(kept(settings)) > 90, START_TIMEOUT_S)
        root = psutil.Process(first.process.pid)
        kill(root, *root.children(recursive=True))
        first.process.wait(30)
        again = Served(tmp_path / "data", port, **settings)
        try:
            decisions = deciding.result()
            until(again.is_up, START_TIMEOUT_S)
            until(lambda: is_done(progress, crowd.trainer), IMPORT_TIMEOUT_S)
        finally:
            assert again.end() == 0
    assert accepted(decisions) <= kept(settings)
    assert 60 < len(accepted(decisions)) < len(decisions)  # some found nobody, and were not accepted
