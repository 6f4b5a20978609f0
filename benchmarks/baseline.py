"""The baseline: the least KServe server that does what LiftWing's does, with the same model in Keras.

It is our own, and named as such: not LiftWing's code, but its way of working. Each request's files are
written to a folder, of which Keras makes a `tf.data` pipeline for this request alone, and every batch of 32
is scored by one eager call of the model; all of it within the event loop, nothing traced, warmed up, or
handed to another process.

    PORT=… MODEL_PATH=… python -m benchmarks.baseline
"""

import base64
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import kserve
import numpy as np
import orjson

from logo_detection.artifact import KERAS, OUT_OF_DOMAIN, load_artifact

BATCH = 32  # LiftWing's BATCH_SIZE
SIZE = (224, 224)


class Baseline(kserve.Model):  # type: ignore[misc]
    """KServe's hooks, without an await in any of them."""

    def load(self, artifact: Path) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        import keras_cv  # noqa: F401  registers the layers
        import tensorflow as tf

        self._read_folder = keras.utils.image_dataset_from_directory
        # A pipeline that tunes itself makes this TensorFlow wait for 0.1 s when it is dropped. LiftWing's
        # server, whose requests took 0.168 s altogether, shows no such wait.
        self._options = tf.data.Options()
        self._options.autotune.enabled = False
        labels = load_artifact(artifact).labels
        self._logo, self._other = labels.index("logo"), labels.index(OUT_OF_DOMAIN)
        self._model = keras.models.load_model(artifact / KERAS, compile=False)
        self.ready = True

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """JSON, base64, files in a folder, and Keras's pipeline over the folder."""
        document = payload if isinstance(payload, dict) else orjson.loads(payload)
        instances = document["instances"]
        folder = Path(mkdtemp())
        for number, instance in enumerate(instances):  # in the order in which the folder will be read
            suffix = Path(instance["filename"]).suffix
            (folder / f"{number:03}{suffix}").write_bytes(base64.b64decode(instance["image"]))
        images = self._read_folder(
            folder, labels=None, batch_size=BATCH, image_size=SIZE, shuffle=False, verbose=False
        )
        return instances, images.with_options(self._options), folder

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Eager, and on the loop: KServe calls a plain function where it stands."""
        instances, images, folder = payload
        scores = np.concatenate([self._model(batch).numpy() for batch in images])
        shutil.rmtree(folder)
        predictions = [
            {
                "filename": instance["filename"],
                "target": instance["target"],
                "prediction": round(float(score[self._logo]), 4),
                "out_of_domain": round(float(score[self._other]), 4),
            }
            for instance, score in zip(instances, scores, strict=True)
        ]
        return {"predictions": predictions}


def main() -> None:
    model = Baseline("logo-detection")
    model.load(Path(os.environ["MODEL_PATH"]))
    server = kserve.ModelServer(http_port=int(os.environ["PORT"]), workers=1, enable_grpc=False)
    server.start([model])


if __name__ == "__main__":
    main()
