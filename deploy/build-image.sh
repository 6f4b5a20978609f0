#!/usr/bin/env bash
# Build one of the images with buildah, which needs neither a daemon nor a container registry:
#
#     deploy/build-image.sh [production|keras|pipeline]
#
# Images and what they are made from lie in build/image; `source deploy/buildah.env` lets buildah find them.
# BASE_IMAGE names an image to start from instead of one made here from Debian's packages.
# PYTHON is a Python 3.11 with pip; its configuration, and apt's, are this machine's.
set -euo pipefail
cd "$(dirname "$0")/.."
source deploy/buildah.env

target=${1:-production}
image=localhost/logo-detection:$target
base=${BASE_IMAGE:-localhost/debian:bookworm-slim}
python=${PYTHON:-.venv/bin/python}
case $target in
    production) file=Dockerfile stage=build-runtime ;;
    keras) file=Dockerfile stage=build-keras ;;
    pipeline) file=pipelines/Dockerfile stage=build ;;
    *) echo "build-image: no image $target; there are production, keras and pipeline" >&2; exit 2 ;;
esac

need() {  # Debian packages, each with a command of its name
    local missing=()
    for package in "$@"; do command -v "$package" >/dev/null || missing+=("$package"); done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "build-image: missing ${missing[*]}; as root: apt-get install ${missing[*]}" >&2; exit 2
    fi
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends "${missing[@]}"
}

# What debian:bookworm-slim is: the essential packages, without documentation and translations.
make_base() {
    need debootstrap
    local root=$BUILD/base
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" $(mirror) >"$BUILD/debootstrap.log"
    mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
    for kind in doc man info locale; do
        echo "path-exclude /usr/share/$kind/*"
        rm -rf "$root/usr/share/$kind"
    done >"$root/etc/dpkg/dpkg.cfg.d/slim"
    if [ -e /etc/apt/sources.list.d/debian.sources ]; then  # security updates among them
        rm "$root/etc/apt/sources.list"
        cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"
    fi
    rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*
    local container
    container=$(buildah from scratch)
    buildah add --quiet "$container" "$root" / >/dev/null
    buildah run --isolation chroot "$container" sh -c \
        'apt-get -qq update && apt-get -qq dist-upgrade >/dev/null && rm -rf /var/lib/apt/lists/* /var/cache/apt/*'
    buildah commit --quiet --rm "$container" "$base" >/dev/null
    rm -rf "$root"
}

mirror() {  # where this machine's own packages come from; none: debootstrap's default
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        sed -n 's/ bookworm$//p' | head -1
}

# What the stage that installs packages says of them: words such as --requirement /locks/grpc.txt.
said() {
    sed -n "/ AS $stage\$/,/^FROM /p" "$file" | grep --only-matching --extended-regexp -e "$1"
}

# pip works out here, where it is configured, and the build is handed what it found.
fetch_wheels() {
    local locks sources lock
    locks=$(said '/locks/[a-z0-9]+\.txt' | sed 's#/locks/#requirements/#')
    sources=$(said '--no-binary [a-z,-]+' | cut -d' ' -f2)
    mkdir -p "$wheels"
    [ -e "$wheels/.complete" ] && [ -z "$(find $locks "$file" deploy/build-image.sh -newer "$wheels/.complete")" ] && return
    local download=("$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$wheels")
    "${download[@]}" setuptools wheel pkgconfig  # what the sources are built with
    "${download[@]}" --only-binary :all: --no-binary "$sources" --require-hashes \
        $(for lock in $locks; do echo --requirement "$lock"; done)
    touch "$wheels/.complete"
}

need buildah runc
wheels=$BUILD/wheels-$target
mkdir -p "$BUILD/tmp"
[ -n "${BASE_IMAGE:-}" ] || buildah inspect --type image "$base" >/dev/null 2>&1 || make_base
fetch_wheels
printf '[global]\nno-index = true\nfind-links = /wheels\n' >"$BUILD/pip.conf"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
buildah build --isolation chroot --format docker --quiet --file "$file" --ignorefile "$file.dockerignore" \
    --build-arg BASE_IMAGE="$base" --build-arg VERSION="$version" --build-arg REVISION="$revision" \
    --secret id=pip,src="$BUILD/pip.conf" --volume "$PWD/$wheels:/wheels:ro" \
    --target "$target" --tag "$image" .
buildah rmi --prune >/dev/null
echo "$image"
