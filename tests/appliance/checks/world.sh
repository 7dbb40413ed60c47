# What the service depends on goes and comes: broker, camera, configuration, time.

broker_absent() {
    local before
    before=$(pid) ; count=$(restarts)
    is systemctl stop mosquitto
    sleep 120
    same_process "$before"
    is status_says 'broker not connected'
    mark
    is systemctl start mosquitto
    until_true 60 told 'availability online'
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
