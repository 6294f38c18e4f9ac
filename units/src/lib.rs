//! The syntax of systemd unit files (systemd.syntax(7)): read, look up, change, write, without loss.
//!
//! Pure text in, text out: opens no file, reads no environment, knows nothing about containers. Depends on nothing but
//! the standard library.
//!
//! | module         | job                                                                        |
//! |----------------|----------------------------------------------------------------------------|
//! | [`parse`]      | bytes to [`UnitFile`]; every bad line is reported, with file, line, column |
//! | [`document`]   | the model: ordered sections of ordered lines, comments included            |
//! | [`mod@write`]  | the model to text: byte for byte while unchanged, normalised otherwise     |
//! | `line`         | what one line of a file can hold                                           |
//! | [`lookup`]     | typed values of a section, with warnings that show the place               |
//! | [`words`]      | splitting into words, quotes and C escapes removed                         |
//! | [`quote`]      | words to one line that systemd splits into the same words                  |
//! | [`names`]      | the parts of a unit's file name                                            |
//! | [`precedence`] | which drop-in directories apply, which files in them win                   |
//! | [`specifiers`] | `%i` and its kin: found and named, never expanded                          |
//! | [`error`]      | places, errors, warnings                                                   |
//!
//! ```
//! use systemd_unit_parser::{UnitFile, quote_words};
//!
//! let mut file = UnitFile::parse("web.container", b"[Container]\nImage=nginx\nExec=serve 'a page'\n")?;
//! let container = file.lookup("Container");
//! assert_eq!(container.scalar("Image"), Some("nginx"));
//! let arguments = container.last_args("Exec").unwrap_or_default();
//! file.rename_section("Container", "X-Container");
//! file.add("Service", "ExecStart", quote_words(&arguments));
//! assert_eq!(
//!     file.to_string(),
//!     "[X-Container]\nImage=nginx\nExec=serve 'a page'\n\n[Service]\nExecStart=serve \"a\\x20page\"\n"
//! );
//! # Ok::<(), systemd_unit_parser::ParseErrors>(())
//! ```

pub mod document;
pub mod error;
mod line;
pub mod lookup;
pub mod names;
pub mod parse;
pub mod precedence;
pub mod quote;
pub mod specifiers;
pub mod words;
pub mod write;

pub use document::{Comment, Entry, Line, Section, UnitFile};
pub use error::{ParseError, ParseErrors, ParseProblem, Place, Problem, Warning};
pub use line::one_line;
pub use lookup::{Lookup, parse_unsigned};
pub use names::UnitName;
pub use precedence::{dropin_directories, select_dropins};
pub use quote::{quote_word, quote_words};
pub use words::{split_args, split_words};
