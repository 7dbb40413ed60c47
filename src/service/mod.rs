//! What runs around the flow: threads, limits, signals.
