# A process that is killed, and threads that stand still.

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
