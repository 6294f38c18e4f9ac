//! The service of a unit that cannot be converted, or is gone: it fails when started, and says in its status and journal why.
//! What runs since before that is stopped by it as ever.

use systemd_unit_parser::UnitFile;

use crate::problem::Problem;
use crate::unit::Unit;

/// More problems than this are only counted.
const SHOWN: usize = 20;

/// `EX_CONFIG` of sysexits.h, which systemd shows as `CONFIG`.
const EXIT: u8 = 78;

/// A service that prints the problems as errors and fails. It depends on nothing and keeps `[Install]`, so that enabling
/// the unit shows its failure at boot. Of `broken`, the service as far as it could be converted, it has what stops it.
pub fn stub(unit: &Unit, broken: &[u8], problems: &[&Problem]) -> UnitFile {
    let mut service = UnitFile::new();
    let description = unit.document.lookup("Unit").nonempty("Description").map(str::to_owned);
    service.add(
        "Unit",
        "Description",
        description.unwrap_or_else(|| format!("{} (cannot be used)", unit.name)),
    );
    service.add("Unit", "SourcePath", &*unit.path);
    service.add(
        "Unit",
        "X-UnipodError",
        problems.first().map_or_else(String::new, |problem| first_line(problem)),
    );
    explain(&mut service, problems.iter().map(ToString::to_string));
    if let Ok(broken) = UnitFile::parse(&*unit.name, broken) {
        stop_as_before(&mut service, &broken);
    }
    if let Some(install) = unit.document.section("Install") {
        for entry in install.entries() {
            service.add("Install", entry.key(), entry.value());
        }
    }
    service
}

/// What is left of a running service whose unit is gone. `None` if nothing more than ending its processes is needed to stop it.
pub fn farewell(name: &str, service: &[u8]) -> Option<UnitFile> {
    let before = UnitFile::parse(name, service).ok()?;
    let message = format!("{name}: its unit file is gone; what runs still can be stopped, and not be started again");
    let mut after = UnitFile::new();
    let description = before.lookup("Unit").nonempty("Description").unwrap_or(name).to_owned();
    after.add("Unit", "Description", description);
    after.add("Unit", "X-UnipodError", &message);
    // A member is stopped with its pod, and before it.
    for pod in before.lookup("Unit").lines("BindsTo") {
        after.add("Unit", "BindsTo", pod);
        after.add("Unit", "After", pod);
    }
    explain(&mut after, [message].into_iter());
    stop_as_before(&mut after, &before).then_some(after)
}

/// Starting says why that is impossible, and fails.
fn explain(service: &mut UnitFile, problems: impl ExactSizeIterator<Item = String>) {
    service.add("Service", "Type", "oneshot");
    service.add("Service", "SyslogIdentifier", "%N");
    service.add("Service", "ExecStart", explanation(problems));
}

/// Adds what stops the service `before`; false if it has no such commands. Those that come last are added as well: for a
/// service that runs, and not for one whose start has just failed.
fn stop_as_before(service: &mut UnitFile, before: &UnitFile) -> bool {
    let before = before.lookup("Service");
    let stop = [before.lines("ExecStop"), before.lines("ExecStopPost")].concat();
    // The engine knows from its environment which unit it is in.
    let environment = before.lines("Environment").into_iter().filter(|_| !stop.is_empty());
    for value in environment {
        service.add("Service", "Environment", value);
    }
    for value in &stop {
        service.add("Service", "ExecStop", *value);
    }
    !stop.is_empty()
}

fn first_line(problem: &Problem) -> String {
    problem.to_string().lines().next().unwrap_or_default().to_owned()
}

/// Prints one line of the journal for each line of each problem, with the priority of an error.
fn explanation(problems: impl ExactSizeIterator<Item = String>) -> String {
    let count = problems.len();
    let mut command = format!(
        "/bin/sh -c {} sh",
        word(&format!("printf '<3>%s\\n' \"$@\" >&2; exit {EXIT}"))
    );
    for problem in problems.take(SHOWN) {
        for line in problem.lines() {
            command.push(' ');
            command.push_str(&word(line));
        }
    }
    if let Some(more) = count.checked_sub(SHOWN).filter(|more| *more > 0) {
        command.push(' ');
        command.push_str(&word(&format!("… and {more} more")));
    }
    command
}

/// One word that systemd passes on as it is: without specifiers and variables. Blanks stay readable, since people read
/// this in `systemctl cat`.
fn word(text: &str) -> String {
    let mut word = String::with_capacity(text.len() + 8);
    word.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => word.extend(['\\', c]),
            '%' | '$' => word.extend([c, c]),
            c if c.is_control() => word.push('\u{fffd}'),
            c => word.push(c),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Place;
    use crate::unit::{Reading, UnitType};

    #[test]
    fn says_what_is_wrong_and_keeps_install() {
        let text = b"[Unit]\nAfter=x.target\n[Container]\nFoo=$x %n\n[Install]\nWantedBy=a.target\n";
        let unit = Unit {
            name: "web.container".to_owned(),
            unit_type: UnitType::Container,
            path: "/etc/web.container".into(),
            document: UnitFile::parse("web.container", text).expect("is a unit file"),
            reading: Reading::Whole,
            problems: Vec::new(),
        };
        let problem = Problem::error(Place::line(unit.path.clone(), 4, "Foo=$x %n"), "unknown key");
        let service = stub(
            &unit,
            b"[Service]\nEnvironment=A=b\nExecStart=run\nExecStop=stop web\nExecStopPost=-rm web\n",
            &[&problem],
        )
        .to_string();
        assert_eq!(
            service,
            "[Unit]\nDescription=web.container (cannot be used)\nSourcePath=/etc/web.container\n\
             X-UnipodError=/etc/web.container:4: unknown key\n\n\
             [Service]\nType=oneshot\nSyslogIdentifier=%N\n\
             ExecStart=/bin/sh -c \"printf '<3>%%s\\\\n' \\\"$$@\\\" >&2; exit 78\" sh \
             \"/etc/web.container:4: unknown key\" \"    Foo=$$x %%n\"\nEnvironment=A=b\n\
             ExecStop=stop web\nExecStop=-rm web\n\n[Install]\nWantedBy=a.target\n"
        );
    }

    #[test]
    fn a_farewell_only_stops() {
        let service = b"[Unit]\nDescription=Web\nWants=a.service\nBindsTo=p-pod.service\nAfter=b.service\n[Service]\nEnvironment=A=b\nExecStart=run\n\
                        ExecStop=stop web\nExecStopPost=-rm web\n[Install]\nWantedBy=a.target\n";
        let after = farewell("web.service", service)
            .expect("there is something to stop")
            .to_string();
        let begin = "[Unit]\nDescription=Web\nX-UnipodError=web.service: its unit file is gone";
        let bound = "be started again\nBindsTo=p-pod.service\nAfter=p-pod.service\n\n";
        assert!(after.contains(bound), "{after}");
        let end = "Environment=A=b\nExecStop=stop web\nExecStop=-rm web\n";
        assert!(after.starts_with(begin) && after.ends_with(end), "{after}");
        assert!(!after.contains("ExecStart=run") && after.contains("exit 78"), "{after}");
        let again = farewell("web.service", after.as_bytes()).expect("there is still something to stop");
        assert_eq!(again.to_string(), after);
        assert!(farewell("data-volume.service", b"[Service]\nExecStart=volume create\n").is_none());
    }
}
