//! `.build` units: `[Build]` becomes a one-shot `build`.

use crate::conversion::Conversion;
use crate::emit::Command;
use crate::handlers::{service, storage};
use crate::keys::{
    Emit::{Always, Joined, Pair, Switch, Verbatim, With},
    Key,
    Kind::{Arguments, Boolean, Lines, Map, Scalar},
    key,
};
use crate::paths;
use crate::shared::shared;

/// The keys of `[Build]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    shared("ContainersConfModule", "5.2"),
    shared("GlobalArgs", "5.2"),
    key("Pull", Scalar, "5.2", Joined("--pull"), "When base images are pulled: always, missing, never, newer"),
    key("Arch", Scalar, "5.2", Pair("--arch"), "Architecture to build for"),
    shared("AuthFile", "5.2"),
    key("IgnoreFile", Scalar, "5.7", Pair("--ignorefile"), "File that lists what is not sent to the build"),
    key("Target", Scalar, "5.2", Pair("--target"), "The stage to build"),
    shared("Variant", "5.2"),
    shared("Retry", "5.5"),
    shared("RetryDelay", "5.5"),
    shared("TLSVerify", "5.2"),
    key("ForceRM", Boolean, "5.2", Switch("--force-rm"), "Remove intermediate containers even after a failure"),
    key("DNS", Lines, "5.2", Pair("--dns"), "Name server during the build"),
    key("DNSOption", Lines, "5.2", Pair("--dns-option"), "Resolver option during the build"),
    key("DNSSearch", Lines, "5.2", Pair("--dns-search"), "Search domain during the build"),
    key("GroupAdd", Lines, "5.2", Pair("--group-add"), "Supplementary group of the build's processes"),
    key("ImageTag", Lines, "5.2", Pair("--tag"), "Name of the image; other units get the first"),
    key("BuildArg", Map, "5.7", Pair("--build-arg"), "Build arguments, NAME=VALUE"),
    key("Environment", Map, "5.2", Pair("--env"), "Environment variables of the image, NAME=VALUE"),
    key("Label", Map, "5.2", Pair("--label"), "Labels of the image, NAME=VALUE"),
    key("Annotation", Map, "5.2", Pair("--annotation"), "Annotations of the image, NAME=VALUE"),
    shared("Network", "5.2"),
    key("Secret", Arguments, "5.2", Pair("--secret"), "Secret for the build, id=ID,src=PATH"),
    key("Volume", Lines, "5.2", With(storage::volumes), "Mount SOURCE:DESTINATION:OPTIONS during the build"),
    key("File", Scalar, "5.2", Pair("--file"), "The Containerfile"),
    key("PodmanArgs", Arguments, "5.2", Verbatim, "Further options of build"),
    key("SetWorkingDirectory", Scalar, "5.2", Always(context), "Where the build starts from: file, unit, a directory or a URL"),
    shared("ServiceName", "5.3"),
];

/// Converts one `.build` unit.
pub fn convert(c: &mut Conversion<'_>) {
    if c.section.lines("ImageTag").is_empty() {
        c.error_section("ImageTag= is not set");
    }
    let mut command = c.base("");
    command.word("build");
    c.emit(KEYS, &mut command);
    c.add_service("ExecStart", command.into_line());
    // Without RemainAfterExit= every start that needs the image builds it again, as in the reference.
    service::one_shot(c, false);
}

/// What `SetWorkingDirectory=` asks for.
struct Wish {
    /// The service works in this file's directory.
    base: Option<String>,
    /// The build starts from here.
    context: Option<String>,
}

/// Settles the service's working directory, then adds the build's context, the last word.
fn context(c: &mut Conversion<'_>, command: &mut Command) {
    let Some(wish) = wish(c) else { return };
    let given = c.service.nonempty("WorkingDirectory").map(str::to_owned);
    let mut context = wish.context;
    let directory = match (wish.base, given) {
        (Some(_), Some(given)) => {
            context = None;
            Some(given)
        }
        (Some(base), None) => {
            let directory = paths::directory_of(&paths::unit_relative(c.unit, &base));
            c.add_service("WorkingDirectory", directory.clone());
            Some(directory)
        }
        (None, given) => given,
    };
    let file = c.section.nonempty("File");
    if let Some(context) = context {
        command.word(&context);
    } else if file.is_none_or(is_relative) {
        match (directory, file) {
            (Some(directory), _) => drop(command.word(&directory)),
            (None, None) => c.error_section("neither SetWorkingDirectory= nor File= is set"),
            (None, Some(_)) => c.error_at("File", "a relative File= needs SetWorkingDirectory="),
        }
    }
}

/// `None` after an error.
fn wish(c: &mut Conversion<'_>) -> Option<Wish> {
    let Some((entry, value)) = c.text_entry("SetWorkingDirectory") else {
        return Some(Wish {
            base: None,
            context: None,
        });
    };
    let unit_file = c.unit.path.to_string();
    match value.to_ascii_lowercase().as_str() {
        "yaml" => {
            c.error(entry, "SetWorkingDirectory=yaml is for .kube units");
            None
        }
        "file" if !c.section.has("File") => {
            c.error(entry, "SetWorkingDirectory=file needs File=");
            None
        }
        "file" => Some(Wish {
            base: c.section.nonempty("File").map(str::to_owned),
            context: None,
        }),
        "unit" => Some(Wish {
            base: Some(unit_file),
            context: None,
        }),
        _ if value.starts_with('/') || is_url(value) => Some(Wish {
            base: None,
            context: Some(value.to_owned()),
        }),
        _ => Some(Wish {
            base: Some(unit_file),
            context: Some(value.to_owned()),
        }),
    }
}

/// Whether a Containerfile is looked up in the working directory.
fn is_relative(file: &str) -> bool {
    !paths::is_specifier_path(file) && !file.starts_with('/') && !is_url(file)
}

/// What the reference takes for a URL; nothing else is fetched.
fn is_url(text: &str) -> bool {
    let names_github = text.split_once("github.com/").is_some_and(|(_, rest)| !rest.is_empty());
    text.starts_with("http") || text.starts_with("git://") || names_github
}
