#!/bin/sh
# Valkey for the lab. Debian 12 has it in backports only: its packages are unpacked into the cache, and the system stays as it is.
set -u
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice-lab/valkey
[ -x "$cache/usr/bin/valkey-server" ] && exit 0
command -v valkey-server >/dev/null && exit 0
cd "$(dirname "$0")/.." || exit 1
. scripts/packages.sh
if command -v apt-get >/dev/null && apt-cache policy valkey-server 2>/dev/null | grep -q 'Candidate: [0-9]'; then
  bring_system valkey-server
  exit 0
fi
command -v apt-get >/dev/null || { bring_system valkey; exit 0; }

release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $release" 2>/dev/null | head -n 1)
[ -n "$mirror" ] || { echo "setup: Valkey is not to be had here (no Debian mirror configured)"; exit 0; }
echo "setup: Valkey from $release-backports (unpacked into $cache)"
apt=$cache/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial"
echo "deb $mirror $release-backports main" >"$apt/sources.list"
set -- -qq -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$apt/lists" \
  -o "Dir::Cache::archives=$apt/archives" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache=" -o APT::Sandbox::User=root
(cd "$apt/archives" && apt-get "$@" update && apt-get "$@" download valkey-server valkey-tools) || {
  echo "setup: Valkey could not be fetched"
  exit 0
}
for deb in "$apt"/archives/*.deb; do dpkg -x "$deb" "$cache.part"; done
cp -a "$cache.part/." "$cache/" && rm -rf "$cache.part" "$apt"
