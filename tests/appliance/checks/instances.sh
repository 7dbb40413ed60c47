# Several services, and the memory of all.

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
    # It is on its way to the end before that has come.
    until_true 10 heard 'availability offline'
    until_true 20 not active "goldcrest@$name"
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
    note "memory.peak of all starts: $(cat /run/peak) of $((64 << 20)) bytes"
    is [ "$(systemctl show -P MemoryMax $UNIT)" = $((64 << 20)) ]
    is [ "$(cat /sys/fs/cgroup/system.slice/goldcrest.service/memory.max)" = $((64 << 20)) ]
    [ ! -e /run/kills ] || cat /run/kills
    is not test -e /run/kills
    dmesg | grep -i 'oom' && exit 1
    is not says 'oom-kill|OOM killer' 'goldcrest*'
}
