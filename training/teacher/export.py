"""Export: a teacher becomes an artifact, which is evaluated and scores like any model."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from evaluation.calibration import apply_temperature
from logo_detection.artifact import ONNX
from logo_detection.classifier import Classifier
from logo_detection.decode.spec import ImageSpec
from training.errors import TrainingError
from training.holdout import ValidationSet
from training.validation import Predict

OPSET = 18
PARITY_STEP = 50  # every 50th validation image is scored by both
TOLERANCE = 1e-4  # between PyTorch and OpenVINO, of probabilities in float32


class Scorer(nn.Module):
    """Pixels as the artifact's input has them, float32[N, height, width, 3], become probabilities."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network, self.temperature = network, temperature

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """float32[N, classes]."""
        logits = self.network(pixels.permute(0, 3, 1, 2)) / self.temperature
        return torch.softmax(logits, dim=1)


def export_onnx(network: nn.Module, temperature: float, spec: ImageSpec, directory: Path) -> None:
    """Write a teacher's `model.onnx`, with its temperature folded in."""
    scorer = Scorer(network.float().cpu().eval(), temperature).eval()
    images = torch.zeros(2, spec.height, spec.width, 3)  # a batch of 1 would be taken for a constant
    torch.onnx.export(
        scorer,
        (images,),
        directory / ONNX,
        input_names=["image"],
        output_names=["scores"],
        dynamic_shapes={"pixels": {0: torch.export.Dim("N")}},
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )


def check_parity(
    predict: Predict, temperature: float, classifier: Classifier, validation: ValidationSet
) -> None:
    """Raises TrainingError where PyTorch and OpenVINO disagree on some of the validation images."""
    images = validation.pixels[::PARITY_STEP].astype(np.float32)
    expected = apply_temperature(np.asarray(predict(images)), temperature)
    scores = np.stack([classifier.score(image) for image in images])
    if not (difference := float(np.abs(expected - scores).max())) <= TOLERANCE:
        raise TrainingError(f"PyTorch and OpenVINO differ by {difference:.1e} on {len(images)} images")
