//! The command line, as systemd and people write it: single or double dashes, `-flag` or `-flag=BOOLEAN`, then the
//! output directories, of which the first counts.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What `-h` prints.
pub const USAGE: &str = "\
usage: unipod-generator [-dryrun] [-user] [-v] [-no-kmsg-log] [-version] OUTPUT-DIRECTORY [EARLY] [LATE]

Turns the unit files below /etc/containers/systemd into systemd services.

  -dryrun, -dry-run   print the services instead of writing them
  -user               look where users keep their units
  -v                  tell what is done
  -no-kmsg-log        log to standard error, not to the kernel's log
  -version            print the version
";

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Print the version.
    Version,
    /// Print the usage.
    Help,
    /// Generate.
    Generate(Options),
}

/// How to generate.
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Print, do not write.
    pub dry_run: bool,
    /// Work for a user manager.
    pub user_mode: bool,
    /// Log what is done.
    pub verbose: bool,
    /// Log to standard error only.
    pub no_kmsg: bool,
    /// Where services are written.
    pub output: Option<PathBuf>,
}

/// Reads the command line. The program's name decides about user mode, unless a flag does.
///
/// # Errors
/// A flag that does not exist or has no boolean value: what to tell the user.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Request, String> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_default();
    let base_name = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut options = Options {
        user_mode: base_name.contains("user"),
        ..Options::default()
    };
    let (mut version, mut help) = (false, false);
    for argument in arguments.by_ref() {
        let text = argument.to_string_lossy().into_owned();
        if text == "--" {
            break;
        }
        let Some(flag) = text.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            options.output = Some(argument.into());
            break;
        };
        let flag = flag.strip_prefix('-').unwrap_or(flag);
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        let target = match name {
            "dryrun" | "dry-run" => &mut options.dry_run,
            "user" => &mut options.user_mode,
            "v" => &mut options.verbose,
            "no-kmsg-log" => &mut options.no_kmsg,
            "version" => &mut version,
            "h" | "help" => &mut help,
            _ => return Err(format!("flag provided but not defined: -{name}")),
        };
        *target = boolean(value).ok_or_else(|| format!("invalid boolean value \"{value}\" for -{name}"))?;
    }
    if options.output.is_none() {
        options.output = arguments.next().map(PathBuf::from);
    }
    options.verbose |= options.dry_run;
    options.no_kmsg |= options.dry_run;
    match (help, version) {
        (true, _) => Ok(Request::Help),
        (false, true) => Ok(Request::Version),
        (false, false) => Ok(Request::Generate(options)),
    }
}

fn boolean(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(line: &str) -> Options {
        match parse(line.split(' ').map(OsString::from)) {
            Ok(Request::Generate(options)) => options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn reads_flags_until_the_first_directory() {
        let all = options("g --dry-run -user=1 --no-kmsg-log out early late");
        assert!(all.dry_run && all.user_mode && all.no_kmsg && all.verbose);
        assert_eq!(all.output, Some("out".into()));
        assert!(!options("g out -dryrun").dry_run);
        assert!(!options("g -v=false out").verbose);
        assert_eq!(options("g -v -- -out").output, Some("-out".into()));
        assert_eq!(options("g -v").output, None);
    }

    #[test]
    fn the_name_decides_about_user_mode() {
        assert!(options("/usr/lib/unipod-user-generator out").user_mode);
        assert!(!options("/home/user/unipod-generator out").user_mode);
        assert!(!options("unipod-user-generator -user=false out").user_mode);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in ["g -x", "g --dryrun=maybe", "g ---v", "g -=1"] {
            assert!(parse(line.split(' ').map(OsString::from)).is_err(), "{line}");
        }
        assert_eq!(parse(["g", "-version"].map(OsString::from)), Ok(Request::Version));
        assert_eq!(parse(["g", "--help"].map(OsString::from)), Ok(Request::Help));
    }
}
