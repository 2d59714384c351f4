# Sourced by the set-up scripts. bring_system DEBIAN-NAME OTHER-NAME: a system package by whatever this machine has.
apt_fresh=

may_be_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() {
  if [ -z "$apt_fresh" ]; then
    as_root apt-get update -qq || return $?
    apt_fresh=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

bring_system() {
  debian=$1 other=${2:-$1}
  if command -v apt-get >/dev/null; then tool=apt command="apt-get install $debian"
  elif command -v dnf >/dev/null; then tool=dnf command="dnf install $other"
  elif command -v apk >/dev/null; then tool=apk command="apk add $other"
  elif command -v brew >/dev/null; then tool=brew command="brew install $other"
  else
    echo "setup: install $other yourself: no apt, dnf, apk or brew here"
    return 1
  fi
  if [ "$tool" != brew ] && ! may_be_root; then
    echo "setup: $debian is missing, and this user may not install it. As root, run: $command"
    return 1
  fi
  echo "setup: $debian ($command)"
  rc=0
  # Names are split on purpose: one call may bring several packages.
  # shellcheck disable=SC2086
  case $tool in
    apt) apt_install $debian || rc=$? ;;
    dnf) as_root dnf install -y -q $other || rc=$? ;;
    apk) as_root apk add -q $other || rc=$? ;;
    brew) brew install -q $other || rc=$? ;;
  esac
  [ "$rc" = 0 ] || echo "setup: that did not work: $command"
  return "$rc"
}

# find_uv: leaves the path of uv in $uv; brings it into the lab's cache where there is none.
find_uv() {
  uv=$(command -v uv || echo "$cache/uv/bin/uv")
  [ -x "$uv" ] && return 0
  command -v python3 >/dev/null || bring_system python3 || return 1
  echo "setup: uv (pip, into $cache/uv)"
  python3 -m venv "$cache/uv" >/dev/null 2>&1 || { bring_system python3-venv && python3 -m venv "$cache/uv"; } || return 1
  "$cache/uv/bin/pip" install -q uv
}
