# The service's image. Stages that matter: `production` (OpenVINO, the shipped model; the default) and `keras`
# (TensorFlow as well, for a .keras file such as LiftWing's). docs/operations.md says how it is built and tested.

ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim

# What every stage needs: the interpreter at one path, and what Python does not bring along.
FROM ${BASE_IMAGE} AS base
# Text in SVG is drawn with the fonts that are here: Liberation stands in for Arial, Helvetica and Times, as on
# Commons; DejaVu is what all else falls back to (Latin, Greek, Cyrillic, Arabic, Hebrew), Droid the one that has
# Chinese, Japanese and Korean in 4 MB. fontconfig-config says which font stands in for which.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates fontconfig-config fonts-dejavu-core fonts-droid-fallback fonts-liberation python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/*

# One virtual environment per lock. pip works from outside, so that none is in it; there is no compiler, because
# every locked package has a wheel, or is plain Python. A builder may hand in pip's configuration as the secret `pip`.
FROM base AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip python3-venv
COPY requirements/grpc.txt requirements/keras.txt /locks/

# grpc.txt is runtime.txt and what gRPC needs beside it, which is small.
FROM build AS build-runtime
# pyvips is published as its sources alone; without a compiler it calls libvips through cffi at run time.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv --without-pip /opt/lib/venv \
    && python3 -m pip --python /opt/lib/venv/bin/python install --no-cache-dir --no-deps \
        --only-binary :all: --no-binary pyvips --use-pep517 --require-hashes --requirement /locks/grpc.txt

FROM build AS build-keras
# promise, which KerasCV's data sets want, was never published as a wheel.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv --without-pip /opt/lib/venv \
    && python3 -m pip --python /opt/lib/venv/bin/python install --no-cache-dir --no-deps \
        --only-binary :all: --no-binary promise,pyvips --use-pep517 --require-hashes \
        --requirement /locks/keras.txt --requirement /locks/grpc.txt

# All but the packages.
FROM base AS service
RUN groupadd --system --gid 900 runuser \
    && useradd --system --uid 900 --gid 900 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin runuser
WORKDIR /srv/app
COPY model_artifacts/logo-detection model_artifacts/logo-detection
COPY logo_detection logo_detection
COPY model_server model_server
# The root file system may be read-only: what Python would cache beside the sources is made here.
RUN python3 -m compileall -q logo_detection model_server
ENV PATH=/opt/lib/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    VIRTUAL_ENV=/opt/lib/venv \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORT=8080
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="logo-detection" \
      org.opencontainers.image.description="How likely is an uploaded file a logo? A KServe model server for Wikimedia Commons." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# A number, so that Kubernetes can tell that it is not root.
USER 900:900
EXPOSE 8080
STOPSIGNAL SIGTERM
# Ready, not merely alive: who waits for "healthy" wants to send images. Kubernetes has probes of its own.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["python", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/v2/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
# The kernel drops signals to a first process that has no handler yet: SIGTERM during the start would go unheard.
ENTRYPOINT ["tini", "--", "python", "-m", "model_server"]

FROM service AS keras
COPY --from=build-keras /opt/lib/venv /opt/lib/venv

FROM service AS production
COPY --from=build-runtime /opt/lib/venv /opt/lib/venv
