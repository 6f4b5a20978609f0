"""What many machines would do in training, by a model of one step whose numbers were measured on one.

    python -m benchmarks.projection --images-per-s 38 --cores 2 --sums 119 --megabytes 23.4

A step takes as long as a node needs for its images, and then for the sums: the gradients cross every link
of a ring 2 (N - 1) / N times (Patarasuk and Yuan, 2009, "Bandwidth optimal all-reduce algorithms for
clusters of workstations"), and the small sums of batch norms wait for 2 (N - 1) messages each. Nothing
overlaps: a batch norm needs its sums before the next layer begins.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """What one step exchanges.

    Attributes:
        sums: How often all processes wait for each other.
        gradient_bytes: Of the one large sum.
    """

    sums: int
    gradient_bytes: float


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nodes in a ring.

    Attributes:
        images_per_s: Of one node alone.
        bandwidth: Of a link, bytes/s.
        message_s: One small message from a node to the next, seconds.
    """

    images_per_s: float
    bandwidth: float
    message_s: float


def images_per_s(step: Step, cluster: Cluster, nodes: int, images: int) -> float:
    """Images a second of so many nodes, each of which has `images` in a step."""
    hops = 2 * (nodes - 1)
    compute_s = images / cluster.images_per_s
    exchange_s = hops / nodes * step.gradient_bytes / cluster.bandwidth
    return nodes * images / (compute_s + exchange_s + step.sums * hops * cluster.message_s)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.projection")
    add = parser.add_argument
    add("--images-per-s", type=float, required=True, help="of one process, as `benchmarks.training` measured")
    add("--cores", type=int, default=2, help="that it had")
    add("--node-cores", type=int, default=16, help="of a node; a core more counts as much as one before")
    add("--gpu-images-per-s", type=float, default=600.0, help="of one accelerator; an assumption")
    add("--sums", type=int, required=True, help="of a step, as measured")
    add("--megabytes", type=float, required=True, help="of the gradients")
    add("--message-s", type=float, default=1e-4, help="one small message between two nodes")
    add("--gigabits", type=float, default=10.0, help="of a link, a second")
    add("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    add("--images", type=int, nargs="+", default=[32, 128], help="of a node, in a step")
    options = parser.parse_args(arguments)
    step = Step(options.sums, options.megabytes * 1e6)
    speeds = {
        f"{options.node_cores} cores": options.images_per_s / options.cores * options.node_cores,
        "an accelerator": options.gpu_images_per_s,
    }
    print("| a node has | images of a node in a step | nodes | images/s | of N single nodes |")
    print("|---|---:|---:|---:|---:|")
    for name, speed in speeds.items():
        cluster = Cluster(speed, options.gigabits * 1e9 / 8, options.message_s)
        for images in options.images:
            for nodes in options.nodes:
                rate = images_per_s(step, cluster, nodes, images)
                print(f"| {name} | {images} | {nodes} | {rate:,.0f} | {rate / nodes / speed:.2f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
