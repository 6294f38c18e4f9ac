//! `.build` units: `[Build]` becomes a one-shot `build`.

use crate::convert::Conversion;
use crate::emit::Command;
use crate::handlers::{self, storage};
use crate::keys::{
    Emit::{Elsewhere, Joined, Pair, Switch, Verbatim, With},
    Key,
    Kind::{Arguments, Boolean, Lines, Map, Scalar},
    key,
};

/// The keys of `[Build]`, in the order of their options.
#[rustfmt::skip]
pub static KEYS: &[Key] = &[
    key("ContainersConfModule", Lines, "5.2", Elsewhere, "Load this containers.conf(5) module"),
    key("GlobalArgs", Arguments, "5.2", Elsewhere, "Arguments between the program and its subcommand"),
    key("Pull", Scalar, "5.2", Joined("--pull"), "When base images are pulled: always, missing, never, newer"),
    key("Arch", Scalar, "5.2", Pair("--arch"), "Architecture to build for"),
    key("AuthFile", Scalar, "5.2", Pair("--authfile"), "File with the registry's credentials"),
    key("IgnoreFile", Scalar, "5.7", Pair("--ignorefile"), "File that lists what is not sent to the build"),
    key("Target", Scalar, "5.2", Pair("--target"), "The stage to build"),
    key("Variant", Scalar, "5.2", Pair("--variant"), "Variant of the architecture"),
    key("Retry", Scalar, "5.5", Pair("--retry"), "How often a failing pull is tried again"),
    key("RetryDelay", Scalar, "5.5", Pair("--retry-delay"), "Time between two tries of a pull"),
    key("TLSVerify", Boolean, "5.2", Switch("--tls-verify"), "Check the registry's certificate"),
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
    key("Network", Lines, "5.2", With(handlers::networks), "Network mode, network, .network or .container unit"),
    key("Secret", Arguments, "5.2", Pair("--secret"), "Secret for the build, id=ID,src=PATH"),
    key("Volume", Lines, "5.2", With(storage::volumes), "Mount SOURCE:DESTINATION:OPTIONS during the build"),
    key("File", Scalar, "5.2", Pair("--file"), "The Containerfile"),
    key("PodmanArgs", Arguments, "5.2", Verbatim, "Further options of build"),
    key("SetWorkingDirectory", Scalar, "5.2", With(context), "Where the build starts from: file, unit, a directory or a URL"),
    key("ServiceName", Scalar, "5.3", Elsewhere, "Name of the service, without .service"),
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
    handlers::one_shot(c, false);
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
            let directory = handlers::directory_of(&handlers::unit_relative(c.unit, &base));
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
    !handlers::is_specifier_path(file) && !file.starts_with('/') && !is_url(file)
}

/// What the reference takes for a URL; nothing else is fetched.
fn is_url(text: &str) -> bool {
    let names_github = text.split_once("github.com/").is_some_and(|(_, rest)| !rest.is_empty());
    text.starts_with("http") || text.starts_with("git://") || names_github
}
