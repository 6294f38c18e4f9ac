//! What every conversion does first: unknown keys, unit names in dependencies, ordering after the network.

use systemd_unit_parser::Entry;

use crate::conversion::Conversion;
use crate::locate::place_of_key;
use crate::problem::{MOST, Problem, shorten};
use crate::rule::Rule;
use crate::unit::UnitType;
use crate::{handlers, suggest};

/// The keys of `[Unit]` in which unit file names become service names, in the order of rewriting.
pub(crate) const DEPENDENCIES: [&str; 15] = [
    "After",
    "Before",
    "BindsTo",
    "Conflicts",
    "OnFailure",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "ReloadPropagatedFrom",
    "Requires",
    "Requisite",
    "StopPropagatedFrom",
    "Upholds",
    "Wants",
];

/// Keys that people look for in a type's own section, and where they belong.
const ELSEWHERE: [(&str, &[&str]); 3] = [
    (
        "Unit",
        &[
            "After",
            "Before",
            "BindsTo",
            "Conflicts",
            "Description",
            "Documentation",
            "PartOf",
            "Requires",
            "Wants",
        ],
    ),
    (
        "Service",
        &[
            "CPUQuota",
            "ExecStartPost",
            "ExecStartPre",
            "ExecStopPost",
            "MemoryMax",
            "Restart",
            "RestartSec",
            "TimeoutStartSec",
            "TimeoutStopSec",
            "Type",
        ],
    ),
    ("Install", &["Alias", "RequiredBy", "UpheldBy", "WantedBy"]),
];

/// Steps 1 to 7 of the common preamble.
pub fn prepare(c: &mut Conversion<'_>) {
    check_keys(c);
    check_quadlet_section(c);
    check_service_users(c);
    if matches!(
        c.unit.unit_type,
        UnitType::Container | UnitType::Volume | UnitType::Image
    ) {
        handlers::warn_if_ambiguous(c);
    }
    translate_dependencies(c);
    order_after_network(c);
    c.add_unit("SourcePath", &*c.unit.path);
    c.add_unit("RequiresMountsFor", "%t/containers");
    keep_our_places_writable(c);
}

/// A unit that makes the file system read-only for its commands means the payload, which has a root of its own: engine, netavark and
/// iptables need `/run`, and images and volumes their place. Elsewhere the line would cost each unit a mount namespace.
fn keep_our_places_writable(c: &mut Conversion<'_>) {
    let is_strict = c.service.scalar("ProtectSystem") == Some("strict") || c.service.has("ReadOnlyPaths");
    if is_strict && !c.host.user_mode && !c.host.drives_podman() {
        c.add_service("ReadWritePaths", "-/run -/var/lib/unipod");
    }
}

fn check_keys(c: &mut Conversion<'_>) {
    let Some(section) = c.section.section() else { return };
    let keys = c.unit.unit_type.keys();
    let mut is_known = |entry: &Entry| {
        let row = keys.iter().position(|row| row.name == entry.key());
        row.inspect(|row| c.mark_present(*row)).is_some()
    };
    let unknown: Vec<&Entry> = section.entries().filter(|entry| !is_known(entry)).take(MOST).collect();
    for entry in unknown {
        unknown_key(c, entry);
    }
}

/// What to say about a key that the type does not have: where it belongs, or what was meant.
fn unknown_key(c: &mut Conversion<'_>, entry: &Entry) {
    let section = c.unit.unit_type.section();
    let shown = shorten(entry.key());
    let problem = Problem::error(
        place_of_key(c.unit, entry),
        format!("unknown key \"{shown}\" in [{section}]"),
    );
    let hint = hint_for_key(c.unit.unit_type, entry.key());
    c.report(problem.of(Rule::UnknownKey).help(hint));
}

/// Where a key belongs, or what was meant.
fn hint_for_key(unit_type: UnitType, key: &str) -> Option<String> {
    let place = ELSEWHERE
        .iter()
        .find(|(_, keys)| keys.contains(&key))
        .map(|(place, _)| *place);
    if let Some(place) = place {
        return Some(format!("it belongs in [{place}]"));
    }
    if let Some(near) = suggest::nearest(key, unit_type.keys().iter().map(|row| row.name)) {
        return Some(format!("did you mean \"{near}\"?"));
    }
    UnitType::ALL
        .into_iter()
        .find(|other| other.keys().iter().any(|row| row.name == key))
        .map(|other| format!("[{}] has it", other.section()))
}

fn check_quadlet_section(c: &mut Conversion<'_>) {
    let Some(section) = c.unit.document.section("Quadlet") else {
        return;
    };
    for entry in section.entries().filter(|entry| entry.key() != "DefaultDependencies") {
        let message = format!("unknown key \"{}\" in [Quadlet]", shorten(entry.key()));
        let problem = Problem::error(place_of_key(c.unit, entry), message).of(Rule::UnknownKey);
        c.report(problem.help(Some("the only one is \"DefaultDependencies\"")));
    }
}

/// A container runs as the service's user; the other types do not, as in the reference. Nothing runs as a user who is
/// gone at the service's end, and neither does it in the reference, which warns.
fn check_service_users(c: &mut Conversion<'_>) {
    let Some(section) = c.service.section() else { return };
    if let Some(entry) = section.last("DynamicUser").filter(|entry| is_yes(entry.value())) {
        let message = "DynamicUser= is not supported: images and volumes need an owner that stays";
        c.report(Problem::error(place_of_key(c.unit, entry), message).of(Rule::UnsupportedKey));
    }
    if c.unit.unit_type == UnitType::Container {
        return;
    }
    let extension = c.unit.unit_type.extension();
    for entry in section
        .entries()
        .filter(|entry| matches!(entry.key(), "User" | "Group"))
    {
        let message = format!("{}= is not supported in [Service] of a .{extension} unit", entry.key());
        c.report(Problem::warning(place_of_key(c.unit, entry), message).of(Rule::UnsupportedKey));
    }
}

/// What systemd takes for true.
fn is_yes(value: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on"]
        .iter()
        .any(|yes| value.eq_ignore_ascii_case(yes))
}

/// Replaces the names of unit files by the names of their services. A key without any stays exactly as it is.
fn translate_dependencies(c: &mut Conversion<'_>) {
    let Some(section) = c.unit.document.section("Unit") else {
        return;
    };
    for key in DEPENDENCIES {
        if section.assignments(key).any(|entry| mentions_unit(entry.value())) {
            translate(c, key);
        }
    }
}

/// A quick look that saves most units the work.
fn mentions_unit(value: &str) -> bool {
    UnitType::ALL
        .iter()
        .any(|unit_type| value.contains(unit_type.extension()))
}

fn translate(c: &mut Conversion<'_>, key: &'static str) {
    let lookup = c.unit.document.lookup("Unit");
    let (mut translated, mut missing) = (false, 0);
    let mut words = lookup.words(key);
    for word in words.iter_mut().filter(|word| UnitType::of(word).is_some()) {
        translated = true;
        if let Some(target) = c.registry.find(word) {
            *word = c.service_of(target);
        } else if missing < MOST {
            missing += 1;
            missing_dependency(c, key, word);
        }
    }
    c.note(&lookup);
    if translated {
        c.text.unit.leave_out(key);
        c.add_unit(key, words.join(" "));
    }
}

fn missing_dependency(c: &mut Conversion<'_>, key: &str, word: &str) {
    let holds = |entry: &&Entry| entry.value().contains(word);
    if let Some(entry) = c.unit.document.entries("Unit", key).rfind(holds) {
        c.missing_unit(entry, word);
    }
}

/// Puts the network before all of the user's own lines, unless the user wants no such thing.
fn order_after_network(c: &mut Conversion<'_>) {
    let quadlet = c.unit.document.lookup("Quadlet");
    let wanted = quadlet.boolean("DefaultDependencies") != Some(false);
    c.note(&quadlet);
    if !wanted {
        return;
    }
    let network = if c.host.user_mode {
        "podman-user-wait-network-online.service"
    } else {
        "network-online.target"
    };
    c.text.unit.begin_with("Wants", network);
    c.text.unit.begin_with("After", network);
}
