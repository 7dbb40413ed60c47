//! One component of the device: an entity of Home Assistant.

use serde_json::{Map, Value, json};

/// The kinds of entities that this device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    BinarySensor,
    Button,
    Event,
    Image,
    Number,
    Select,
    Sensor,
    Switch,
    Text,
}

impl Platform {
    /// The name that Home Assistant has for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BinarySensor => "binary_sensor",
            Self::Button => "button",
            Self::Event => "event",
            Self::Image => "image",
            Self::Number => "number",
            Self::Select => "select",
            Self::Sensor => "sensor",
            Self::Switch => "switch",
            Self::Text => "text",
        }
    }
}

/// A component under construction. Home Assistant drops keys that it does not know without a word,
/// so a test compares all of them with its lists.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    /// The lasting name of the component. Never give it to another one: what Home Assistant stored
    /// under it stays.
    pub(super) key: String,
    pub(super) platform: Platform,
    fields: Map<String, Value>,
}

impl Component {
    /// A component that is called `name` beside the device's name.
    pub(super) fn new(platform: Platform, key: impl Into<String>, name: &str) -> Self {
        let component = Self {
            key: key.into(),
            platform,
            fields: Map::new(),
        };
        component.with("name", name)
    }

    /// Sets one key.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(key.into(), value.into());
        self
    }

    /// Moves the entity away from the main ones, to the technical ones.
    pub(super) fn diagnostic(self) -> Self {
        self.with("entity_category", "diagnostic")
    }

    /// Moves the entity away from the main ones, to the settings.
    pub(super) fn setting(self) -> Self {
        self.with("entity_category", "config")
    }

    /// Leaves it to the user to enable the entity.
    pub(super) fn disabled(self) -> Self {
        self.with("enabled_by_default", false)
    }

    /// The component's JSON on the device `node`.
    pub(super) fn into_json(mut self, node: &str) -> Value {
        let unique_id = format!("{node}_{}", self.key);
        self.fields
            .insert("platform".into(), self.platform.name().into());
        self.fields.insert("unique_id".into(), unique_id.into());
        Value::Object(self.fields)
    }

    /// The JSON that removes a component of this platform.
    pub(super) fn removal(platform: &str) -> Value {
        json!({ "platform": platform })
    }
}
