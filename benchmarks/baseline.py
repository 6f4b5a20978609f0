"""The baseline: the least KServe server that does what LiftWing's does, with the same model in Keras.

It is our own, and named as such: not LiftWing's code, but its way of working. Each request is decoded
and scored within the event loop, by one eager call of the Keras model on all images of the request
(in batches of 32); nothing is traced, warmed up, or handed to another process.

    PORT=… MODEL_PATH=… python -m benchmarks.baseline
"""

import asyncio
import base64
import os
from pathlib import Path
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

        self._tf = tf
        labels = load_artifact(artifact).labels
        self._logo, self._other = labels.index("logo"), labels.index(OUT_OF_DOMAIN)
        self._model = keras.models.load_model(artifact / KERAS, compile=False)
        self.ready = True

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """JSON, base64, decoding and resizing, by TensorFlow."""
        document = payload if isinstance(payload, dict) else orjson.loads(payload)
        instances = document["instances"]
        images = await asyncio.gather(*(self._decode(instance) for instance in instances))
        return instances, np.stack(images)

    async def _decode(self, instance: dict[str, Any]) -> Any:
        data = base64.b64decode(instance["image"])
        image = self._tf.io.decode_image(data, channels=3, expand_animations=False)
        return self._tf.image.resize(image, SIZE).numpy()

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Eager, and on the loop: KServe calls a plain function where it stands."""
        instances, images = payload
        batches = [self._model(images[at : at + BATCH]).numpy() for at in range(0, len(images), BATCH)]
        scores = np.concatenate(batches)
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
