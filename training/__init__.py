"""How the model is made: recipes, images, training, export."""

import os

# Before Keras is first imported, which reads its backend then; the artifact's runtimes are TensorFlow's.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
