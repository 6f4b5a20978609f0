"""Small sets to evaluate on: pictures of one colour, whose scores by the tiny artifact can be told."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

RED, BLUE = (255, 0, 0), (0, 0, 255)
PURPLE = (140, 0, 60)  # called a logo, though not loudly

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}.png"
"""A file's name, as an attacker may choose it."""


def picture(colour: tuple[int, int, int], kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (48, 32), colour).save(out, kind)
    return out.getvalue()


def write_set(directory: Path, files: Mapping[str, bytes], rows: Sequence[Mapping[str, str]] = ()) -> Path:
    """Files by relative path; and a manifest, if there are rows for one."""
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if rows:
        with (directory / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]))
            table.writeheader()
            table.writerows(rows)
    return directory


def plain_set(directory: Path) -> Path:
    """A folder per class: three red logos and a blue one, three blue photos and a purple map."""
    return write_set(
        directory,
        {
            "logo/brand/a.png": picture(RED),
            "logo/brand/b.png": picture(RED),
            "logo/brand/c.jpg": picture(RED, "JPEG"),
            "logo/brand/missed.png": picture(BLUE),
            "out_of_domain/photo/d.jpg": picture(BLUE, "JPEG"),
            "out_of_domain/photo/e.png": picture(BLUE),
            "out_of_domain/photo/f.png": picture(BLUE),
            f"out_of_domain/map/{HOSTILE}": picture(PURPLE),
        },
    )


def recoded_set(directory: Path, extra: Mapping[str, bytes] | None = None) -> Path:
    """Four images, as PNG and as JPEG; of one logo, the JPEG has turned blue."""
    colours = {"logo/1": RED, "logo/2": RED, "out_of_domain/3": BLUE, "out_of_domain/4": BLUE}
    files = {}
    for name, colour in colours.items():
        files[f"{name}.png"] = picture(colour)
        files[f"{name}.jpeg"] = picture(BLUE if name == "logo/2" else colour, "JPEG")
    files |= extra or {}
    rows = [
        {
            "path": name,
            "label": name.split("/")[0],
            "category": "brand" if name.startswith("logo") else "photo",
            "source": "acme/pictures@1",
            "license": "CC0-1.0",
            "recoding": name.rsplit(".", 1)[1],
            "pair": name.rsplit(".", 1)[0],
        }
        for name in files
    ]
    return write_set(directory, files, rows)
