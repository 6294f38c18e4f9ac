//! Results in one table, with the goals beside them.

use std::time::Duration;

use serde::Serialize;

/// One line: the same thing measured in several ways.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What unipod is compared with, and its name.
    pub yardstick: (String, Option<Duration>),
    /// unipod's median.
    pub unipod: Option<Duration>,
    /// podman's median, where it is installed.
    pub podman: Option<Duration>,
    /// The most that unipod may take: so many times the yardstick.
    pub goal: Goal,
    /// podman is to take at least so many times as long.
    pub beats: Option<f64>,
}

/// What was promised.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Goal {
    /// At most so many times the yardstick.
    Times(f64),
    /// At most so much above the yardstick.
    Above(Duration),
    /// At most so long.
    Within(Duration),
    /// Nothing; the number is for information.
    None,
}

impl Row {
    /// Whether the goal is met; none where something was not measured.
    pub fn met(&self) -> Option<bool> {
        let unipod = self.unipod?;
        match self.goal {
            Goal::Times(times) => Some(unipod <= self.yardstick.1?.mul_f64(times)),
            Goal::Above(more) => Some(unipod <= self.yardstick.1? + more),
            Goal::Within(limit) => Some(unipod <= limit),
            Goal::None => None,
        }
    }

    /// Whether podman takes as much longer as it is to; none where it is not installed.
    pub fn beaten(&self) -> Option<bool> {
        Some(self.podman? >= self.unipod?.mul_f64(self.beats?))
    }
}

/// One line of what is there while nothing happens: counted, not timed.
#[derive(Debug, Clone, Serialize)]
pub struct Count {
    /// What is counted.
    pub what: &'static str,
    /// By hand.
    pub yardstick: u64,
    /// With unipod.
    pub unipod: u64,
    /// With podman, where it is installed.
    pub podman: Option<u64>,
    /// The most that unipod may have.
    pub goal: u64,
}

impl Count {
    /// Whether the goal is met.
    pub fn met(&self) -> bool {
        self.unipod <= self.goal
    }
}

/// Prints all counts, in the columns of the table.
pub fn print_counts(counts: &[Count]) {
    for count in counts {
        let podman = count.podman.map_or_else(|| "–".to_owned(), |podman| podman.to_string());
        println!(
            "{:<44} {:<16} {:>10} {:>10} {:>7} {:>12} {podman:>10}",
            count.what,
            "by hand",
            count.yardstick,
            count.unipod,
            "",
            format!("{}≤ {}", mark(Some(count.met())), count.goal),
        );
    }
}

/// Prints all rows under one heading.
pub fn print(rows: &[Row]) {
    println!(
        "{:<44} {:<16} {:>10} {:>10} {:>7} {:>12} {:>10} {:>7}  goal",
        "", "yardstick", "", "unipod", "ratio", "goal", "podman", "ratio"
    );
    for row in rows {
        let Row {
            what,
            yardstick: (name, yardstick),
            unipod,
            podman,
            goal,
            beats,
        } = row;
        let goal = match goal {
            Goal::Times(times) => format!("≤ {times} ×"),
            Goal::Above(more) => format!("≤ + {}", milliseconds(Some(*more)).trim_start()),
            Goal::Within(limit) => format!("≤ {}", milliseconds(Some(*limit)).trim_start()),
            Goal::None => String::new(),
        };
        let beats = beats
            .filter(|_| podman.is_some())
            .map_or_else(String::new, |times| format!("≥ {times} ×"));
        println!(
            "{what:<44} {name:<16} {:>10} {:>10} {:>7} {:>12} {:>10} {:>7}  {}{beats}",
            milliseconds(*yardstick),
            milliseconds(*unipod),
            ratio(*unipod, *yardstick),
            format!("{}{goal}", mark(row.met())),
            milliseconds(*podman),
            ratio(*podman, *unipod),
            mark(row.beaten()),
        );
    }
}

fn mark(met: Option<bool>) -> &'static str {
    met.map_or("", |met| if met { "✔ " } else { "✘ " })
}

fn milliseconds(time: Option<Duration>) -> String {
    time.map_or_else(
        || "–".to_owned(),
        |time| format!("{:.1} ms", time.as_secs_f64() * 1000.0),
    )
}

fn ratio(part: Option<Duration>, whole: Option<Duration>) -> String {
    match (part, whole) {
        (Some(part), Some(whole)) if !whole.is_zero() => format!("{:.2}", part.as_secs_f64() / whole.as_secs_f64()),
        _ => "–".to_owned(),
    }
}
