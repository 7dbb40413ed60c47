//! Which number of `health` becomes which metric.

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    /// Only grows while the process lives.
    Counter,
}

impl Kind {
    /// Its name in the text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One metric and the number of `health` that it shows.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
    /// Where the number stands in the payload, as a JSON pointer.
    pub(super) pointer: &'static str,
    /// What turns the payload's unit into the base unit.
    pub(super) factor: f64,
}

const fn gauge(
    name: &'static str,
    pointer: &'static str,
    factor: f64,
    help: &'static str,
) -> Entry {
    Entry {
        name,
        kind: Kind::Gauge,
        help,
        pointer,
        factor,
    }
}

const fn counter(name: &'static str, pointer: &'static str, help: &'static str) -> Entry {
    Entry {
        name,
        kind: Kind::Counter,
        help,
        pointer,
        factor: 1.0,
    }
}

const MIB: f64 = (1 << 20) as f64;

/// The metrics that have no label but the id. A number that the payload leaves out is left out.
pub(super) const ENTRIES: [Entry; 30] = [
    gauge(
        "goldcrest_uptime_seconds",
        "/uptime_s",
        1.0,
        "Time since the start.",
    ),
    gauge(
        "goldcrest_interval_seconds",
        "/interval_s",
        1.0,
        "Length of the interval that rates and stage times cover.",
    ),
    gauge(
        "goldcrest_frames_per_second",
        "/fps",
        1.0,
        "Rate of frames that came in.",
    ),
    gauge(
        "goldcrest_classified_frames_per_second",
        "/classified_fps",
        1.0,
        "Rate of frames that were classified.",
    ),
    counter("goldcrest_frames_total", "/frames", "Frames that came in."),
    counter(
        "goldcrest_classified_frames_total",
        "/classified",
        "Frames that were classified.",
    ),
    counter(
        "goldcrest_filled_in_frames_total",
        "/filled_in",
        "Classified frames of which damaged parts were filled in.",
    ),
    gauge(
        "goldcrest_resident_bytes",
        "/memory/rss_mb",
        MIB,
        "Resident memory.",
    ),
    gauge(
        "goldcrest_resident_anonymous_bytes",
        "/memory/rss_anon_mb",
        MIB,
        "Resident memory that belongs to no file.",
    ),
    gauge(
        "goldcrest_resident_peak_bytes",
        "/memory/rss_peak_mb",
        MIB,
        "The most resident memory since the start.",
    ),
    gauge(
        "goldcrest_heap_bytes",
        "/memory/heap_bytes",
        1.0,
        "Heap that is allocated.",
    ),
    gauge(
        "goldcrest_memory_budget_bytes",
        "/memory/budget_mb",
        MIB,
        "The configured memory.budget_mb.",
    ),
    gauge(
        "goldcrest_cgroup_limit_bytes",
        "/memory/cgroup/limit",
        1.0,
        "Memory limit of the control group.",
    ),
    gauge(
        "goldcrest_cgroup_used_bytes",
        "/memory/cgroup/used",
        1.0,
        "Memory that the control group counts.",
    ),
    gauge(
        "goldcrest_cgroup_stalled_ratio",
        "/memory/cgroup/stalled",
        0.01,
        "Share of the last ten seconds in which the control group waited for memory.",
    ),
    counter(
        "goldcrest_cgroup_limited_total",
        "/memory/cgroup/limited",
        "Times that the control group met its limit.",
    ),
    counter(
        "goldcrest_cgroup_killed_total",
        "/memory/cgroup/killed",
        "Processes of the control group that were killed for memory.",
    ),
    gauge(
        "goldcrest_child_processes",
        "/memory/child/processes",
        1.0,
        "Processes of the program that gives the pictures.",
    ),
    gauge(
        "goldcrest_child_memory_bytes",
        "/memory/child/memory_mb",
        MIB,
        "Memory of the program that gives the pictures.",
    ),
    gauge(
        "goldcrest_messages_waiting",
        "/queue/waiting",
        1.0,
        "Messages that wait for the broker.",
    ),
    gauge(
        "goldcrest_messages_unacknowledged",
        "/queue/unacknowledged",
        1.0,
        "Messages that the broker has not acknowledged yet.",
    ),
    counter(
        "goldcrest_messages_sent_total",
        "/queue/sent",
        "Messages that the broker acknowledged.",
    ),
    counter(
        "goldcrest_connections_total",
        "/queue/connections",
        "Connections that the broker accepted.",
    ),
    counter(
        "goldcrest_events_total",
        "/outbox/events",
        "Events since the start, and those that were found on disk then.",
    ),
    counter(
        "goldcrest_events_sent_total",
        "/outbox/sent",
        "Events that the broker acknowledged.",
    ),
    counter(
        "goldcrest_events_unsent_total",
        "/outbox/unsent",
        "Events that were lost.",
    ),
    gauge(
        "goldcrest_events_waiting",
        "/outbox/waiting",
        1.0,
        "Events that wait for the broker or its acknowledgement.",
    ),
    gauge(
        "goldcrest_outbox_bytes",
        "/outbox/bytes",
        1.0,
        "Bytes that the waiting events count.",
    ),
    gauge(
        "goldcrest_outbox_stored_events",
        "/outbox/stored",
        1.0,
        "Waiting events that are on disk.",
    ),
    gauge(
        "goldcrest_temperature_celsius",
        "/temperature_c",
        1.0,
        "The hottest thermal zone.",
    ),
];

/// Parts of the payload that become metrics with labels, or none; the rest stands in [`ENTRIES`].
#[cfg(test)]
pub(super) const ELSEWHERE: [&str; 10] = [
    "/v",
    "/time",
    "/camera",
    "/picture",
    "/stages_ms",
    "/regions",
    "/drops",
    "/kernel",
    "/model",
    "/head",
];
