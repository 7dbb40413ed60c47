# Becomes /test/checks in the guest. Each function is a check: it fails by a command of `is` or `until_true` that fails.
# The waits count the guest's seconds, in which its processor executes 250 million instructions: an inference takes two.

install() {
    # systemd makes it for the first service with a state of its own.
    mkdir -p -m 700 /var/lib/private
    listing >/var/lib/listing
    is apt-get install -y --no-install-recommends /test/goldcrest.deb
    is goldcrest --version
    is not systemctl --quiet is-enabled $UNIT
    is not active
}

exposure() {
    systemd-analyze security --no-pager $UNIT | tail -n 1
    note "$(systemd-analyze security --no-pager $UNIT | sed -n 's/.*Overall exposure level for \(.*\): \([0-9.]*\) .*/\1: \2/p')"
    is systemd-analyze security --no-pager --threshold=15 $UNIT >/dev/null
}

# What docs/install.md asks for, with flags in the place of a person: one command to the service and its first label.
first_run() {
    plug_in
    until_true 30 active mosquitto
    is goldcrest setup --camera auto --broker localhost --id guest --no-home-assistant --yes
    is systemctl --quiet is-enabled $UNIT
    is active
    # As somebody who tries it would: every picture has a label, in a scene that stands still, and events wait on disk.
    mkdir -p /etc/goldcrest/config.toml.d
    cat >/etc/goldcrest/config.toml.d/guest.toml <<'TOML'
[camera]
fps = 5.0
[gate]
stuck = 86400.0
[observe]
smoothing = 0.0
frames = 1
threshold = 0.01
release = 0.0
margin = 0.0
spread = 0.0
heartbeat = 5.0
[health]
interval = 10.0
[outbox]
folder = "/var/lib/goldcrest/outbox"
[commands]
enabled = true
keep = true
TOML
}

# The second boot: there is no network but the machine's own, no broker and no camera.
absent_at_boot() {
    is active
    is not active mosquitto
    is not test -e /dev/video0
    until_true 30 status_says 'camera lost, broker not connected'
    is says 'no camera is there'
    is says 'nothing listens there'
    is [ "$(restarts)" = 0 ]
    local before
    before=$(pid)
    systemctl --quiet enable --now mosquitto
    plug_in
    mark
    until_true 60 heard 'availability online'
    until_true 60 heard "$LABEL"
    same_process "$before"
}

ready() {
    plug_in_if_absent
    systemctl --quiet enable --now mosquitto
    is systemctl stop $UNIT
    # Pages that were read before would be counted to whoever read them.
    sync
    echo 3 >/proc/sys/vm/drop_caches
    is systemctl start $UNIT
    local from to
    from=$(systemctl show -P ExecMainStartTimestampMonotonic $UNIT)
    to=$(systemctl show -P ActiveEnterTimestampMonotonic $UNIT)
    note "READY $(((to - from) / 1000)) ms after its start, from a dropped page cache"
    is [ $(((to - from) / 1000)) -le 10000 ]
}

labels() {
    labelled
    until_true 30 status_says 'camera streaming, broker connected: '
    note "$(systemctl show -P StatusText $UNIT)"
}

killed() {
    local before
    before=$(pid)
    mark
    is kill -KILL "$before"
    until_true 10 heard 'availability offline'
    online_again "$before"
}

# stall WHAT: one thread makes no progress. `offline` comes at half of WatchdogSec=60, the watchdog's end at the whole.
stall() {
    local before thread
    before=$(pid)
    thread=$(thread "$1") || exit 1
    mark
    hold "$thread" 120 &
    until_true 50 heard 'availability offline'
    is [ "$(pid)" = "$before" ]
    is says "the $2 thread makes no progress"
    until_true 60 restarted "$before"
    is says 'Watchdog timeout'
    is says 'code=(killed|dumped), status=6/ABRT'
    online_again "$before"
}
stalled_main() { stall goldcrest main; }
stalled_capture() { stall capture capture; }

# SIGSTOP stops all threads, so nothing of Goldcrest can tell: the broker and systemd must.
stopped_process() {
    local before
    before=$(pid)
    mark
    is kill -STOP "$before"
    until_true 90 heard 'availability offline'
    until_true 150 restarted "$before"
    is says 'Watchdog timeout'
    online_again "$before"
}

broker_absent() {
    local before
    before=$(pid) ; count=$(restarts)
    is systemctl stop mosquitto
    sleep 120
    same_process "$before"
    is status_says 'broker not connected'
    mark
    is systemctl start mosquitto
    until_true 60 heard 'availability online'
    until_true 60 heard "$LABEL"
    same_process "$before"
    is [ "$(restarts)" = "$count" ]
}

camera_unplugged() {
    local before
    before=$(pid)
    mark
    unplug
    until_true 30 heard 'camera .*"state":"lost","cause":"unplugged"'
    until_true 30 heard 'label .*"label":null.*"reason":"camera lost"'
    until_true 30 status_says 'camera lost, broker connected'
    sleep 20
    mark
    plug_in_again
    until_true 60 heard 'camera .*"state":"streaming"'
    until_true 60 heard "$LABEL"
    same_process "$before"
}

reload_good() {
    local before
    before=$(pid)
    mark
    sed -i 's/^threshold = .*/threshold = 0.02/' /etc/goldcrest/config.toml.d/guest.toml
    is systemctl reload $UNIT
    until_true 30 heard 'settings .*"threshold":0.02'
    until_true 30 heard "$LABEL"
    same_process "$before"
}

reload_broken() {
    local before
    before=$(pid)
    mark
    echo 'this is no TOML' >/etc/goldcrest/config.toml.d/zz-broken.toml
    is systemctl reload $UNIT
    until_true 30 heard 'settings .*"reload_error":"'
    is says 'reload: .*zz-broken.toml'
    note "$(journalctl -u $UNIT --no-pager -o cat | grep -o 'reload: .*' | tail -n 1 | cut -c1-150)"
    labelled
    same_process "$before"
    rm /etc/goldcrest/config.toml.d/zz-broken.toml
    mark
    is systemctl reload $UNIT
    until_true 30 heard 'settings .*"threshold":0.02'
    is not heard 'settings .*"reload_error":"'
}

# Ten years ahead, for longer than the watchdog waits, and back.
clock_jump() {
    local before count year
    before=$(pid) count=$(restarts) year=$(date -u +%Y)
    is date -s '+10 years'
    is [ "$(date -u +%Y)" = $((year + 10)) ]
    labelled
    sleep 75
    labelled
    mark
    until_true 30 heard "health .*\"time\":\"$((year + 10))"
    is date -s '-10 years'
    labelled
    sleep 75
    labelled
    mark
    until_true 30 heard "health .*\"time\":\"$year"
    same_process "$before"
    is [ "$(restarts)" = "$count" ]
}

# The root is read-only; what a service writes, its state and its temporary files, lies on file systems of their own.
read_only_root() {
    is systemctl stop $UNIT
    is systemctl stop mosquitto
    is mount -t tmpfs -o size=4M,mode=700 state /var/lib/private
    is mount -t tmpfs -o size=4M,mode=1777 temporary /var/tmp
    is mount -t tmpfs -o size=4M,mode=1777 temporary /tmp
    is mount -o remount,ro /
    is not touch /etc/goldcrest/written
    is systemctl start mosquitto
    is systemctl start $UNIT
    labelled
    mark
    is mosquitto_pub -h localhost -t goldcrest/guest/command/threshold -m 0.03
    until_true 30 heard 'settings .*"threshold":0.03'
    until_true 20 test -e /var/lib/private/goldcrest/settings.json
    is systemctl stop $UNIT
    is systemctl stop mosquitto
    is mount -o remount,rw /
    is umount /var/lib/private /var/tmp /tmp
    is systemctl start mosquitto
    is systemctl start $UNIT
    labelled
}

# event: changes the picture until that changes the label; patterns of vivid that look nothing alike.
PATTERNS=(10 7 4 16 6 20 9 15 13 1)
event() {
    local begun
    mark
    while true; do
        next=$(((${next:--1} + 1) % ${#PATTERNS[@]}))
        v4l2-ctl -d /dev/video0 -c test_pattern="${PATTERNS[$next]}"
        uptime_now && begun=$SECONDS_UP
        while [ $((SECONDS_UP - begun)) -lt 15 ]; do
            heard 'event ' && return
            sleep 0.5
            uptime_now
        done
        tries=$((${tries:-0} + 1))
        [ "$tries" -lt 30 ] || { echo "no picture changes the label"; exit 1; }
    done
}

state_full() {
    local before
    is systemctl stop $UNIT
    is mount -t tmpfs -o size=256k,mode=700 state /var/lib/private
    is systemctl start $UNIT
    labelled
    before=$(pid)
    event
    dd if=/dev/zero of=/var/lib/private/goldcrest/filler bs=1k 2>/dev/null
    is [ "$(df --output=avail /var/lib/private | tail -n 1)" -eq 0 ]
    event
    event
    until_true 30 says 'outbox.folder .*cannot be written: No space left'
    note "$(journalctl -u $UNIT --no-pager -o cat | grep -o '[a-z.]*folder.*No space.*' | tail -n 1 | cut -c1-150)"
    event
    labelled
    rm /var/lib/private/goldcrest/filler
    event
    until_true 30 says 'outbox.folder .*can be written again'
    event
    same_process "$before"
    is systemctl stop $UNIT
    is umount /var/lib/private
    is systemctl start $UNIT
    labelled
}

# The rule of udev: an instance for the port, where there is a file for it, from the camera's appearance until it goes.
instance_by_udev() {
    local name=platform-vivid_0
    is systemctl stop $UNIT
    unplug
    sleep 2
    plug_in_again
    sleep 5
    is not active "goldcrest@$name"
    unplug
    sed 's/^id = .*/id = "guest"/' /etc/goldcrest/config.toml >/etc/goldcrest/$name.toml
    sleep 2
    mark
    plug_in_again
    until_true 40 active "goldcrest@$name"
    until_true 60 heard 'camera .*"state":"streaming"'
    unplug
    until_true 20 not active "goldcrest@$name"
    is heard 'availability offline'
    rm /etc/goldcrest/$name.toml
    plug_in_again
    sleep 5
    is not active "goldcrest@$name"
    is systemctl start $UNIT
    labelled
}

# kilobytes KEY PID: a line of smaps_rollup.
kilobytes() { awk -v key="$1:" '$1 == key { print $2 }' "/proc/$2/smaps_rollup"; }

# Two services hold the weights once.
two_instances() {
    sed -e 's/^id = .*/id = "second"/' -e 's/^kind = .*/kind = "synthetic"/' /etc/goldcrest/config.toml >/etc/goldcrest/second.toml
    is systemctl start goldcrest@second
    until_true 60 active goldcrest@second
    sleep 20
    local one two rss pss
    one=$(pid) two=$(pid goldcrest@second)
    rss=$(kilobytes Rss "$one")
    pss=$(($(kilobytes Pss "$one") + $(kilobytes Pss "$two")))
    note "one has $rss KiB resident, both share $pss KiB (PSS): $((2 * rss - pss)) KiB less than twice one"
    is systemctl stop goldcrest@second
    rm /etc/goldcrest/second.toml
    is [ $((2 * rss - pss)) -ge 20480 ]
}

# After all that: the unit's limits as shipped were in force, and the kernel killed nothing in want of memory.
memory() {
    note_memory
    is [ "$(systemctl show -P MemoryMax $UNIT)" = $((64 << 20)) ]
    is [ "$(cat /sys/fs/cgroup/system.slice/goldcrest.service/memory.max)" = $((64 << 20)) ]
    note "memory.peak of all starts: $(cat /run/peak) of $((64 << 20)) bytes"
    [ ! -e /run/kills ] || cat /run/kills
    is not test -e /run/kills
    dmesg | grep -i 'oom' && exit 1
    is not says 'oom-kill|OOM killer' 'goldcrest*'
}

upgrade() {
    local before
    before=$(pid)
    cp /etc/goldcrest/config.toml /run/config.before
    mark
    # The newer package brings a configuration that differs from the one that setup wrote.
    is apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold /test/newer.deb
    is [ "$(dpkg-query -W -f '${Version}' goldcrest)" = "$VERSION+1" ]
    online_again "$before"
    is cmp /etc/goldcrest/config.toml /run/config.before
    is test -e /etc/goldcrest/config.toml.d/guest.toml
    is systemctl --quiet is-enabled $UNIT
}

removal() {
    local before
    before=$(pid)
    mark
    is apt-get remove -y goldcrest
    is not test -e "/proc/$before"
    is not pgrep -x goldcrest
    until_true 10 heard 'availability offline'
    is not test -e /usr/bin/goldcrest
    is test -e /etc/goldcrest/config.toml
    is [ -z "$(systemctl list-units --all --no-legend 'goldcrest*' | grep -v not-found)" ]
}

purge() {
    is apt-get purge -y goldcrest
    is not getent passwd goldcrest
    is [ -z "$(systemctl list-unit-files --no-legend 'goldcrest*')" ]
    listing >/run/after
    diff /var/lib/listing /run/after || exit 1
}

plug_in_if_absent() { [ -e /dev/video0 ] || plug_in; }
