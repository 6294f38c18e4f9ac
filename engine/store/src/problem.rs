//! What a check of the store finds, and what can be done about it. The modules that own a thing check it.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why something could not be mended.
pub type Failure = Box<dyn Error>;

/// Mends something, and tells what it has done: "unpacked again".
pub type Act<'a> = Box<dyn Fn() -> Result<String, Failure> + 'a>;

/// Something that is not as it should be.
pub struct Problem<'a> {
    /// What it is, with its name: "volume data".
    pub what: String,
    /// Where it lies.
    pub place: PathBuf,
    /// What is wrong, to be read after the place.
    pub why: String,
    /// What can be done.
    pub remedy: String,
    /// Makes it whole without loss.
    pub repair: Option<Act<'a>>,
    /// Gets rid of it, or of what makes no sense without it.
    pub removal: Option<Act<'a>>,
}

impl<'a> Problem<'a> {
    /// One that nothing can be done about yet.
    pub fn new(what: impl Into<String>, place: &Path, why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: place.to_owned(),
            why: why.into(),
            remedy: remedy.into(),
            repair: None,
            removal: None,
        }
    }

    /// Says how it is repaired.
    #[must_use]
    pub fn repaired_by<E: Into<Failure>>(mut self, act: impl Fn() -> Result<String, E> + 'a) -> Self {
        self.repair = Some(Box::new(move || act().map_err(Into::into)));
        self
    }

    /// Says how it is removed.
    #[must_use]
    pub fn removed_by<E: Into<Failure>>(mut self, act: impl Fn() -> Result<String, E> + 'a) -> Self {
        self.removal = Some(Box::new(move || act().map_err(Into::into)));
        self
    }
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            place,
            why,
            remedy,
            ..
        } = self;
        write!(f, "{what}: {} {why}; {remedy}", place.display())
    }
}

impl fmt::Debug for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a record is damaged, to be read after its path.
pub fn misread(error: &dyn Error) -> String {
    let reason = error.source().map_or_else(|| error.to_string(), with_causes);
    format!("cannot be understood ({reason})")
}

/// An error with its causes, in one line.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
