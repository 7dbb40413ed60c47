//! The topics of one instance.

use super::Error;

/// The topics that one instance speaks on, `<base>/<id>/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// `online` or `offline`, retained, the last will.
    pub availability: String,
    /// What is seen now, retained.
    pub label: String,
    /// Each change.
    pub event: String,
    /// Whether the camera streams, and why not, retained.
    pub camera: String,
    /// How the daemon is, from time to time.
    pub health: String,
}

impl Topics {
    /// The topics of the instance `id` below `base`.
    ///
    /// # Errors
    /// [`Error::Id`] when `id` is empty or holds what a level of a topic may not: `/`, `+`, `#`,
    /// control characters.
    pub fn new(base: &str, id: &str) -> Result<Self, Error> {
        if id.is_empty() || id.len() > 64 || id.contains(is_special) || id.contains('/') {
            return Err(Error::Id(format!(
                "must be 1 to 64 bytes without /, +, # and control characters, and is {id:?}"
            )));
        }
        let topic = |name| format!("{base}/{id}/{name}");
        Ok(Self {
            availability: topic("availability"),
            label: topic("label"),
            event: topic("event"),
            camera: topic("camera"),
            health: topic("health"),
        })
    }
}

/// What must not stand in the name of a topic that is published to.
pub(super) fn is_special(character: char) -> bool {
    matches!(character, '+' | '#') || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_stand_below_the_base_and_the_id() {
        let topics = Topics::new("house/eyes", "front").unwrap();
        assert_eq!(topics.availability, "house/eyes/front/availability");
        assert_eq!(topics.label, "house/eyes/front/label");
        assert_eq!(topics.event, "house/eyes/front/event");
    }

    #[test]
    fn an_id_that_is_no_level_of_a_topic_is_refused() {
        for id in ["", "a/b", "a+", "#", "a\nb", "a\0", &"x".repeat(65)] {
            let error = Topics::new("goldcrest", id).unwrap_err();
            assert_eq!(error.exit_code(), 78);
            assert!(error.to_string().starts_with("id must be"), "{error}");
        }
    }
}
