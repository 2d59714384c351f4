#!/bin/sh
# What the real servers of test/lab need. A part that cannot be had is said and left out: its tests are then reported as not run
# (or fail, with CI=true).
set -u
cd "$(dirname "$0")/.." || exit 1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sluice-lab
. scripts/packages.sh
mkdir -p "$cache"

installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

bring_sshd() {
  [ -x /usr/sbin/sshd ] || command -v sshd >/dev/null || bring_system openssh-server
}

bring_redmine() {
  command -v apt-get >/dev/null || return 0
  if installed redmine-sqlite && command -v puma >/dev/null; then return 0; fi
  # Without these answers the package asks for a database server.
  may_be_root && printf '%s\n' 'redmine redmine/instances/default/database-type select sqlite3' \
    'redmine redmine/instances/default/dbconfig-install boolean true' \
    'redmine redmine/instances/default/default-language select en' | as_root debconf-set-selections
  bring_system 'redmine redmine-sqlite puma'
}

bring_synapse() {
  version=1.163.2 venv=$cache/synapse-$version
  [ -x "$venv/bin/synctl" ] && return 0
  find_uv || return 0
  echo "setup: Synapse $version (uv, into $venv)"
  rm -rf "$venv.part"
  # The venv knows its own path, so it is made in place and marked whole by synctl, which comes last.
  "$uv" venv -q --clear "$venv" && "$uv" pip install -q --python "$venv/bin/python" "matrix-synapse==$version"
}

# The hosts of p10 are namespaces with their own network.
bring_hosts() {
  [ "$(uname -s)" = Linux ] || return 0
  { [ -x /sbin/ip ] || [ -x /usr/sbin/ip ] || [ -x /bin/ip ]; } || bring_system iproute2
}

bring_sshd
bring_hosts
bring_redmine
sh scripts/valkey.sh
bring_synapse
PATH=$cache/uv/bin:$PATH sh scripts/node.sh node test/lab/kube/build.ts >/dev/null || echo "setup: the lab's Kubernetes could not be built"
exit 0
