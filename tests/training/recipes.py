"""Recipes for tests: small networks, few images."""

from pathlib import Path

from training.recipe import Recipe, read_recipe

TINY = """
name = "tiny"
version = "0.1.0"
labels = ["out_of_domain", "logo"]
seed = 1
size = 32
warm_up = 2
weight_decay = 0.01
label_smoothing = 0.05
dropout = 0.1
skip_dropout = 0.1
ema = 0.9
mixed_precision = false
stages = [
    { size = 16, images = 32, batch = 8, rate = 1e-3, last_rate = 1e-4 },
    { size = 32, images = 16, batch = 8, rate = 1e-3, last_rate = 1e-4 },
]
variants = { brand = 2 }
drawn = { flag = 2, plain = 2 }
drawn_validation = { flag = 1, map = 2 }

[network]
repeats = [1, 1]
input_filters = [8, 8]
output_filters = [8, 12]
expansions = [1, 2]
squeezes = [0, 0.25]
strides = [2, 2]
kinds = ["fused", "unfused"]

[hold_out]
sources = { "other/logos" = 1.0, "other/photos" = 1.0 }
kinds = ["map/transit"]
"""


def write_recipe(directory: Path, *changes: tuple[str, str]) -> Path:
    """The tiny recipe as a file, with parts of its text exchanged."""
    text = TINY
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = directory / "tiny.toml"
    path.write_text(text)
    return path


def tiny_recipe(directory: Path, *changes: tuple[str, str]) -> Recipe:
    """The tiny recipe, as read from such a file."""
    return read_recipe(write_recipe(directory, *changes))
