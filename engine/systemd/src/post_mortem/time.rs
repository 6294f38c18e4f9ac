//! Moments and spans of time for people.

use jiff::{Timestamp, tz::TimeZone};

/// A span: `203 ms`, `1.53 s`, `2 min 3 s`, `3 h 4 min`, `2 d 5 h`.
pub fn span(micros: u64) -> String {
    const SECOND: u64 = 1_000_000;
    let seconds = micros / SECOND;
    match seconds {
        0 if micros < 1000 => format!("{micros} µs"),
        0 => format!("{} ms", micros / 1000),
        1..60 => hundredths(seconds, micros % SECOND / 10_000),
        60..3600 => parts(seconds, 60, "min", "s"),
        3600..86_400 => parts(seconds / 60, 60, "h", "min"),
        _ => parts(seconds / 3600, 24, "d", "h"),
    }
}

/// `1.53 s`, `10 s`.
fn hundredths(seconds: u64, hundredths: u64) -> String {
    let text = format!("{seconds}.{hundredths:02}");
    format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn parts(small: u64, factor: u64, large_unit: &str, small_unit: &str) -> String {
    match (small / factor, small % factor) {
        (large, 0) => format!("{large} {large_unit}"),
        (large, rest) => format!("{large} {large_unit} {rest} {small_unit}"),
    }
}

/// Date and time in the local zone; empty for "never".
pub fn date(micros: u64) -> String {
    format(micros, "%Y-%m-%d %H:%M:%S %Z")
}

/// The time of day in the local zone, to the millisecond.
pub fn clock(micros: u64) -> String {
    format(micros, "%H:%M:%S%.3f")
}

/// Now, in microseconds since 1970.
pub fn now() -> u64 {
    u64::try_from(Timestamp::now().as_microsecond()).unwrap_or(0)
}

fn format(micros: u64, format: &str) -> String {
    let time = i64::try_from(micros).ok().filter(|micros| *micros > 0);
    let time = time.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    time.map_or_else(String::new, |time| {
        time.to_zoned(TimeZone::system()).strftime(format).to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_the_units_that_fit() {
        for (micros, text) in [
            (7, "7 µs"),
            (203_900, "203 ms"),
            (1_530_000, "1.53 s"),
            (10_000_000, "10 s"),
            (1_500_000, "1.5 s"),
            (120_000_000, "2 min"),
            (123_000_000, "2 min 3 s"),
            (11_040_000_000, "3 h 4 min"),
            (190_800_000_000, "2 d 5 h"),
        ] {
            assert_eq!(span(micros), text);
        }
    }
}
