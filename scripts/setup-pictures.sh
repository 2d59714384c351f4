#!/bin/sh
# What `make pictures` needs beside the npm packages: a browser, its fonts, and a program that makes PNG files small. Says what it installs; prints nothing when nothing is missing.
set -eu
cd "$(dirname "$0")/.." || exit 1
. scripts/packages.sh

command -v chromium >/dev/null || command -v chromium-browser >/dev/null || bring_system chromium
command -v pngquant >/dev/null || bring_system pngquant
if command -v apt-get >/dev/null; then
  for font in fonts-lato fonts-inter fonts-noto-color-emoji fonts-dejavu-core; do
    dpkg-query -W -f='${Status}' "$font" 2>/dev/null | grep -q 'ok installed' || bring_system "$font"
  done
fi
