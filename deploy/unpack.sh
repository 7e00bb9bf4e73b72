#!/bin/sh
# Takes one program out of a Debian package without installing it, so that nothing of the package is
# started or configured. Usage: deploy/unpack.sh PACKAGE PATH DESTINATION
# PATH is in the package, without the slash at its beginning: usr/bin/promtool.
set -eu

package=$1 path=$2 destination=$3
[ ! -x "$destination" ] || exit 0
if ! command -v dpkg-deb >/dev/null; then
    echo "unpack.sh: this is no Debian; it is taken that you have $path of $package" >&2
    exit 0
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# As root apt would download as another user, who is not let in there.
download() { (cd "$folder" && apt-get download --quiet -o APT::Sandbox::User=root "$package"); }
# The lists may be absent or older than the archive; only root may renew them.
download || { [ "$(id -u)" -eq 0 ] && apt-get update --quiet && download; } || {
    echo "unpack.sh: cannot download $package; renew the lists with: sudo apt-get update" >&2
    exit 1
}
dpkg-deb --extract "$folder"/*.deb "$folder/files"
install -m 0755 "$folder/files/$path" "$destination"
