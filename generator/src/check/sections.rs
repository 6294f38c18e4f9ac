//! Sections that nobody reads: the generator passes them on, and systemd ignores them.

use crate::unit::Unit;
use crate::{Place, Problem, Rule, suggest};

/// What is to be said about the sections of a unit.
pub fn lint(unit: &Unit) -> Vec<Problem> {
    let own = unit.unit_type.section();
    let known = [own, "Unit", "Service", "Install", "Quadlet"];
    let mut problems = Vec::new();
    for section in unit.document.sections() {
        let name = section.name();
        let Some(place) = section
            .place()
            .filter(|_| !known.contains(&name) && !name.starts_with("X-"))
        else {
            continue;
        };
        let place = Place::section(place.source.clone(), place.line as usize, name);
        let message = format!(
            "nobody reads the section [{name}] of a .{} unit",
            unit.unit_type.extension()
        );
        let hint = suggest::nearest(name, known).map(|near| format!("did you mean [{near}]?"));
        problems.push(Problem::warning(place, message).of(Rule::UnknownSection).help(hint));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::unit_from_bytes;
    use crate::unit::UnitType;

    #[test]
    fn misspelled_and_foreign_sections_are_told() {
        let text = "[Contaner]\nImage=x\n[Unit]\n[Service]\n[Install]\n[Quadlet]\n[X-Note]\n[Container]\n[Volume]\n[install]\n";
        let unit = unit_from_bytes("a.container", "a.container", UnitType::Container, text.as_bytes());
        let told: Vec<String> = lint(&unit).iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "a.container:1: warning: nobody reads the section [Contaner] of a .container unit; did you mean [Container]?\n    [Contaner]",
                "a.container:9: warning: nobody reads the section [Volume] of a .container unit\n    [Volume]",
                "a.container:10: warning: nobody reads the section [install] of a .container unit; did you mean [Install]?\n    [install]",
            ]
        );
    }
}
