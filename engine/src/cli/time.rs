//! Times as people read them.

use jiff::{Timestamp, tz::TimeZone};

/// `3 minutes ago`.
pub fn ago(at: Timestamp) -> String {
    format!("{} ago", since(at))
}

/// `3 minutes`, from then until now.
pub fn since(at: Timestamp) -> String {
    span(Timestamp::now().as_second() - at.as_second())
}

/// `2026-01-02 03:04:05 +0100 CET`, as Go prints times.
pub fn local(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string()
}

fn span(seconds: i64) -> String {
    const UNITS: [(i64, &str); 6] =
        [(31_536_000, "year"), (2_592_000, "month"), (604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute")];
    if seconds < 1 {
        return "Less than a second".to_owned();
    }
    let (size, unit) = UNITS.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn the_largest_unit_that_fits() {
        for (seconds, text) in
            [(0, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (61, "1 minute"), (7_300, "2 hours"), (700_000, "1 week")]
        {
            assert_eq!(span(seconds), text);
        }
    }
}
