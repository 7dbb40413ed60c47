# What the service writes to cannot be written.

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
    # What commands set is written anew, for which there is no room.
    mark
    is mosquitto_pub -h localhost -t goldcrest/guest/command/threshold -m 0.03
    until_true 30 heard 'settings .*"threshold":0.03'
    until_true 60 says 'No space left'
    note "$(journalctl -u $UNIT --no-pager -o cat | grep 'No space' | tail -n 1 | cut -c1-150)"
    event
    labelled
    rm /var/lib/private/goldcrest/filler
    is mosquitto_pub -h localhost -t goldcrest/guest/command/threshold -m 0.04
    until_true 60 grep -q 0.04 /var/lib/private/goldcrest/settings.json
    event
    same_process "$before"
    is systemctl stop $UNIT
    is umount /var/lib/private
    is systemctl start $UNIT
    labelled
}
