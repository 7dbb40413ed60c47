//! From rankings over time to what is said: smoothing, hysteresis, heartbeat. Pure: time comes in as a value.
