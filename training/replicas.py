"""Replicas: the copies of a model, one in each process of a group, that learn as one.

Each process has a share of every batch. The gradients, and the means and variances of batch norms, are summed
over all processes, so that every copy takes the step that one process would take with the whole batch.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from training.errors import ProcessLost, TrainingError
from training.group import Group
from training.launch import free_port
from training.place import ONLY, Place

LOSS_TIMEOUT_S = 10.0  # for rank 0 to end, by which all others hear of a loss


@dataclass(frozen=True, slots=True)
class Replicas:
    """The group of processes, and TensorFlow's strategy that connects them; its default one where N = 1."""

    group: Group
    strategy: Any

    @property
    def place(self) -> Place:
        """This process's."""
        return self.group.place

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes checkpoints, history and curves."""
        return self.place.rank == 0


def replicas_of(group: Group) -> Replicas:
    """The replicas of a group. To be called before TensorFlow does anything else in this process.

    TensorFlow wants the address of every process, so each chooses a port and the group exchanges them.

    Raises:
        TrainingError: A process has several devices, which would each be a replica.
    """
    place = group.place
    if place.processes == 1:
        return Replicas(group, tf.distribute.get_strategy())
    tf.get_logger().setLevel("WARNING")  # else it tells of every sum in every graph
    addresses = group.gather(f"{group.host}:{free_port()}")
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": addresses}), task_type="worker", task_id=place.rank, rpc_layer="grpc"
    )
    strategy = tf.distribute.MultiWorkerMirroredStrategy(resolver)
    if strategy.num_replicas_in_sync != place.processes:
        raise TrainingError(
            f"{strategy.num_replicas_in_sync} devices for {place.processes} processes: let each see one"
            " accelerator (CUDA_VISIBLE_DEVICES), or none"
        )
    return Replicas(group, strategy)


def alone() -> Replicas:
    """One process with the whole of every batch."""
    return replicas_of(Group(ONLY, "", {}))


@contextmanager
def losses_named(group: Group) -> Iterator[None]:
    """Name a process that was lost where TensorFlow misses it first: its sums then fail in the block.

    Raises:
        ProcessLost: Another process has ended.
    """
    try:
        yield
    except tf.errors.OpError as error:
        if group.place.processes > 1 and (rank := group.lost(LOSS_TIMEOUT_S)) is not None:
            raise ProcessLost(f"rank {rank} was lost") from error
        raise


def summed(values: Any) -> Any:
    """Tensors, in whatever structure, summed over all replicas. Inside `strategy.run` only."""
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def join_model(model: Any, replicas: Replicas) -> None:
    """Make a process's model a replica: it normalises with the others, and drops out other features.

    Raises:
        TrainingError: The processes begin with different weights; names the ranks.
    """
    if replicas.place.processes == 1:
        return
    check_same_weights(model, replicas.group)
    synchronise_norms(model, replicas.place.processes)
    vary_dropout(model, replicas.place.rank)


def check_same_weights(model: Any, group: Group) -> None:
    """Raises TrainingError where another process's weights are not rank 0's, bit for bit."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(value.tobytes())
    first, *others = group.gather(digest.hexdigest())
    if other := [rank for rank, value in enumerate(others, 1) if value != first]:
        raise TrainingError(
            f"ranks {other} begin with other weights than rank 0: do all read the same files?"
        )


def synchronise_norms(model: Any, processes: int) -> None:
    """Let all batch norms of a model use the means and variances of the whole batch.

    KerasCV's layers contain batch norms that no argument reaches, so the method is replaced on each. Keras's
    own `synchronized` asks the other processes five times a layer and step; this asks twice.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer._moments = partial(batch_moments, axes=layer._reduction_axes, processes=processes)


def batch_moments(inputs: Any, _mask: None, axes: Sequence[int], processes: int) -> tuple[Any, Any]:
    """The mean and variance of each channel over the parts of all processes, which are equally large.

    Args:
        inputs: float32 or bfloat16[N, ..., channels], of this process.
        axes: All but the channels'.
        processes: How many there are.

    Returns:
        Two tensors [channels] of the inputs' type, computed in float32.
    """
    values = tf.cast(inputs, tf.float32)
    sums = summed(tf.stack([tf.reduce_sum(values, axes), tf.reduce_sum(tf.square(values), axes)]))
    count = processes * tf.size(values) // tf.shape(values)[-1]
    mean, mean_square = tf.unstack(sums / tf.cast(count, tf.float32))
    variance = tf.maximum(mean_square - tf.square(mean), 0.0)
    return tf.cast(mean, inputs.dtype), tf.cast(variance, inputs.dtype)


def vary_dropout(model: Any, rank: int) -> None:
    """Give each rank random numbers of its own: else all would drop the same features of their images."""
    for variable in model.variables:
        if variable.name == "seed_generator_state":
            seed, drawn = variable.numpy()
            variable.assign([seed + rank, drawn])
