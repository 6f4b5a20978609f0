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


@pytest.mark.parametrize("master", ["yarn", "local", "local[*]", "local[2,3]", "local-cluster[2,1,1024]"])
def test_a_master_without_an_address_is_left_to_spark(master: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HADOOP_CONF_DIR", "/etc/hadoop/conf")
    check_master(master)


@pytest.mark.parametrize("master", ["spork", "yarn-client", "head:7077", "mesos://head:5050", "local[]"])
def test_what_is_no_master_is_told_with_what_one_is(master: str) -> None:
    with pytest.raises(BatchError) as refused:
        check_master(master)
    assert str(refused.value).startswith(f"--master: {master!r} is none of yarn, k8s://…, spark://")


def test_yarn_without_the_settings_of_its_cluster_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BatchError, match="HADOOP_CONF_DIR has to name the folder"):
        check_master("yarn")
    monkeypatch.setenv("YARN_CONF_DIR", "/etc/hadoop/conf")
    check_master("yarn")


def test_a_port_that_cannot_be_is_named() -> None:
    with pytest.raises(BatchError, match=r"127\.0\.0\.1:99999"):
        check_master("spark://127.0.0.1:99999")
