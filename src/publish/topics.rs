//! The topics of one instance.

use std::borrow::Cow;

use super::Error;

/// The topics of one instance, `<base>/<id>/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topics {
    /// `online` or `offline`, retained; also the last will.
    pub(crate) availability: String,
    /// The current label, retained; with regions nothing.
    pub(crate) label: String,
    /// Each change of the label; with regions nothing.
    pub(crate) event: String,
    /// The state of the camera, retained.
    pub(crate) camera: String,
    /// The daemon's numbers.
    pub(crate) health: String,
    /// What commands can change, retained.
    pub(crate) settings: String,
    /// What all of these begin with, up to a slash.
    pub(crate) own: String,
    /// What the topics of commands begin with, up to a slash.
    pub(crate) command: String,
    /// What the topics of answers begin with, up to a slash.
    pub(crate) response: String,
    /// The picture of the last event, in JPEG.
    pub(crate) snapshot: String,
    /// What that picture shows.
    pub(crate) snapshot_info: String,
}

impl Topics {
    /// The topics of the instance `id` below `base`.
    ///
    /// # Errors
    /// [`Error::Id`] when `id` cannot be one level of a topic: when it is empty, is longer than 64
    /// bytes, or contains `/`, `+`, `#` or a control character.
    pub(crate) fn new(base: &str, id: &str) -> Result<Self, Error> {
        if id.is_empty() || id.len() > 64 || id.contains(is_special) || id.contains('/') {
            return Err(Error::Id(id.into()));
        }
        let topic = |name| format!("{base}/{id}/{name}");
        Ok(Self {
            availability: topic("availability"),
            label: topic("label"),
            event: topic("event"),
            camera: topic("camera"),
            health: topic("health"),
            settings: topic("settings"),
            own: topic(""),
            command: topic("command/"),
            response: topic("response/"),
            snapshot: topic("snapshot"),
            snapshot_info: topic("snapshot/info"),
        })
    }

    /// The current label of a region, or of the whole picture.
    pub(crate) fn label_of(&self, region: Option<&str>) -> Cow<'_, str> {
        match region {
            Some(region) => format!("{}{region}/label", self.own).into(),
            None => self.label.as_str().into(),
        }
    }

    /// Each change of the label of a region, or of the whole picture.
    pub(crate) fn event_of(&self, region: Option<&str>) -> Cow<'_, str> {
        match region {
            Some(region) => format!("{}{region}/event", self.own).into(),
            None => self.event.as_str().into(),
        }
    }
}

/// Whether `character` is not allowed in a topic's name.
pub(super) fn is_special(character: char) -> bool {
    matches!(character, '+' | '#') || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_begin_with_the_base_and_the_id() {
        let topics = Topics::new("house/eyes", "front").unwrap();
        assert_eq!(topics.availability, "house/eyes/front/availability");
        assert_eq!(topics.label, "house/eyes/front/label");
        assert_eq!(topics.event, "house/eyes/front/event");
        let left = Some("left");
        assert_eq!(topics.label_of(left), "house/eyes/front/left/label");
        assert_eq!(topics.event_of(left), "house/eyes/front/left/event");
        assert_eq!(
            (topics.label_of(None), topics.event_of(None)),
            (topics.label.as_str().into(), topics.event.as_str().into())
        );
    }

    #[test]
    fn an_id_that_cannot_be_a_topic_level_is_refused() {
        for id in ["", "a/b", "a+", "#", "a\nb", "a\0", &"x".repeat(65)] {
            let error = Topics::new("goldcrest", id).unwrap_err();
            assert_eq!(error.exit_code(), 78);
            assert!(error.to_string().starts_with("id must be"), "{error}");
        }
    }
}
