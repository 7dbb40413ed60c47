# Becomes /test/tools in the guest: what the checks are made of.
UNIT=goldcrest.service
SECONDS_UP=0
# Sets SECONDS_UP to the seconds since the boot, which no change of the clock moves.
uptime_now() { read -r SECONDS_UP _ </proc/uptime && SECONDS_UP=${SECONDS_UP%.*}; }
note() { echo "note: $*"; }
# is COMMAND...: runs it; says so if it fails.
is() { "$@" || { echo "failed: $*"; exit 1; }; }
not() { ! "$@"; }
pid() { systemctl show -P MainPID "${1:-$UNIT}"; }
restarts() { systemctl show -P NRestarts "${1:-$UNIT}"; }
active() { [ "$(systemctl is-active "${1:-$UNIT}")" = active ]; }
status_says() { systemctl show -P StatusText $UNIT | grep -qE "$1"; }
says() { journalctl -u "${2:-$UNIT}" --no-pager -o cat | grep -qE "$1"; }

# until SECONDS COMMAND...: waits until the command succeeds, and fails after these seconds.
until_true() {
    local most=$1 begun
    shift
    uptime_now
    begun=$SECONDS_UP
    until "$@"; do
        note_memory
        uptime_now
        if [ $((SECONDS_UP - begun)) -ge "$most" ]; then
            echo "not within $most s: $*"
            exit 1
        fi
        sleep 0.5
    done
}

# A subscriber writes all that is published to /run/heard: whether it was retained, topic and payload.
listen() {
    : >/run/heard
    (while true; do
        mosquitto_sub -h localhost -t 'goldcrest/#' -F '%r %t %p' >>/run/heard 2>/dev/null
        sleep 0.3
    done) &
}
mark() { MARK=$(wc -l </run/heard); }
# heard PATTERN: whether a message since the mark, and not a retained one, matches. A line is TOPIC PAYLOAD.
heard() { tail -n +$((MARK + 1)) /run/heard | grep -qE "^0 goldcrest/guest/$1"; }
# told PATTERN: the same, also of what the broker kept: after its start the service may be back before the subscriber.
told() { tail -n +$((MARK + 1)) /run/heard | grep -qE "^[01] goldcrest/guest/$1"; }
LABEL='label .*"label":"'
# A label, captured in the year that the guest's clock shows, arrives from now on.
labelled() {
    mark
    until_true "${1:-60}" heard "${LABEL}[^\"]*\".*\"captured\":\"$(date -u +%Y)"
}
# online_again: the service was restarted, in place of the process $1, and is online with labels since the mark.
online_again() {
    until_true 60 restarted "$1"
    until_true 60 heard 'availability online'
    until_true 60 heard "$LABEL"
}
restarted() { active && [ "$(pid)" != "$1" ] && [ "$(pid)" != 0 ]; }
same_process() { is active && is [ "$(pid)" = "$1" ]; }

# The service's control group: the most memory that it held at any start, and kills in it, which each start begins anew.
note_memory() {
    local group peak key value most=0
    for group in /sys/fs/cgroup/system.slice/goldcrest.service /sys/fs/cgroup/system.slice/system-goldcrest.slice/*.service; do
        [ -r "$group/memory.peak" ] || continue
        { read -r peak <"$group/memory.peak"; } 2>/dev/null || continue
        read -r most </run/peak 2>/dev/null
        [ "$peak" -gt "${most:-0}" ] && echo "$peak" >/run/peak
        while read -r key value; do
            case $key in oom_kill) [ "$value" = 0 ] || echo "$group: $value" >>/run/kills ;; esac
        done <"$group/memory.events"
    done 2>/dev/null
    return 0
}

# hold THREAD SECONDS: stops this one thread, as a debugger does; the others go on. Ends when the thread does.
hold() {
    # PTRACE_SEIZE and PTRACE_INTERRUPT, by their numbers on 64-bit ARM.
    perl -e 'my ($thread, $seconds) = map { $_ + 0 } @ARGV;
        syscall(117, 0x4206, $thread, 0, 0) == 0 or die "seize: $!\n";
        syscall(117, 0x4207, $thread, 0, 0) == 0 or die "interrupt: $!\n";
        # The end of a thread that is traced must be waited for, with __WALL and WNOHANG; then there is none any more.
        while ($seconds-- > 0 && waitpid($thread, 0x40000001) != -1) {
            sleep 1;
        }' "$@"
}
# thread NAME: its number in the service's process.
thread() {
    local each
    for each in /proc/"$(pid)"/task/*; do
        [ "$(cat "$each/comm")" = "$1" ] && basename "$each" && return
    done
    echo "no thread $1 among: $(cat /proc/"$(pid)"/task/*/comm)" >&2
    return 1
}

# Files outside of /proc and the like that the package or its use could have made. Debian's own records are left out.
listing() {
    find / -xdev \( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev -o -path /test -o -path /var/tmp \
        -o -path /var/log -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/mosquitto \
        -o -path /var/lib/systemd -o -path /var/lib/restarted -o -path /var/lib/failed -o -path /var/lib/listing \) \
        -prune -o -print | sort
}
plug_in() {
    modprobe vivid
    until_true 20 test -e /dev/video0
    udevadm settle -t 20
    # Without the counter that vivid writes into the picture, the scene is still.
    v4l2-ctl -d /dev/video0 -c osd_text_mode=2
}
unplug() { echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind; }
plug_in_again() {
    echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
    until_true 20 test -e /dev/video0
    udevadm settle -t 20
    v4l2-ctl -d /dev/video0 -c osd_text_mode=2
}
# After a check that failed: what it left behind must not fail those that follow.
recover() (
    rm -f /etc/goldcrest/config.toml.d/zz-broken.toml /etc/goldcrest/platform-vivid_0.toml /etc/goldcrest/second.toml
    systemctl stop $UNIT 'goldcrest@*.service'
    mount -o remount,rw /
    umount /var/lib/private /var/tmp /tmp
    [ ! -e /var/lib/restarted ] || { [ -e /dev/video0 ] || (plug_in_again) || plug_in; }
    systemctl start mosquitto $UNIT
)

plug_in_if_absent() { [ -e /dev/video0 ] || plug_in; }
