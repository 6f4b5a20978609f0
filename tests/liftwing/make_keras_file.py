"""The recipe of small.keras, images/ and expected.json: what LiftWing's server would answer, kept as files.

LiftWing's `logo_detection` serves a KerasCV EfficientNetV2 `ImageClassifier` saved by Keras 3.2.1.
This makes such a file, small enough to be committed, and scores a few images with it by the very
calls of that server: `keras.models.load_model`, `keras.utils.image_dataset_from_directory` and an
eager `model(batch)`. It needs the libraries of that server, not this project's:

    python3.11 -m venv /tmp/liftwing
    /tmp/liftwing/bin/pip install "keras==3.2.1" "keras-cv==0.8.1" "tensorflow-cpu==2.16.1" \
        "tensorflow-metadata==1.15.0" "setuptools<70" "pillow==13.0.0"
    /tmp/liftwing/bin/python tests/liftwing/make_keras_file.py

(tensorflow-metadata: later ones want a protobuf that TensorFlow 2.16 refuses; setuptools: KerasCV
imports pkg_resources.) Run it only to change the test: the weights are random and differ a little
from one CPU to the next, so the three outputs belong together and are committed together.

With `--size b0 --model PATH --expected PATH` it makes a file of production's full size instead, for
a check by hand; the images stay the same.
"""

import argparse
import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import keras_cv
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
LABELS = ("out_of_domain", "logo")
SIDE = 224
SEED = 1

# KerasCV's own figures for EfficientNetV2-B0, given as arguments because presets are downloaded.
B0 = {
    "width_coefficient": 1.0,
    "stackwise_kernel_sizes": [3, 3, 3, 3, 3, 3],
    "stackwise_num_repeats": [1, 2, 2, 3, 5, 8],
    "stackwise_input_filters": [32, 16, 32, 48, 96, 112],
    "stackwise_output_filters": [16, 32, 48, 96, 112, 192],
    "stackwise_expansion_ratios": [1, 4, 4, 4, 6, 6],
    "stackwise_squeeze_and_excite_ratios": [0, 0, 0, 0.25, 0.25, 0.25],
    "stackwise_strides": [1, 2, 2, 2, 1, 2],
    "stackwise_conv_types": ["fused", "fused", "fused", "unfused", "unfused", "unfused"],
}
# The same kinds of block, fewer and narrower.
SMALL = {
    "width_coefficient": 0.1,
    "stackwise_kernel_sizes": [3, 3, 3, 3],
    "stackwise_num_repeats": [1, 1, 2, 1],
    "stackwise_input_filters": [80, 80, 80, 160],
    "stackwise_output_filters": [80, 80, 160, 160],
    "stackwise_expansion_ratios": [1, 2, 2, 2],
    "stackwise_squeeze_and_excite_ratios": [0, 0, 0.25, 0.25],
    "stackwise_strides": [1, 2, 2, 2],
    "stackwise_conv_types": ["fused", "fused", "unfused", "unfused"],
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=["small", "b0"], default="small")
    parser.add_argument("--model", type=Path, default=HERE / "small.keras")
    parser.add_argument("--expected", type=Path, default=HERE / "expected.json")
    arguments = parser.parse_args()

    images = HERE / "images"
    draw_images(images)
    build_model(B0 if arguments.size == "b0" else SMALL, images).save(arguments.model)
    expected = {
        "made_with": {
            "keras": keras.__version__,
            "keras-cv": keras_cv.__version__,
            "tensorflow": tf.__version__,
        },
        "labels": LABELS,
        "scores": production_scores(arguments.model, images),
    }
    arguments.expected.write_text(json.dumps(expected, indent=2) + "\n")


def production_scores(model_path: Path, images: Path) -> dict[str, list[float]]:
    """Scores by file name in label order, by the calls that LiftWing's server makes."""
    model = keras.models.load_model(model_path)
    dataset = production_dataset(images)
    scores = [row.numpy() for batch in dataset for row in model(batch)]
    names = [Path(path).name for path in dataset.file_paths]
    return {name: [round(float(p), 8) for p in row] for name, row in zip(names, scores, strict=True)}


def production_dataset(images: Path) -> Any:
    return keras.utils.image_dataset_from_directory(
        str(images), labels=None, label_mode=None, batch_size=32, image_size=(SIDE, SIDE), shuffle=False
    )


def build_model(arguments: dict[str, Any], images: Path) -> Any:
    """Random weights, and yet scores spread over 0..1, which untrained ones are not.

    Batch normalisation learns the images' statistics, and the head is scaled to their features.
    The optimizer's state goes into the file, as production's training left it there.
    """
    keras.utils.set_random_seed(SEED)
    backbone = keras_cv.models.EfficientNetV2Backbone(
        include_rescaling=True, depth_coefficient=1.0, **arguments
    )
    model = keras_cv.models.ImageClassifier(backbone=backbone, num_classes=len(LABELS))
    (batch,) = production_dataset(images)
    for _ in range(60):  # at a momentum of 0.9
        backbone(batch, training=True)
    features = np.asarray(backbone(batch, training=False)).mean(axis=(1, 2))
    direction = np.random.default_rng(SEED).normal(size=features.shape[1])
    spread = features @ direction
    kernel = direction * 2 / spread.std()
    bias = -2 * spread.mean() / spread.std()
    model.get_layer("predictions").set_weights(
        [np.stack([-kernel, kernel], axis=1) / 2, np.array([-bias, bias]) / 2]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


def draw_images(folder: Path) -> None:
    """One image for each thing that two decoders could do differently. Each has at most 10 KB."""
    folder.mkdir(exist_ok=True)
    scene(301, 203).save(folder / "photo-odd-size.jpg", quality=40)
    scene(480, 321).save(folder / "photo-large.jpg", quality=20, progressive=True)
    scene(240, 160).convert("L").save(folder / "grey.jpg", quality=60)
    turned = Image.Exif()
    turned[0x0112] = 6  # Orientation: to be shown turned by 90 degrees, which TensorFlow ignores
    scene(200, 120).save(folder / "exif-rotated.jpg", quality=60, exif=turned)
    badge(120, 64).save(folder / "transparent.png")
    badge(97, 97).convert("LA").save(folder / "grey-transparent.png")
    badge(150, 150).convert("RGB").quantize(16).save(folder / "palette.png", transparency=0)
    ramp = np.outer(np.linspace(0, 65535, 60), np.linspace(0, 1, 90)).astype(np.uint16)
    Image.fromarray(ramp).save(folder / "grey-16-bit.png")
    badge(30, 300).convert("RGB").save(folder / "tall.png")
    badge(5, 3).convert("RGB").save(folder / "tiny.png")
    frames = [badge(100, 80).convert("RGB").quantize(16), scene(100, 80).quantize(16)]
    frames[0].save(folder / "animated.gif", save_all=True, append_images=frames[1:], duration=100)
    badge(61, 53).convert("RGB").save(folder / "bitmap.bmp")


def scene(width: int, height: int) -> Image.Image:
    """Something like a photograph: soft colours, grain, and a texture too fine for 224 pixels."""
    rng = np.random.default_rng(width * height)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    texture = 20 * np.sin(1.9 * (width * x + height * y / 2))
    channels: list[NDArray[np.float64]] = []
    for _ in range(3):
        waves = sum(np.sin(f * 3 * x + g * 3 * y + p) for f, g, p in rng.uniform(-3, 3, size=(4, 3)))
        channels.append(127 + 31 * waves + texture + rng.normal(0, 2, size=x.shape))
    return Image.fromarray(np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8))


def badge(width: int, height: int) -> Image.Image:
    """Something like a logo: flat shapes with hard edges, over a colour that transparency hides."""
    image = Image.new("RGBA", (width, height), (255, 0, 160, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.1, height * 0.1, width * 0.7, height * 0.9), fill=(20, 60, 200, 255))
    draw.rectangle((width * 0.5, height * 0.4, width * 0.95, height * 0.6), fill=(250, 220, 0, 128))
    draw.line((0, height, width, 0), fill=(0, 0, 0, 255), width=1 + width // 40)
    return image


if __name__ == "__main__":
    main()
