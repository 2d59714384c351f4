#!/bin/sh
# The bots that make bench measures Sluice against, each in a folder of its own by version. One that cannot be had is said and left
# out: its row is then reported as not measured.
set -u
cd "$(dirname "$0")/.." || exit 1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice-lab
. scripts/packages.sh
mkdir -p "$cache"

# bring_peer NAME VERSION PACKAGE...: the marker is written last, so half an installation is made anew.
bring_peer() {
  name=$1 version=$2
  shift 2
  venv=$cache/$name-$version
  [ -e "$venv/.whole" ] && return 0
  find_uv || return 0
  echo "setup: $name $version (uv, into $venv)"
  "$uv" venv -q --clear "$venv" && "$uv" pip install -q --python "$venv/bin/python" "$name==$version" "$@" && touch "$venv/.whole"
}

bring_peer maubot 0.6.0 || echo "setup: maubot could not be had"
# It looks for pkg_resources, which newer setuptools do not have.
bring_peer opsdroid 0.31.0 'matrix-nio==0.26.0' 'setuptools<81' || echo "setup: opsdroid could not be had"
exit 0
