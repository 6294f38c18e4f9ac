//! Options of all subcommands, before them or among their own: what `GlobalArgs=` and `ContainersConfModule=` become.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use tracing::level_filters::LevelFilter;

use super::error::CliError;
use super::foreign::{Foreign, ForeignOptions, Table, option, switch};
use super::log;
use unipod::Defaults;
use unipod::bundle::ContainerOptions;
use unipod::config;
use unipod::store::Store;

/// Options of all subcommands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalOptions {
    /// Where images, volumes and containers are kept.
    #[arg(long, value_name = "DIR", env = "UNIPOD_ROOT", global = true)]
    root: Option<PathBuf>,
    /// Where what does not outlive a boot is kept.
    #[arg(long, value_name = "DIR", env = "UNIPOD_RUNROOT", global = true)]
    runroot: Option<PathBuf>,
    /// Messages of this level and above: error, warn, info, debug, trace.
    #[arg(long, value_name = "LEVEL", default_value = "warn", global = true)]
    log_level: LogLevel,
    /// A file of defaults, as containers.conf; by a relative name below containers.conf.modules
    #[arg(long, value_name = "FILE", global = true)]
    module: Vec<PathBuf>,
    /// OCI runtime of new containers, by name or path.
    #[arg(long, value_name = "RUNTIME", global = true)]
    runtime: Option<String>,
    /// Where CDI devices are described, instead of /etc/cdi and /run/cdi; the last directory wins.
    #[arg(long, value_name = "DIR", global = true)]
    cdi_spec_dir: Vec<PathBuf>,
    #[command(flatten)]
    foreign: ForeignOptions<PodmanOnly>,
}

impl GlobalOptions {
    /// Checks the options and sets the log up.
    ///
    /// # Errors
    /// An option of podman's means something here that it cannot have.
    pub fn apply(&self) -> Result<(), CliError> {
        log::to_stderr(self.log_level.0);
        self.foreign.check()?;
        config::set_modules(self.module.clone());
        Ok(())
    }

    /// What they and containers.conf say of new containers and of images; what has no effect is said as well.
    ///
    /// # Errors
    /// A file of containers.conf cannot be read, or says what means nothing.
    pub fn defaults(&self) -> Result<Defaults, CliError> {
        let mut defaults = Defaults::load(&self.module)?;
        self.override_defaults(&mut defaults.options);
        Ok(defaults)
    }

    fn override_defaults(&self, options: &mut ContainerOptions) {
        options.runtime = self.runtime.clone().or(options.runtime.take());
        if !self.cdi_spec_dir.is_empty() {
            options.cdi_spec_dirs.clone_from(&self.cdi_spec_dir);
        }
    }

    /// The store that they choose.
    ///
    /// # Errors
    /// Its directories cannot be made.
    pub fn store(&self) -> Result<Store, CliError> {
        let default = Store::default_roots()?;
        let data = self.root.clone().unwrap_or(default.0);
        Ok(match &self.runroot {
            Some(run) => Store::at(data, run)?,
            None => Store::at_default(&data, &default.1)?,
        })
    }
}

/// A level in any case, by podman's names.
#[derive(Debug, Clone, Copy)]
struct LogLevel(LevelFilter);

impl FromStr for LogLevel {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(match text.to_ascii_lowercase().as_str() {
            "panic" | "fatal" | "error" => LevelFilter::ERROR,
            "warn" | "warning" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return Err("expected error, warn, info, debug or trace"),
        }))
    }
}

/// What podman has before its subcommands and unipod does not.
struct PodmanOnly;

impl Table for PodmanOnly {
    const OPTIONS: &'static [Foreign] = &[
        option("cgroup-manager"),
        option("conmon"),
        option("events-backend"),
        switch("syslog"),
        option("config").refused("credentials are where --authfile says"),
        option("hooks-dir").refused("hooks are not supported"),
        option("imagestore").refused("images are below --root"),
        option("network-cmd-path").refused("pasta is found in PATH"),
        option("network-config-dir").refused("networks are below --root"),
        option("out").refused("redirect the output"),
        option("runtime-flag").refused("give --runtime a script that adds it"),
        option("storage-driver").refused("there is one kind of storage, overlayfs"),
        option("storage-opt").refused("there is one kind of storage, overlayfs, without options"),
        option("tmpdir").refused("what does not outlive a boot is below --runroot"),
        switch("transient-store").refused("what does not outlive a boot is below --runroot"),
        option("volumepath").refused("volumes are below --root"),
        option("connection").refused(NO_REMOTE),
        option("identity").refused(NO_REMOTE),
        switch("remote").refused(NO_REMOTE),
        option("ssh").refused(NO_REMOTE),
        option("tls-ca").refused(NO_REMOTE),
        option("tls-cert").refused(NO_REMOTE),
        option("tls-key").refused(NO_REMOTE),
        option("url").refused(NO_REMOTE),
    ];
}

const NO_REMOTE: &str = "there is no service to connect to; use ssh";

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::super::Cli;
    use unipod::bundle::ContainerOptions;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
    }

    fn overridden(cli: &Cli) -> ContainerOptions {
        let mut options = ContainerOptions {
            runtime: Some("youki".into()),
            cdi_spec_dirs: vec!["/c".into()],
            ..ContainerOptions::default()
        };
        cli.global.override_defaults(&mut options);
        options
    }

    #[test]
    fn levels_have_podmans_names() {
        for (level, expected) in [
            ("Warning", "warn"),
            ("fatal", "error"),
            ("DEBUG", "debug"),
            ("trace", "trace"),
        ] {
            let cli = parse(&format!("unipod ps --log-level {level}")).expect(level);
            assert_eq!(cli.global.log_level.0.to_string(), expected);
        }
        assert!(parse("unipod --log-level loud ps").is_err());
    }

    #[test]
    fn the_oci_runtime_may_be_named_before_or_after_the_subcommand() {
        for line in ["unipod --runtime runc run alpine", "unipod run --runtime runc alpine"] {
            let cli = parse(line).expect(line);
            assert_eq!(overridden(&cli).runtime.as_deref(), Some("runc"), "{line}");
        }
    }

    #[test]
    fn so_may_the_directories_of_cdi_devices() {
        let cli = parse("unipod --cdi-spec-dir /a --cdi-spec-dir /b run alpine").expect("podman has it");
        assert_eq!(overridden(&cli).cdi_spec_dirs, ["/a", "/b"].map(PathBuf::from));
    }

    #[test]
    fn podmans_own_options_are_known() {
        let refusal = |line: &str| parse(line).expect(line).global.foreign.check().err().map(|e| e.message);
        assert_eq!(
            refusal("unipod --cgroup-manager=systemd --syslog --remote=false ps"),
            None
        );
        let refused = refusal("unipod --storage-driver vfs ps");
        assert_eq!(
            refused.as_deref(),
            Some("--storage-driver: there is one kind of storage, overlayfs")
        );
        assert!(parse("unipod --no-such-option ps").is_err());
    }
}
