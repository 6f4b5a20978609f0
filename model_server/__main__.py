"""The composition root: settings in, a running server out.

The workers are started before KServe is imported, so that both warm up at the same time.
"""

import sys
from contextlib import AsyncExitStack
from functools import partial
from math import ceil


def main() -> int:
    """Serve until SIGTERM. 0: drained; 1: the workers failed; 2: a setting or the artifact is unusable."""
    from logo_detection.artifact import load_artifact
    from logo_detection.errors import LogoDetectionError
    from logo_detection.workers import ScoringPool
    from model_server.logs import configure_logging
    from model_server.settings import SettingsError, read_settings

    try:
        settings = read_settings()
        configure_logging(settings.log_format)
        artifact = load_artifact(settings.model_path)
        source = artifact.model_source(settings.runtime, settings.precision)
        policy = settings.fetch_policy()
    except (SettingsError, LogoDetectionError) as error:
        print(f"model_server: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
