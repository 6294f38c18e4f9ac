//! The generator as systemd calls it. Touches: the unit directories (reads), the output directory (writes), /dev/kmsg.

use std::env;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use unipod_generator::cli::{self, Options, Request};
use unipod_generator::log::Log;
use unipod_generator::manager::{Manager, header};
use unipod_generator::output::OutputDirectory;
use unipod_generator::{Outcome, Rule, Service, generate, load, parallel, preset, process, search};

fn main() -> ExitCode {
    match cli::parse(env::args_os()) {
        Ok(Request::Version) => print(concat!(env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Request::Help) => {
            eprint!("{}", cli::USAGE);
            ExitCode::SUCCESS
        }
        Ok(Request::Generate(options)) => run(&options),
        Err(message) => {
            eprint!("{message}\n{}", cli::USAGE);
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    let mut log = Log::open(!options.no_kmsg, options.verbose);
    if options.output.is_none() && !options.dry_run {
        log.error("the output directory is missing from the command line");
        return ExitCode::FAILURE;
    }
    let (mut outcome, loaded) = convert_all(options, &mut log);
    if loaded == 0 {
        log.debug(format_args!("there are no unit files"));
    }
    let failed = report(&outcome, &mut log);
    let written = match &options.output {
        _ if options.dry_run => print_services(&outcome.services),
        Some(directory) => deliver(
            std::mem::take(&mut outcome.services),
            directory,
            options.user_mode,
            &mut log,
        ),
        None => true,
    };
    // The process is over: giving every line of every unit back would take longer than writing them.
    std::mem::forget(outcome);
    if failed || !written {
        log.error("some units could not be used, see above");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Search, load, convert. Also returns how many units there are.
fn convert_all(options: &Options, log: &mut Log) -> (Outcome, usize) {
    let environment = process::environment(options.user_mode);
    let host = process::host(options.user_mode);
    let mut found = search(&environment);
    for complaint in &found.complaints {
        log.warn(complaint);
    }
    let mut problems = std::mem::take(&mut found.problems);
    let units = load::load(&found, &mut problems);
    for unit in &units {
        log.debug(format_args!("reading {}", unit.path));
    }
    let loaded = units.len();
    let mut outcome = generate(units, &host);
    outcome.problems.splice(0..0, problems);
    (outcome, loaded)
}

/// Logs all problems; returns whether there is an error among them.
fn report(outcome: &Outcome, log: &mut Log) -> bool {
    for problem in &outcome.problems {
        let text = problem.to_string();
        match problem.rule {
            _ if problem.is_error() => log.error(&text),
            Rule::ShortImageName => log.warn_aloud(&text),
            _ => log.warn(&text),
        }
    }
    for remark in &outcome.remarks {
        log.warn(remark);
    }
    outcome.problems.iter().any(unipod_generator::Problem::is_error)
}

fn print_services(services: &[Service]) -> bool {
    let mut text = Vec::new();
    for service in services {
        text.extend_from_slice(format!("---{}---\n", service.file_name).as_bytes());
        text.extend_from_slice(&service.content);
        text.push(b'\n');
    }
    print_bytes(&text)
}

fn print(text: &str) -> ExitCode {
    if print_bytes(text.as_bytes()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A reader that has seen enough is no failure.
fn print_bytes(text: &[u8]) -> bool {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) => error.kind() == ErrorKind::BrokenPipe,
        Ok(()) => true,
    }
}

/// Writes the services to where they can be enabled, if it is systemd that calls, else to the directory given.
fn deliver(mut services: Vec<Service>, directory: &Path, user_mode: bool, log: &mut Log) -> bool {
    let manager = Manager::of(directory, &process::environment(user_mode));
    let tidied = manager.as_ref().map(|manager| manager.tidy(&services));
    let (Some(manager), Some(Ok(tidied))) = (manager, tidied) else {
        return write_last(services, directory, false, log);
    };
    if !services.is_empty() && !manager.takes_units() {
        return write_last(services, directory, false, log);
    }
    let decided = preset::apply(&manager, &services);
    for service in &mut services {
        service.links.clear();
    }
    let (mut generated, mut units): (Vec<_>, Vec<_>) = services
        .into_iter()
        .partition(|service| tidied.taken.contains(&service.file_name));
    units.extend(tidied.leaving);
    if let Err(undecided) = decided {
        let (record, error) = (manager.record.display(), &undecided.error);
        if undecided.later.is_some() {
            log.debug(format_args!("{record}: {error}; this is tried again later"));
        } else {
            log.error(&format!(
                "{record}: {error}: nothing is enabled or disabled until this is removed or put right"
            ));
        }
        generated.extend(undecided.later);
    }
    let written = write_last(units, &manager.units, true, log);
    write_last(generated, directory, false, log) && written
}

/// Writes what is not needed any more, and leaves giving it back to the end of the process, as [`run`] does.
fn write_last(services: Vec<Service>, directory: &Path, managed: bool, log: &mut Log) -> bool {
    let written = write(&services, directory, managed, log);
    std::mem::forget(services);
    written
}

/// Writes all services and links; whatever fails is logged, the rest is written. Returns whether all files are.
/// `managed`: a later run removes what has no unit file any more.
fn write(services: &[Service], directory: &Path, managed: bool, log: &mut Log) -> bool {
    if services.is_empty() {
        return true;
    }
    let output = match OutputDirectory::open(directory) {
        Ok(output) => output,
        Err(error) => {
            log.error(&format!(
                "{}: this directory cannot be used: {error}",
                directory.display()
            ));
            return false;
        }
    };
    let header = header(&env::args_os().next().unwrap_or_default(), managed);
    for service in services {
        log.debug(format_args!("writing {}", service.file_name));
    }
    let written = parallel::map(services, |service| {
        let links: Vec<io::Result<()>> = service.links.iter().map(|link| output.link(link)).collect();
        (
            output.write(&service.file_name, [header.as_bytes(), &service.content]),
            links,
        )
    });
    let mut complete = true;
    for (service, (written, linked)) in services.iter().zip(written) {
        if let Err(error) = written {
            let path = directory.join(&service.file_name);
            log.error(&format!("{}: cannot be written: {error}", path.display()));
            complete = false;
        }
        for (link, linked) in service.links.iter().zip(linked) {
            if let Err(error) = linked {
                let path = directory.join(&link.path);
                log.error(&format!("{}: cannot be made: {error}", path.display()));
            }
        }
    }
    complete
}
