//! Signals by name or number, as in `--stop-signal` and in images.

use std::str::FromStr;

use nix::sys::signal::Signal;

/// Reads `SIGTERM`, `term`, `15`, `SIGRTMIN+3`, `RTMAX-1`.
pub fn parse(text: &str) -> Option<i32> {
    let upper = text.trim().to_ascii_uppercase();
    if let Ok(number) = upper.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(offset) = name.strip_prefix("RTMIN") {
        return real_time(libc::SIGRTMIN(), offset.strip_prefix('+'), offset.is_empty());
    }
    if let Some(offset) = name.strip_prefix("RTMAX") {
        let offset = offset.strip_prefix('-').map(|digits| format!("-{digits}"));
        return real_time(libc::SIGRTMAX(), offset.as_deref(), name == "RTMAX");
    }
    Signal::from_str(&format!("SIG{name}")).ok().map(|signal| signal as i32)
}

/// The name as podman's messages write it; the number where it has none.
pub fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.as_str().to_owned())
}

fn real_time(base: i32, offset: Option<&str>, alone: bool) -> Option<i32> {
    let offset = if alone { 0 } else { offset?.parse().ok()? };
    let number = base.checked_add(offset)?;
    (libc::SIGRTMIN()..=libc::SIGRTMAX())
        .contains(&number)
        .then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals() {
        for (text, number) in [
            ("SIGTERM", Some(15)),
            ("quit", Some(3)),
            ("9", Some(9)),
            ("SIGRTMIN+3", Some(37)),
            ("RTMAX-1", Some(63)),
            ("RTMIN", Some(34)),
            ("RTMIN+99", None),
            ("0", None),
            ("65", None),
            ("SIGNOPE", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
