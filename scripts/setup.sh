#!/bin/sh
# setup.sh check|demo|test|bench: installs what is missing and says what. Safe to run again; with nothing missing it takes some 0.1 s.
set -eu
cd "$(dirname "$0")/.." || exit 1
what=${1:-demo}
cache=${XDG_CACHE_HOME:-$HOME/.cache}
. scripts/packages.sh

say() { echo "setup: $*"; }

bring_node() {
  sh scripts/node.sh >/dev/null 2>&1 && return 0
  case $(uname -s) in Linux) os=linux ;; Darwin) os=darwin ;; *) os=unknown ;; esac
  case $(uname -m) in x86_64 | amd64) cpu=x64 ;; aarch64 | arm64) cpu=arm64 ;; *) cpu=$(uname -m) ;; esac
  say "Node 24 (npm package node-$os-$cpu, into $cache/sluice/node)"
  mkdir -p "$cache/sluice/node"
  npm install --loglevel=error --no-fund --no-audit --no-save --ignore-scripts --prefix "$cache/sluice/node" "node-$os-$cpu@24" || {
    say "Node >= 24.12 could not be installed. Install it yourself, then run this again."
    exit 1
  }
  sh scripts/node.sh >/dev/null
}

# The lock file is kept beside the packages it made: a time stamp would lie after a checkout.
bring_packages() {
  cmp -s package-lock.json node_modules/.sluice-lock && return 0
  say "npm packages (npm ci --ignore-scripts)"
  sh scripts/node.sh npm ci --ignore-scripts --loglevel=error --no-fund --no-audit
  cp package-lock.json node_modules/.sluice-lock
}

bring_node
bring_packages
[ "$what" = check ] && exit 0
if ! command -v redis-server >/dev/null && ! command -v valkey-server >/dev/null; then
  bring_system redis-server redis || [ "$what" != demo ] || exit 1
fi
[ "$what" = demo ] || sh scripts/setup-lab.sh
[ "$what" != bench ] || sh scripts/setup-peers.sh
