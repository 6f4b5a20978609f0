#!/usr/bin/env bash
# Install what tests use and Debian has: tests/install-tools.sh [TOOL…]; without names, all that tests use today.
# Quiet, and quick where everything is there already. `make test` needs none of it; a test that misses a tool
# names this script (tests/harness/tools.py).
set -euo pipefail

declare -A packages=(
    [nginx]=nginx-light [haproxy]=haproxy [rsvg-convert]=librsvg2-bin [convert]=imagemagick
    [chromium]=chromium [postgres]=postgresql [promtool]=prometheus
)
used_today=(nginx haproxy rsvg-convert convert chromium postgres)

missing=()
for tool in "${@:-${used_today[@]}}"; do
    package=${packages[$tool]:-}
    if [ -z "$package" ]; then
        echo "install-tools: $tool is not one of: ${!packages[*]}" >&2
        exit 2
    fi
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "install-tools: as root, or: sudo $0 $*" >&2
    exit 1
fi

# The packages' services are not to start: a test starts its own, on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod +x $policy
fi

log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
    tail --lines 20 "$log" >&2
    exit 1
fi
rm -f "$log"
