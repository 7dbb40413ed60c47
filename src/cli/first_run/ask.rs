//! Questions on the terminal. However one ends, the cursor is visible and the terminal echoes.

use std::io::{self, IsTerminal};
use std::process::{Command, Stdio};

use console::{Key, Term};
use dialoguer::{Confirm, Input, Select};

use crate::escape::OneLine;
use crate::exit;
use crate::secrets::Secret;
use crate::setup::Failure;
use crate::signals::Stop;

/// Asks a person.
pub(super) struct Asker {
    term: Term,
    stop: Stop,
}

impl Asker {
    /// One who asks on the terminal; `None` where there is none.
    pub fn present(stop: &Stop) -> Option<Self> {
        let is_there = io::stdin().is_terminal() && io::stderr().is_terminal();
        is_there.then(|| Self {
            term: Term::stderr(),
            stop: stop.clone(),
        })
    }

    /// Tells a line.
    pub fn tell(&self, line: &str) -> Result<(), Failure> {
        self.answer(self.term.write_line(&OneLine(line).to_string()))
    }

    /// Has one of `items` chosen; returns its index.
    pub fn choose(&self, prompt: &str, items: &[String]) -> Result<usize, Failure> {
        self.go_on()?;
        let items: Vec<String> = items.iter().map(|item| OneLine(item).to_string()).collect();
        let question = Select::new().with_prompt(prompt).items(&items).default(0);
        self.answer(question.interact_on(&self.term))
    }

    /// Asks for a yes or a no.
    pub fn is_so(&self, prompt: &str, usual: bool) -> Result<bool, Failure> {
        self.go_on()?;
        let prompt = OneLine(prompt).to_string();
        let question = Confirm::new().with_prompt(prompt).default(usual);
        self.answer(question.interact_on(&self.term))
    }

    /// Asks for a text that `check` accepts.
    pub fn text(
        &self,
        prompt: &str,
        usual: Option<&str>,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, Failure> {
        self.go_on()?;
        let question = Input::<String>::new()
            .with_prompt(prompt)
            .allow_empty(usual == Some(""))
            .validate_with(|text: &String| check(text.trim()));
        let question = match usual {
            Some(usual) => question
                .default(usual.into())
                .show_default(!usual.is_empty()),
            None => question,
        };
        let text = self.answer(question.interact_text_on(&self.term))?;
        Ok(text.trim().to_string())
    }

    /// Asks for a password, which the terminal does not show. None for an empty one.
    pub fn secret(&self, prompt: &str) -> Result<Option<Secret>, Failure> {
        let quiet = Quiet::new();
        self.answer(self.term.write_str(&format!("{prompt}: ")))?;
        let mut word = String::new();
        loop {
            // One key after the other, because Ctrl-C is a key here; a line would hide it.
            match self.answer(self.term.read_key())? {
                Key::Enter => break,
                Key::Backspace => drop(word.pop()),
                Key::Char(c) if !c.is_control() => word.push(c),
                _ => {}
            }
        }
        drop(quiet);
        self.answer(self.term.write_line(""))?;
        Ok((!word.is_empty()).then(|| Secret::from(word.as_str())))
    }

    /// Ends before a question that a signal came before.
    fn go_on(&self) -> Result<(), Failure> {
        match self.stop.requested() {
            true => Err(interrupted(UNTOUCHED)),
            false => Ok(()),
        }
    }

    /// The answer, or why there is none.
    fn answer<T, E: Into<io::Error>>(&self, answer: Result<T, E>) -> Result<T, Failure> {
        match answer.map_err(Into::into) {
            Ok(_) if self.stop.requested() => Err(interrupted(UNTOUCHED)),
            Ok(answer) => Ok(answer),
            Err(why) if self.stop.requested() || why.kind() == io::ErrorKind::Interrupted => {
                Err(interrupted(UNTOUCHED))
            }
            Err(why) => Err(Failure::new(exit::IO, format!("the terminal: {why}"))),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        // A question that was broken off leaves the cursor hidden.
        let _ = self.term.show_cursor();
    }
}

/// The end that was asked for, and how things stand.
pub(super) fn interrupted(stands: &str) -> Failure {
    Failure::new(exit::INTERRUPTED, format!("setup: interrupted; {stands}"))
}

/// How things stand before anything is written.
pub(super) const UNTOUCHED: &str = "everything is as it was";

/// A terminal that does not echo while this lives: between two keys it would show what is pasted.
struct Quiet;

impl Quiet {
    fn new() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// Sets the terminal's mode through the program for that. Without it, single keys are still read
/// without an echo.
fn stty(mode: &str) {
    let _ = Command::new("stty")
        .arg(mode)
        .stdin(Stdio::inherit())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
