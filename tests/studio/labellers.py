"""Many people who label at once: sessions in a studio's database, and the requests that they send.

The generator of load of `tests.harness.load` does not tell which of its requests was accepted; this one does.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from tests.harness.process import ROOT

CSRF = "c" * 32
ANSWER_TIMEOUT_S = 60.0
FILL_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Labeller:
    """Somebody with a session, and the images of the data set `signs` that are theirs to label."""

    name: str
    session: str
    images: Sequence[int]


@dataclass(frozen=True, slots=True)
class Crowd:
    """Those who use a studio at once.

    Attributes:
        trainer: The session of somebody who may import.
    """

    trainer: str
    labellers: Sequence[Labeller]


@dataclass(frozen=True, slots=True)
class Decision:
    """A label that a labeller has sent for an image.

    Attributes:
        status: HTTP's; 0 where no answer came.
        seconds: From the moment at which it was due until the answer's end.
    """

    name: str
    image: int
    status: int
    seconds: float


def fill(settings: Mapping[str, str], labellers: int, images_each: int) -> Crowd:
    """Make a studio's database, with labellers who are logged in, and images of their own for each."""
    command = [sys.executable, "-m", "tests.studio.labellers", str(labellers), str(images_each)]
    made = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        check=True,
        timeout=FILL_TIMEOUT_S,
    )
    told = json.loads(made.stdout)
    return Crowd(told["trainer"], [Labeller(**each) for each in told["labellers"]])


def cookies_of(session: str) -> dict[str, str]:
    """What the browser of somebody sends who is logged in."""
    return {"studio_session": session, "studio_csrf": CSRF}


def decide_at_a_rate(url: str, labellers: Sequence[Labeller], per_second: float) -> list[Decision]:
    """Have each labeller decide about their images in turn, so many of all in a second.

    A decision without an answer is not sent again.
    """
    began, period = time.perf_counter() + 0.5, len(labellers) / per_second
    made: list[Decision] = []

    def label(number: int, labeller: Labeller) -> None:
        cookies = cookies_of(labeller.session)
        # A connection of its own for each: the server ends one that is kept while a person thinks.
        headers = {"Connection": "close"}
        with httpx.Client(base_url=url, cookies=cookies, headers=headers, timeout=ANSWER_TIMEOUT_S) as client:
            for turn, image in enumerate(labeller.images):
                due = began + turn * period + number / per_second
                time.sleep(max(0.0, due - time.perf_counter()))
                form: dict[str, Any] = {"csrfmiddlewaretoken": CSRF, "label": "logo", "image": image}
                try:
                    status = client.post("/datasets/signs/label", data=form).status_code
                except httpx.TransportError:
                    status = 0
                made.append(Decision(labeller.name, image, status, time.perf_counter() - due))

    threads = [threading.Thread(target=label, args=each) for each in enumerate(labellers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def main(labellers: int, images_each: int) -> None:
    """Fill the database of this process's settings, and tell of the labellers in JSON."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "studio.django_settings"
    from studio.__main__ import make_data_folder, prepare_database
    from studio.settings import read_settings

    make_data_folder(read_settings())
    prepare_database()
    from studio.images.membership import make_dataset
    from studio.people.models import Role
    from tests.studio.browsing import COOKIE
    from tests.studio.world import log_in, make_user, rows

    trainer = make_user("trainer", Role.TRAINER)
    dataset = make_dataset(trainer, "signs")
    told = []
    for number in range(labellers):
        user = make_user(f"labeller {number}", Role.LABELLER)
        images = rows(dataset, trainer, [0.5] * images_each, first=number * images_each)
        session = log_in(user).cookies[COOKIE].value
        told.append({"name": user.username, "session": session, "images": [image.pk for image in images]})
    json.dump({"trainer": log_in(trainer).cookies[COOKIE].value, "labellers": told}, sys.stdout)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
