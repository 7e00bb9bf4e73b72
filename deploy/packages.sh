#!/bin/sh
# Sees to it that Debian packages are installed: installs those that are missing when it may, and
# otherwise says which command does. Usage: deploy/packages.sh PACKAGE...
set -eu

if ! command -v dpkg-query >/dev/null; then
    echo "packages.sh: this is no Debian; it is taken that you have the like of: $*" >&2
    exit 0
fi

missing=
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

install="apt-get install --yes --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ]; then
    echo "packages.sh: missing packages; install them with: sudo $install" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# The lists may be absent or older than the archive; a proxy may have a bad moment.
for attempt in 1 2 3; do
    if apt-get update --quiet && $install; then
        exit 0
    fi
    echo "packages.sh: attempt $attempt of 3 failed" >&2
done
exit 1
