//! Durations as Go writes them: `1h30m`, `500ms`, `1.5s`, `0`.

use std::time::Duration;

/// Go counts nanoseconds in 63 bits, 292 years. No deadline that far away overflows.
const LONGEST: Duration = Duration::from_nanos(i64::MAX as u64);

/// Reads a duration of Go's `time.ParseDuration` that is not negative.
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit() && c != '.')?);
        let (unit, after) = after.split_at(
            after
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(after.len()),
        );
        let seconds = number.parse::<f64>().ok()? * seconds_in(unit)?;
        total = total.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        rest = after;
    }
    (total <= LONGEST).then_some(total)
}

/// Writes a duration as Go does: `1h2m0.5s`, `20ms`, `0s`.
pub fn text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let with_fraction = |whole: u64, part: u32, digits: usize, unit: &str| {
        let fraction = format!("{part:0digits$}");
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{whole}{point}{fraction}{unit}")
    };
    let nanoseconds = duration.subsec_nanos();
    match (seconds, nanoseconds) {
        (0, 0) => "0s".to_owned(),
        (0, 1..1_000) => format!("{nanoseconds}ns"),
        (0, 1_000..1_000_000) => with_fraction((nanoseconds / 1_000).into(), nanoseconds % 1_000, 3, "µs"),
        (0, _) => with_fraction((nanoseconds / 1_000_000).into(), nanoseconds % 1_000_000, 6, "ms"),
        _ => {
            let rest = with_fraction(seconds % 60, nanoseconds, 9, "s");
            match (seconds / 3600, seconds / 60 % 60) {
                (0, 0) => rest,
                (0, minutes) => format!("{minutes}m{rest}"),
                (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
            }
        }
    }
}

fn seconds_in(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("0", Some(0)),
            ("30s", Some(30_000)),
            ("1h30m", Some(5_400_000)),
            ("1.5s", Some(1500)),
            ("500ms", Some(500)),
            ("250us", Some(0)),
            ("", None),
            ("30", None),
            ("s", None),
            ("1d", None),
            ("-1s", None),
            ("2562047h", Some(9_223_369_200_000)),
            ("2562048h", None),
            ("5000000000000000h", None),
        ] {
            assert_eq!(parse(text).map(|d| d.as_millis()), milliseconds, "{text}");
        }
    }

    #[test]
    fn as_go_writes_them() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (1_500, "1.5µs"),
            (20_000_000, "20ms"),
            (20_010_000, "20.01ms"),
            (1_000_000_000, "1s"),
            (20_386_825_206, "20.386825206s"),
            (60_000_000_000, "1m0s"),
            (3_732_497_061_672, "1h2m12.497061672s"),
        ] {
            let duration = Duration::from_nanos(nanoseconds);
            assert_eq!(text(duration), expected);
            assert_eq!(parse(expected).map(|d| d.as_micros()), Some(duration.as_micros()));
        }
    }
}
