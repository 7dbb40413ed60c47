//! Saying it over MQTT.
