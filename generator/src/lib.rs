//! Turns Quadlet unit files (`.container`, `.volume`, `.network`, `.image`, `.pod`, `.kube`, `.build`, `.artifact`) into
//! systemd services. The binary of the same name is a systemd generator (systemd.generator(7)).
//!
//! A run has stages, and each knows only what it needs: search → load → drop-ins → names → convert → render. The
//! environment, the user and the root directory come in as values; only [`process`] reads them.
//!
//! The output is that of Podman's generator (compared with 5.8.6), word for word, and works with podman, with these
//! differences:
//!
//! - a unit that cannot be converted yields a service that fails and says why ([`stub`]); all its problems are told at
//!   once, with file, line and the line itself; who refers to it fails with it and names its reason;
//! - one unreadable file costs that file only, and so does one of more than 1000 sections or a million lines, a
//!   pipe, a socket, a device;
//! - of several units with one service name the last one that can be used has it, the others are warned about (Podman says nothing);
//! - an error is also what systemd would ignore without a word to the user: a service name that it does not accept, text
//!   that is not UTF-8; and `DynamicUser=`, with which nothing works;
//! - an empty argument is written as `""` and stays one, and so is the empty value of an option; elsewhere an empty word
//!   asks for nothing;
//! - lines continue as in systemd: joined by one space, not behind a doubled backslash, up to the end of the file;
//! - what is read in a surprising way is warned about: literal quotes, odd booleans, bad escapes;
//! - an instance of a volume or network has the whole name of its instance, the one its template gives it;
//! - a volume's `User=` and `Group=` may be names of the host, which become numbers; a number that is none, or above 2147483647, is
//!   an error (Podman takes 0, which is root, with a warning); a container's service may have `User=` and `Group=`;
//! - as in Podman 6: a volume may have `UID=` and `GID=`, and `Options=` without `Device=`; a mounted volume needs no
//!   source; a pod may have a `Restart=` of its own, and starts no templates; users have directories of the distribution;
//! - users get the directories of their own id only, and those before the ones for all users; the system gets none;
//! - an alias does not take the place of another unit's service;
//! - services can be enabled and disabled ([`manager`], [`preset`]), if it is systemd that calls; one that runs while its
//!   unit file goes can still be stopped as before ([`stub`]);
//! - a pod of unipod has no process, so its service is `Type=notify` and names no `PIDFile=`; with podman it is as ever;
//! - options come in one fixed order; files are replaced as a whole, and only if they change.
//!
//! | module                                    | job                                                               |
//! |-------------------------------------------|-------------------------------------------------------------------|
//! | [`places`], [`mod@search`]                | the search path; what is on it                                    |
//! | [`load`], [`merge_dropins`], `read`       | files into units; drop-ins into them; the content of a file       |
//! | [`mod@unit`], [`names`]                   | a unit, its type; service and resource names, references          |
//! | [`claims`]                                | which unit gets the service that it names                         |
//! | [`container`] … [`artifact`]              | one file per type: its table of keys and its service              |
//! | [`mod@shared`]                            | the keys that several types have                                  |
//! | [`handlers`], [`mount`], [`preamble`]     | rules that types share                                            |
//! | [`paths`]                                 | paths, told from their text                                       |
//! | [`mod@convert`], [`conversion`]           | the conversion of one unit; what all conversions work with        |
//! | `tables`                                  | which table of keys, and which conversion, a type has             |
//! | [`host`], [`locate`]                      | what may be known of the machine; where in its files something stands |
//! | [`keys`], [`option_words`], [`emit`]      | the tables' vocabulary, options from their rows, command lines    |
//! | [`text`]                                  | the unit's own lines and the added ones become the service        |
//! | [`mod@generate`]                          | all units of a run; failures and who fails with them              |
//! | [`suggest`], [`parallel`]                 | the nearest name; work by all processors                          |
//! | [`stub`], [`install`]                     | services that explain an error, links                             |
//! | [`problem`], [`rule`]                     | what is wrong, where, and of what kind                            |
//! | [`mod@reference`]                         | the tables as a document                                          |
//! | [`mod@check`]                             | more about units than a conversion needs to know: for people, not at boot |
//! | [`process`]                               | the environment and the user of this process                      |
//! | [`cli`], [`log`], [`output`]              | systemd's protocol: arguments, messages, files                    |
//! | [`manager`], [`preset`]                   | a service manager's directories; `[Install]` until somebody decides |

pub mod artifact;
pub mod build;
pub mod check;
pub mod claims;
pub mod cli;
pub mod container;
pub mod conversion;
pub mod convert;
pub mod emit;
pub mod generate;
pub mod handlers;
pub mod host;
pub mod image;
pub mod install;
pub mod keys;
pub mod kube;
pub mod load;
pub mod locate;
pub mod log;
pub mod manager;
pub mod merge_dropins;
pub mod mount;
pub mod names;
pub mod network;
pub mod option_words;
pub mod output;
pub mod parallel;
pub mod paths;
pub mod places;
pub mod pod;
pub mod preamble;
pub mod preset;
pub mod problem;
pub mod process;
mod read;
pub mod reference;
pub mod rule;
pub mod search;
pub mod shared;
pub mod stub;
pub mod suggest;
mod tables;
pub mod text;
pub mod unit;
pub mod volume;

pub use generate::{Outcome, Service, generate};
pub use host::Host;
pub use places::Environment;
pub use problem::{Place, Problem, Severity, Span};
pub use rule::Rule;
pub use search::{Found, search};
pub use unit::{Unit, UnitType};

/// The engine's installed place, unless the environment names another: in the directory that the build was told.
pub fn engine_path() -> String {
    format!("{}/unipod", option_env!("UNIPOD_BINDIR").unwrap_or("/usr/bin"))
}
