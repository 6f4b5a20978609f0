"""Placeholders: what KServe imports for clients of clusters and for data frames, which a server never calls.

They take the place of modules while KServe is imported, and spare half of the time and 80 MB.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

UNUSED = (
    "httpx._main",  # the command line of a library: rich and pygments
    "kserve.api",  # the client of a cluster: kubernetes and requests
    "kserve.api_client",
    "kserve.models",  # a class for each kind of KServe's resources
    "pandas",  # for `as_dataframe`; pyarrow comes with it
)


class PlaceholderUsedError(Exception):
    """What was taken for unused is used: its module is no longer to be in `UNUSED`."""


class _Anything(type):
    """A class to annotate with, or to derive from; whatever else is tried with it raises."""

    def __getattr__(cls, name: str) -> Any:
        raise _used(cls, name)

    def __call__(cls, *_: object, **__: object) -> Any:
        raise _used(cls, "__call__")


def _used(cls: type, attribute: str) -> Exception:
    name = f"{cls.__module__}.{cls.__qualname__}"
    if attribute.startswith("__") and attribute != "__call__":  # Python itself looks for these, everywhere
        return AttributeError(f"{name} has no {attribute}")
    return PlaceholderUsedError(f"{name} is a placeholder (model_server/kserve/placeholders.py), but is used")


class _Placeholder(ModuleType):
    """A module in which every public name is there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (), {"__module__": self.__name__})


class _Finder(MetaPathFinder, Loader):
    """Finds a placeholder for whatever is in `UNUSED`, and for all below it."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_unused = any(name == unused or name.startswith(unused + ".") for unused in UNUSED)
        return ModuleSpec(name, self, is_package=True) if is_unused else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Placeholder(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing in it to run."""


@contextmanager
def placeholders() -> Iterator[None]:
    """Within the block, imports of `UNUSED` get placeholders; after it, the modules themselves.

    What was imported within keeps its placeholders, which raise PlaceholderUsedError where they are called,
    or asked for an attribute.
    """
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name, module in sys.modules.items() if isinstance(module, _Placeholder)]:
            del sys.modules[name]
