#!/bin/bash
# Becomes /test/run in the guest: runs the checks of /test/checks in their order and prints each with its outcome and the seconds
# that it took. It runs at two boots, between which the machine restarts. What a failed check said follows it.
cd /tmp || exit 1
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
. /test/environment
. /test/tools
. /test/checks

failed=0
# check NAME...: runs the functions of these names, if FILTER matches them. What later ones need starts with "=" and always runs.
check() {
    local name function
    for name in "$@"; do
        function=${name#=}
        if [ "$name" = "$function" ] && ! [[ $name =~ $FILTER ]]; then continue; fi
        local begun=$SECONDS_UP
        uptime_now && begun=$SECONDS_UP
        if ("$function") >/run/said 2>&1; then
            outcome=ok
        else
            outcome=FAILED failed=1
        fi
        uptime_now
        echo "check $function ... $outcome ($((SECONDS_UP - begun)) s)"
        sed -n 's/^note: /      /p' /run/said
        if [ $outcome = FAILED ]; then
            sed 's/^/    | /' /run/said | tail -n 40
            journalctl -u 'goldcrest*' -n 25 --no-pager -o short-monotonic 2>&1 | cut -c1-220 | sed 's/^/    j /'
            tail -n 8 /run/heard | cut -c1-220 | sed 's/^/    h /'
            recover >/dev/null 2>&1
        fi
        note_memory
    done
}

# However this script ends, the machine goes off.
trap 'sleep 1; systemctl poweroff --force --force' EXIT
uptime_now
if [ ! -e /var/lib/restarted ]; then
    echo "guest: up after $SECONDS_UP s"
    check =install exposure =first_run
    # The second boot, at which neither the broker nor the camera is there.
    touch /var/lib/restarted
    echo $failed >/var/lib/failed
    systemctl --quiet disable mosquitto
    sync
    trap - EXIT
    systemctl --no-block start reboot.target
    exit
fi
echo "guest: up again after $SECONDS_UP s"
failed=$(cat /var/lib/failed)
listen
check absent_at_boot =ready =labels killed stalled_main stalled_capture stopped_process broker_absent camera_unplugged
check reload_good reload_broken clock_jump read_only_root state_full
check instance_by_udev two_instances memory
check upgrade =removal purge
uptime_now
echo "guest: exit $failed after $SECONDS_UP s"
