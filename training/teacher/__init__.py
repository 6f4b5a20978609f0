"""Teachers: pretrained networks that PyTorch fine-tunes, for a smaller one to learn from.

This package alone imports torch, in an environment of its own (`make teacher`). What it makes are artifacts
with a `model.onnx`, which everything else scores with OpenVINO like any other.
"""
