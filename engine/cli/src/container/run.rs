//! `unipod run` and `unipod create`.

use std::path::Path;

use clap::Args;
use nix::unistd::geteuid;

use super::exec::has_terminal;
use crate::error::CliError;
use crate::output;
use crate::pod::new_pod;
use crate::progress;
use crate::run_options::{self, LifecycleOptions, RunOptions};
use unipod::bundle::ContainerOptions;
use unipod::container::create::{Created, Supervisor};
use unipod::container::record::{self, Lifecycle, Record, SdNotify, UnitUse};
use unipod::container::remove::{self, RemoveOptions};
use unipod::container::{Attendance, ContainerError, foreground, start};
use unipod::image::Image;
use unipod::pod::{Pod, ending, member, record as pods, service};
use unipod::store::{self, Store};
use unipod::systemd::Invocation;
use unipod::{Defaults, NewContainer};

/// The exit code of what the engine itself could not do (podman-run(1)).
const ENGINE_FAILED: u8 = 125;

/// Run a command in a new container.
///
/// In a unit with -d, the container's processes become the unit's and the engine is gone. On the command line, -d makes
/// a transient unit, unipod-NAME.service, and without it the container stays in the foreground.
///
/// Example: unipod run -d --name web -p 8080:80 docker.io/library/nginx
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    options: RunOptions,
}

/// Make a container without starting it.
///
/// Example: unipod create --name web docker.io/library/nginx && unipod start web
#[derive(Debug, Args)]
pub struct CreateArgs {
    #[command(flatten)]
    options: RunOptions,
}

impl RunArgs {
    /// Does it; what the options do not say is that of `defaults`. The exit code is the container's own where it stays in the
    /// foreground.
    pub fn run(self, store: &Store, defaults: Defaults) -> Result<u8, CliError> {
        let (mut options, lifecycle) = self.options.split(defaults)?;
        // What comes by a pipe comes by no terminal. Without -i there is nothing to come, and the container has one.
        if options.tty && options.interactive && !lifecycle.detach {
            options.tty = has_terminal();
        }
        match (Invocation::current(), lifecycle.detach) {
            (Some(unit), true) => run_in_unit(store, options, &lifecycle, &unit),
            (None, true) => run_as_transient(store, options, &lifecycle),
            (unit, false) => run_in_foreground(store, options, &lifecycle, unit.as_ref()),
        }
    }
}

impl CreateArgs {
    /// Does it; what the options do not say is that of `defaults`.
    pub fn run(self, store: &Store, defaults: Defaults) -> Result<u8, CliError> {
        let (options, lifecycle) = self.options.split(defaults)?;
        if !lifecycle.pid_files.is_empty() {
            return Err(
                CliError::new("--pidfile: a container that is only made has no process yet")
                    .hint("use it with `run -d`, or ask `unipod inspect -f '{{.State.Pid}}'` after the start"),
            );
        }
        let record = make_transient(store, options, &lifecycle)?;
        output::print_line(record.id.as_str());
        Ok(0)
    }
}

/// The path of every generated service.
fn run_in_unit(
    store: &Store,
    options: ContainerOptions,
    lifecycle: &LifecycleOptions,
    unit: &Invocation,
) -> Result<u8, CliError> {
    let (mut created, image) = make(store, options, lifecycle, supervisor(Some(unit)))?;
    let pod = member::shared(store, &created.record)?;
    let started = start::start(
        store,
        &mut created.record,
        image.as_ref(),
        Attendance::Leaves,
        pod.as_ref(),
    )?;
    write_files(&created.record, lifecycle, started.process.pid)?;
    start::hand_over(store, &created.record, started)?;
    Ok(0)
}

fn run_as_transient(store: &Store, options: ContainerOptions, lifecycle: &LifecycleOptions) -> Result<u8, CliError> {
    refuse_on_command_line(lifecycle)?;
    let record = make_transient(store, options, lifecycle)?;
    if let Err(error) = super::start::start_unit(store, &record) {
        // What the engine refuses was never a container; one whose program cannot be run can be looked at.
        if error.code == ENGINE_FAILED {
            take_back(store, &record)?;
        }
        return Err(error);
    }
    if let Err(error) = write_pid_files(store, &record, lifecycle) {
        return take_back(store, &record).and(Err(error));
    }
    output::print_line(record.id.as_str());
    Ok(0)
}

/// A container that has ended already has no PID any more.
fn write_pid_files(store: &Store, record: &Record, lifecycle: &LifecycleOptions) -> Result<(), CliError> {
    if lifecycle.pid_files.is_empty() {
        return Ok(());
    }
    let now = record::by_name(store, &record.name)?.filter(|now| now.id == record.id);
    let process = now.and_then(|now| now.process);
    process.map_or(Ok(()), |init| write_files(record, lifecycle, init.pid))
}

/// Before an image is pulled, whose files cannot get their owners.
fn refuse_users() -> Result<(), CliError> {
    if geteuid().is_root() {
        return Ok(());
    }
    Err(CliError::new("containers without root are not supported yet")
        .hint("run it as root, or in a unit of the system"))
}

/// What is known and not there yet is refused by name: nobody shall believe that it works.
fn refuse_unsupported(lifecycle: &LifecycleOptions) -> Result<(), CliError> {
    let LifecycleOptions {
        requires,
        remove_image,
        timeout,
        preserve_fds,
        cgroup_parent,
        ..
    } = lifecycle;
    let refused = [
        (
            "--requires",
            !requires.is_empty(),
            "not supported yet; let the units depend on each other (Requires=, After=)",
        ),
        ("--rmi", *remove_image, "not supported yet; see: unipod image prune"),
        (
            "--timeout",
            timeout.is_some(),
            "not supported yet; set RuntimeMaxSec= in the unit",
        ),
        (
            "--preserve-fds",
            *preserve_fds > 0,
            "not supported yet; socket activation passes descriptors on by itself",
        ),
        (
            "--cgroup-parent",
            cgroup_parent.is_some(),
            "the container lives in its unit's cgroup; set Slice= in the unit",
        ),
    ];
    let first = refused.into_iter().find(|(_, given, _)| *given);
    first.map_or(Ok(()), |(option, _, why)| {
        Err(CliError::new(format!("{option}: {why}")))
    })
}

/// A container that was promised a limit must not run without it.
fn refuse_limits_without_group(options: &ContainerOptions, lifecycle: &LifecycleOptions) -> Result<(), CliError> {
    let limits = options.resources.settings()?;
    let limit = limits.first().filter(|_| lifecycle.no_cgroup);
    limit.map_or(Ok(()), |limit| {
        Err(CliError::new(format!(
            "--cgroups=disabled and {} contradict each other: without a control group nothing is limited",
            limit.option
        )))
    })
}

/// Combinations that cannot work, before anything is made for them.
fn refuse_on_command_line(lifecycle: &LifecycleOptions) -> Result<(), CliError> {
    let restarts = lifecycle
        .restart
        .as_deref()
        .is_some_and(|policy| !matches!(policy, "" | "no"));
    if lifecycle.remove && restarts {
        return Err(CliError::new(
            "--rm and --restart contradict each other: a removed container cannot be started again",
        ));
    }
    Ok(())
}

fn run_in_foreground(
    store: &Store,
    options: ContainerOptions,
    lifecycle: &LifecycleOptions,
    unit: Option<&Invocation>,
) -> Result<u8, CliError> {
    let (created, image) = make(store, options, lifecycle, supervisor(unit))?;
    let written = |record: &Record, pid: u32| write_files(record, lifecycle, pid);
    let made = created.record.clone();
    let ended = service::program()
        .and_then(|program| service::bring_up_of(store, &made, &program))
        .and_then(|()| member::shared(store, &made))
        .map_err(CliError::from)
        .and_then(|pod| foreground::run(store, created, image.as_ref(), pod.as_ref(), lifecycle.shown, &written));
    ending::after(store, &made)?;
    if ended.as_ref().is_err_and(|error| error.code == ENGINE_FAILED) && !has_lived(store, &made)? {
        take_back(store, &made)?;
    }
    ended
}

/// Whether it has run, and may have left something that somebody wants.
fn has_lived(store: &Store, made: &Record) -> Result<bool, CliError> {
    let now = record::by_name(store, &made.name)?.filter(|now| now.id == made.id);
    Ok(now.is_none_or(|now| now.started.is_some()))
}

/// Image and record.
fn make(
    store: &Store,
    options: ContainerOptions,
    lifecycle: &LifecycleOptions,
    supervisor: Supervisor,
) -> Result<(Created, Option<Image>), CliError> {
    let mut options = options;
    refuse_users()?;
    refuse_unsupported(lifecycle)?;
    refuse_limits_without_group(&options, lifecycle)?;
    let in_unit = matches!(supervisor, Supervisor::Unit(_));
    let pod = pod_of(store, lifecycle, &mut options)?;
    let progress = progress::of_start(in_unit, lifecycle.quiet);
    let new = NewContainer {
        lifecycle: Lifecycle {
            rm: lifecycle.remove,
            sdnotify: sdnotify(lifecycle.sdnotify),
            tty: options.tty,
            interactive: options.interactive,
            restart: lifecycle.restart.clone(),
            log_driver: lifecycle.log_driver,
            log_tag: lifecycle.log_tag.clone(),
            no_cgroup: lifecycle.no_cgroup,
            cid_file: lifecycle.cid_file.as_ref().map(std::path::absolute).transpose()?,
        },
        options,
        pull: lifecycle.pull.clone(),
        replace: lifecycle.replace,
        pod,
    };
    unipod::make(store, new, supervisor, progress.as_ref(), || check_files(lifecycle))
}

/// The pod that the container is to be in; one that is asked for with `new:` is made.
fn pod_of(
    store: &Store,
    lifecycle: &LifecycleOptions,
    options: &mut ContainerOptions,
) -> Result<Option<Pod>, CliError> {
    let name = match (&lifecycle.pod, &lifecycle.pod_id_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(CliError::new("--pod and --pod-id-file contradict each other")),
        (Some(name), None) => name.clone(),
        (None, Some(file)) => store::named::read(file)
            .map(|id| id.trim().to_owned())
            .map_err(|error| {
                CliError::new(format!(
                    "--pod-id-file {}: cannot read this file: {error}",
                    file.display()
                ))
            })?,
    };
    match name.strip_prefix("new:") {
        Some(new) => new_pod(store, new, options).map(Some),
        None => Ok(Some(pods::find(store, &name)?)),
    }
}

fn sdnotify(option: run_options::SdNotify) -> SdNotify {
    match option {
        run_options::SdNotify::Container => SdNotify::Container,
        run_options::SdNotify::Conmon => SdNotify::Conmon,
        run_options::SdNotify::Healthy => SdNotify::Healthy,
        run_options::SdNotify::Ignore => SdNotify::Ignore,
    }
}

/// Who we are: a unit's command, or somebody's who waits.
fn supervisor(unit: Option<&Invocation>) -> Supervisor {
    unit.map_or(Supervisor::Engine, |unit| {
        Supervisor::Unit(UnitUse {
            name: unit.unit.clone(),
            invocation: unit.id.clone(),
        })
    })
}

/// A container that will live as a transient unit.
fn make_transient(store: &Store, options: ContainerOptions, lifecycle: &LifecycleOptions) -> Result<Record, CliError> {
    let (Created { record, lock }, _) = make(store, options, lifecycle, Supervisor::Transient)?;
    let written = lifecycle
        .cid_file
        .as_ref()
        .map_or(Ok(()), |file| write_file(file, record.id.as_str()));
    drop(lock);
    match written {
        Ok(()) => Ok(record),
        Err(error) => take_back(store, &record).and(Err(error)),
    }
}

/// Removes a container that was made and could not be started.
fn take_back(store: &Store, record: &Record) -> Result<(), CliError> {
    let options = RemoveOptions {
        force: true,
        volumes: true,
        timeout: Some(0),
    };
    match remove::remove(store, record, options) {
        Ok(()) | Err(ContainerError::NotFound(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn write_files(record: &Record, lifecycle: &LifecycleOptions, pid: u32) -> Result<(), CliError> {
    if let Some(file) = &lifecycle.cid_file {
        write_file(file, record.id.as_str())?;
    }
    for file in &lifecycle.pid_files {
        write_file(file, &pid.to_string())?;
    }
    Ok(())
}

/// Whether the files that were asked for can be written later.
fn check_files(lifecycle: &LifecycleOptions) -> Result<(), CliError> {
    for file in lifecycle.cid_file.iter().chain(&lifecycle.pid_files) {
        let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
        rustix::fs::access(dir.unwrap_or(Path::new(".")), rustix::fs::Access::WRITE_OK)
            .map_err(|e| cannot_write(file, &e.into()))?;
    }
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new(format!("cannot write {}: {error}", path.display()))
}

fn write_file(path: &Path, text: &str) -> Result<(), CliError> {
    store::named::write(path, text).map_err(|e| cannot_write(path, &e))
}
