# From the package to the first label. Each function here and beside is a check: it fails by a command of `is` or `until_true`
# that fails. Waits count the guest's seconds, in which its processor executes 250 million instructions: an inference takes two.

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
    mark
    systemctl --quiet enable --now mosquitto
    plug_in
    until_true 60 told 'availability online'
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
