#!/bin/sh
# Prints the path of a Node >= 24.12: the one set-up brought, else the machine's. With arguments: runs them with that Node first on PATH.
# The choice is remembered, so that bin/sluice need not ask for versions again.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice/node

new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt 24 ] || { [ "$major" -eq 24 ] && [ "$minor" -ge 12 ]; }
}

found=
for node in "$(command -v node || true)" "$cache"/node_modules/node-*/bin/node; do
  if [ -x "$node" ] && new_enough "$node"; then
    found=$node
    break
  fi
done
if [ -z "$found" ]; then
  echo "sluice: no Node >= 24.12 here. Run: make setup" >&2
  exit 1
fi
mkdir -p "$cache"
echo "$found" >"$cache/choice.$$" && mv "$cache/choice.$$" "$cache/choice"
[ $# -gt 0 ] || { echo "$found"; exit 0; }
PATH=$(dirname "$found"):$PATH
export PATH
exec "$@"
