# The end: upgrade, removal, purge.

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
