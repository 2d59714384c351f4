/**
 * POSIX sh for detached commands; works with BusyBox and without systemd. The folder $1 is made by one mkdir, which is the lock: a second
 * start runs nothing. Everything that tells the state is written by rename.
 */

/** $1 folder, $2 bytes of stdin, then argv. Says `started` or `exists`. Input that came short (a cut connection) starts nothing. */
export const START = `
set -u; umask 077; D=$1; N=$2; shift 2
mkdir -p "\${D%/*}" || exit 70
T=$(mktemp "\${D%/*}/.in.XXXXXX") || exit 70
cat >"$T"
[ "$(wc -c <"$T")" -eq "$N" ] || { rm -f "$T"; exit 65; }
mkdir "$D" 2>/dev/null || { rm -f "$T"; [ -d "$D" ] && echo exists && exit 0; exit 71; }
mv "$T" "$D/in"; cat /proc/sys/kernel/random/boot_id >"$D/boot"
setsid sh -c '
trap : TERM INT HUP; D=$1; shift
sed "s/.*) //" /proc/$$/stat | cut -d" " -f20 >"$D/born"
echo $$ >"$D/pid.t"; mv "$D/pid.t" "$D/pid"
exec 3<"$D/in"; rm -f "$D/in"
"$@" <&3 >"$D/out" 2>&1 3<&-
echo $? >"$D/rc.t"; mv "$D/rc.t" "$D/rc"
' sh "$D" "$@" </dev/null >/dev/null 2>&1 &
i=0; until [ -f "$D/pid" ] || [ $i -ge 100 ]; do i=$((i+1)); sleep 0.05; done
echo started
`

const STATE = `
said() { [ -f "$D/rc" ] && echo "exited $(cat "$D/rc")"; }
alive() { P=$(cat "$D/pid" 2>/dev/null) || return 1; set -- $(sed "s/.*) //" "/proc/$P/stat" 2>/dev/null); [ "\${1:-Z}" != Z ] && [ "\${20:-}" = "$(cat "$D/born")" ]; }
state() {
[ -d "$D" ] || { echo unknown; return; }
said && return
[ "$(cat "$D/boot" 2>/dev/null)" = "$(cat /proc/sys/kernel/random/boot_id)" ] || { echo "lost reboot"; return; }
alive && { echo "running $P"; return; }
sleep 0.5; said && return
alive && { echo "running $P"; return; }
echo "lost killed"
}
`

/** $1 folder. One line: unknown | running PID | exited RC | lost reboot | lost killed. A zombie does not run. */
export const STATUS = `set -u; D=$1\n${STATE}state\n`

/** $1 folder, $2 first byte (from 1), $3 most bytes. The state goes to stderr and is read first: what had ended has no more to say. */
export const READ = `set -u; D=$1\n${STATE}state >&2; [ -f "$D/out" ] && tail -c "+$2" "$D/out" | head -c "$3"; exit 0\n`

/** $1 folder. TERM for the whole process group. */
export const STOP = `set -u; D=$1\n${STATE}alive && kill -s TERM -- "-$P"; exit 0\n`

/** $1 path. 66 = no such file. */
export const READ_FILE = `[ -e "$1" ] || exit 66; cat -- "$1"`

/** $1 path, $2 mode, $3 bytes. Input that came short is thrown away. */
export const WRITE_FILE = `
umask 077; T=$(mktemp "$1.XXXXXX") || exit 73
cat >"$T"; [ "$(wc -c <"$T")" -eq "$3" ] || { rm -f "$T"; exit 65; }
chmod "$2" "$T" && mv -f "$T" "$1" || { rm -f "$T"; exit 73; }
`
