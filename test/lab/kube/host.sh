#!/bin/bash
# PID 1 of a host that is a set of namespaces: its name, its disk (overlays over /etc and /var/lib), its own /run and /var/log.
#   host.sh NAME HOST-DIR SITE-HOSTS-FILE      (under unshare --net --uts --mount --pid --fork --mount-proc, as root)
set -eu
name=$1 dir=$2 hosts=$3
hostname "$name"
trap : TERM
mount -t tmpfs tmpfs /run
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$dir/etc,workdir=$dir/etcw" /etc
mount -t overlay overlay -o "lowerdir=/var/lib,upperdir=$dir/lib,workdir=$dir/libw" /var/lib
mount --bind "$dir/log" /var/log
mkdir -p /etc/kubernetes /var/lib/kubelet
[ -s "$dir/machine-id" ] || tr -d - </proc/sys/kernel/random/uuid >"$dir/machine-id"
cp "$dir/machine-id" /etc/machine-id
: >/etc/hosts
mount --bind "$hosts" /etc/hosts
ip link set lo up
touch /run/ready
while :; do sleep 1000 & wait || :; done
