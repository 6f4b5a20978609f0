"""The server where the extra `grpc` is not installed, and `model_server.kserve.grpc` cannot be imported."""

import sys

from model_server.__main__ import main

for name in ("grpc_health", "grpc_reflection", "model_server.kserve.grpc"):
    sys.modules[name] = None  # type: ignore[assignment]  # this is how Python marks what is not there

if __name__ == "__main__":
    sys.exit(main())
