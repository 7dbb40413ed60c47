//! The login at a camera: basic or digest, whichever it asks for.

use http_auth::{PasswordClient, PasswordParams};

use crate::panics::contain;
use crate::secrets::Secret;

/// A user's name and password, and how a camera wants them.
pub(super) struct Login {
    username: String,
    password: Secret,
    /// How it wanted them last, which lasts longer than a connection.
    client: Option<PasswordClient>,
    /// Whether the log told that the password is not protected.
    warned: bool,
}

impl Login {
    pub fn new(username: String, password: Secret) -> Self {
        Self {
            username,
            password,
            client: None,
            warned: false,
        }
    }

    /// The field of a request for `target` that logs in, if it is known how.
    pub fn field(&mut self, target: &str) -> Option<String> {
        let client = self.client.as_mut()?;
        let params = PasswordParams {
            username: &self.username,
            password: self.password.reveal(),
            uri: target,
            method: "GET",
            body: None,
        };
        let made = contain(|| client.respond(&params));
        let field = made.ok().and_then(Result::ok);
        if field.is_none() {
            // It asks for what nobody can answer any more.
            self.client = None;
        }
        field.filter(|field| !field.contains(char::is_control))
    }

    /// Takes the `challenges` of an answer.
    ///
    /// # Errors
    /// None of them can be met.
    pub fn challenge(&mut self, challenges: &[String]) -> Result<(), &'static str> {
        self.client = None;
        let read = || {
            let add =
                |builder: http_auth::PasswordClientBuilder, text: &String| builder.challenges(text);
            challenges
                .iter()
                .fold(PasswordClient::builder(), add)
                .build()
        };
        match contain(read) {
            Ok(Ok(client)) => {
                self.client = Some(client);
                Ok(())
            }
            _ => Err("it wants a kind of log-in that is neither basic nor digest"),
        }
    }

    /// Whether the next field shows the password to everybody on the way, and the log did not tell
    /// yet.
    pub fn warns(&mut self) -> bool {
        let basic = matches!(self.client, Some(PasswordClient::Basic(_)));
        basic && !std::mem::replace(&mut self.warned, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> Login {
        Login::new("Mufasa".into(), "Circle Of Life".into())
    }

    fn challenged(challenges: &[&str]) -> (Login, Result<(), &'static str>) {
        let mut login = login();
        let all: Vec<String> = challenges.iter().map(ToString::to_string).collect();
        let taken = login.challenge(&all);
        (login, taken)
    }

    #[test]
    fn the_stronger_of_two_ways_is_taken() {
        let digest = "Digest realm=\"a\", nonce=\"b\", qop=\"auth\"";
        for ways in [
            &["Basic realm=\"a\"", digest][..],
            &[digest, "Basic realm=\"a\""],
        ] {
            let (mut login, taken) = challenged(ways);
            taken.unwrap();
            let field = login.field("/video?x").unwrap();
            assert!(field.starts_with("Digest username=\"Mufasa\""), "{field}");
            assert!(field.contains("uri=\"/video?x\"") && field.contains("nc=00000001"));
            assert!(login.field("/video?x").unwrap().contains("nc=00000002"));
            assert!(!login.warns());
        }
    }

    #[test]
    fn a_basic_log_in_warns_once() {
        let (mut login, taken) = challenged(&["Basic realm=cam"]);
        taken.unwrap();
        assert_eq!(
            login.field("/").unwrap(),
            "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl"
        );
        assert!(login.warns() && !login.warns());
    }

    #[test]
    fn what_cannot_be_met_is_refused() {
        for ways in [
            &[][..],
            &["NTLM"],
            &["Bearer realm=\"a\""],
            &["\u{e9}"],
            &["Digest"],
        ] {
            let (mut login, taken) = challenged(ways);
            assert!(taken.is_err(), "{ways:?}");
            assert_eq!(login.field("/"), None);
        }
    }
}
