"""Fitting a teacher: the stages of a recipe, chunk by chunk, on the same shards that the model will see."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from datasets.progress import Progress
from datasets.replacement import replacing
from training.batches import training_batches
from training.holdout import ValidationSet
from training.recipe import Recipe, TeacherRecipe
from training.schedule import Chunk, chunks_of, learning_rate_of
from training.shards import Shards
from training.teacher.network import HEAD, build_teacher, freeze_before, set_training
from training.validation import SAMPLE_PICTURES, Predict, validate

LOG = logging.getLogger(__name__)

CLIP_NORM = 1.0
CHUNK_IMAGES = 16_000  # between two checkpoints: about eight minutes on two cores


@dataclass(frozen=True, slots=True)
class Training:
    """What training changes: the network, the average of its weights, and the optimizer."""

    network: nn.Module
    averaged: AveragedModel
    optimizer: torch.optim.Optimizer

    def state(self) -> dict[str, Any]:
        """All of it, as a checkpoint keeps it."""
        return {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what a checkpoint kept."""
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])


def fit_teacher(
    recipe: Recipe, teacher: TeacherRecipe, directory: Path, shards: Shards, validation: ValidationSet
) -> nn.Module:
    """Fine-tune a teacher, from its checkpoint if there is one.

    Args:
        recipe: Its labels, shares, precision and numbers of fitting are the teacher's, too; not its stages.
        teacher: Says which network, and its stages.
        directory: Keeps the checkpoint.
        shards: The training images.
        validation: A sample of these is what checkpoints are validated on.

    Returns:
        The network with averaged weights, which gives logits.

    Raises:
        RecipeInvalid: A name in the recipe is none of the network's.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = build_teacher(teacher.network, len(recipe.labels), teacher.dropout).to(device)
    network = network.to(memory_format=torch.channels_last)
    training = begin_training(recipe, teacher, network)
    checkpoint, done = directory / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        training.restore(state["training"])
        done = state["chunks"]
    chunks = chunks_of(teacher.stages, CHUNK_IMAGES)
    sample = validation.sample(SAMPLE_PICTURES)
    for index, chunk in enumerate(chunks[done:], done):
        train_chunk(recipe, teacher, training, shards, chunk, device)
        keep_checkpoint(checkpoint, training, index + 1)
        is_last = index + 1 == len(chunks)
        if is_last or index % 2:
            log_metrics(training.averaged.module, sample, recipe, chunk, device)
    return training.averaged.module


def begin_training(recipe: Recipe, teacher: TeacherRecipe, network: nn.Module) -> Training:
    """The optimizer and the average that a training begins with.

    The head learns `head_rate` times as fast as the rest; it, biases and batch norms do not decay.
    """
    freeze_before(network, teacher.trained_from)
    head: list[nn.Parameter] = []
    kernels: list[nn.Parameter] = []
    vectors: list[nn.Parameter] = []
    for name, value in network.named_parameters():
        if value.requires_grad:
            (head if name.startswith(f"{HEAD}.") else kernels if value.ndim > 1 else vectors).append(value)
    groups = [
        {"params": head, "rate_factor": teacher.head_rate, "weight_decay": 0.0},
        {"params": kernels, "rate_factor": 1.0, "weight_decay": recipe.weight_decay},
        {"params": vectors, "rate_factor": 1.0, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=0.0)
    averaged = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema), use_buffers=True)
    return Training(network, averaged, optimizer)


def train_chunk(
    recipe: Recipe,
    teacher: TeacherRecipe,
    training: Training,
    shards: Shards,
    chunk: Chunk,
    device: torch.device,
) -> None:
    """Train on the batches of one chunk."""
    rate_of = learning_rate_of(teacher.stages, chunk, recipe.warm_up)
    set_training(training.network)
    loss_sum, started = 0.0, time.monotonic()
    batches = training_batches(shards, recipe.without_distillation(), chunk)
    with Progress(f"{teacher.network}, step {chunk.steps.start}", chunk.images, "images") as progress:
        for step, (images, targets) in zip(chunk.steps, batches, strict=True):
            for group in training.optimizer.param_groups:
                group["lr"] = float(rate_of(step)) * group["rate_factor"]
            loss_sum += train_step(recipe, training, to_torch(images, device), to_torch(targets, device))
            progress.advance(chunk.stage.batch)
    seconds = time.monotonic() - started
    loss, speed = loss_sum / len(chunk.steps), chunk.images / seconds
    LOG.info("%s: step %d, loss %.4f, %.1f images/s", teacher.network, chunk.steps.stop, loss, speed)


def train_step(recipe: Recipe, training: Training, images: torch.Tensor, targets: torch.Tensor) -> float:
    """One step of the optimizer; return the loss.

    Args:
        recipe: Says the precision, and how much the labels are smoothed.
        training: Is changed.
        images: float32[N, height, width, 3] in 0..255.
        targets: float32[N, classes], probabilities.
    """
    pixels = images.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.mixed_precision):
        logits = training.network(pixels)
    loss = nn.functional.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing)
    training.optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(training.network.parameters(), CLIP_NORM)
    training.optimizer.step()
    training.averaged.update_parameters(training.network)
    return float(loss.detach())


def to_torch(tensor: Any, device: torch.device) -> torch.Tensor:
    """A tensor of TensorFlow as one of PyTorch."""
    return torch.from_numpy(np.array(tensor)).to(device)


def predictor(network: nn.Module, device: torch.device, mixed_precision: bool) -> Predict:
    """A function of float32[N, size, size, 3] in 0..255 that gives probabilities, float32[N, classes]."""
    network.eval().to(device)

    def predict(images: Any) -> Any:
        pixels = to_torch(images, device).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=mixed_precision):
            logits = network(pixels)
        return torch.softmax(logits.float(), dim=1).cpu().numpy()

    return predict


def keep_checkpoint(path: Path, training: Training, chunks: int) -> None:
    """Write the checkpoint after so many chunks, in place of the one before once it is whole."""
    with replacing(path) as unfinished:
        torch.save({"training": training.state(), "chunks": chunks}, unfinished)


def log_metrics(
    network: nn.Module, validation: ValidationSet, recipe: Recipe, chunk: Chunk, device: torch.device
) -> None:
    """Log the metrics of the averaged weights."""
    predict = predictor(network, device, recipe.mixed_precision)
    evaluation = validate(predict, validation, recipe.labels, chunk.stage.size)
    metrics = next(iter(evaluation.by_recoding.values()))
    LOG.info("validation: AUC-PR %.4f, balanced accuracy %.4f", metrics.auc_pr, metrics.balanced_accuracy)
