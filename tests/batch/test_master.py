"""The master: one that is not there is told at once, by its address."""

import socket
import time

import pytest

from batch.errors import BatchError
from batch.master import REACH_TIMEOUT_S, check_master
from tests.harness.process import free_port


@pytest.mark.parametrize(
    "form", ["spark://127.0.0.1:{}", "k8s://https://127.0.0.1:{}", "k8s://127.0.0.1:{}/"]
)
def test_a_master_that_is_not_there_is_named(form: str) -> None:
    port, began = free_port(), time.monotonic()
    with pytest.raises(
        BatchError, match=rf"--master: nothing answers at 127\.0\.0\.1:{port} \(Connection refused\)"
    ):
        check_master(form.format(port))
    assert time.monotonic() - began < 2 * REACH_TIMEOUT_S


def test_one_of_several_masters_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        check_master(f"spark://127.0.0.1:{free_port()},127.0.0.1:{there.getsockname()[1]}")


@pytest.mark.parametrize("master", ["yarn", "local[2]", "local-cluster[2,1,1024]"])
def test_a_master_without_an_address_is_left_to_spark(master: str) -> None:
    check_master(master)


def test_a_port_that_cannot_be_is_named() -> None:
    with pytest.raises(BatchError, match=r"127\.0\.0\.1:99999"):
        check_master("spark://127.0.0.1:99999")
