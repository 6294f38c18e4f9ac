//! Signal names as people write them: `SIGTERM`, `term`, `15`, `RTMIN+3`, signal(7).

use nix::sys::signal::Signal;

/// The signal's number; `None` for what is no signal.
pub fn parse(text: &str) -> Option<i32> {
    let upper = text.trim().to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = name.parse::<i32>() {
        return (1..=libc::SIGRTMAX()).contains(&number).then_some(number);
    }
    realtime(name).or_else(|| format!("SIG{name}").parse::<Signal>().ok().map(|s| s as i32))
}

fn realtime(name: &str) -> Option<i32> {
    let (min, max) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let number = match name.strip_prefix("RTMIN") {
        Some(rest) => min + offset(rest, '+')?,
        None => max - offset(name.strip_prefix("RTMAX")?, '-')?,
    };
    (min..=max).contains(&number).then_some(number)
}

fn offset(text: &str, sign: char) -> Option<i32> {
    if text.is_empty() { Some(0) } else { text.strip_prefix(sign)?.parse().ok() }
}

/// The name without `SIG`, as podman's messages write it; the number where it has none.
pub fn name(signal: i32) -> String {
    Signal::try_from(signal).map_or_else(|_| signal.to_string(), |s| s.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings() {
        for (text, number) in [
            ("SIGTERM", Some(15)),
            ("quit", Some(3)),
            ("9", Some(9)),
            ("SIGRTMIN+3", Some(libc::SIGRTMIN() + 3)),
            ("RTMAX-1", Some(libc::SIGRTMAX() - 1)),
            ("RTMIN+99", None),
            ("0", None),
            ("-1", None),
            ("SIGNOPE", None),
            ("", None),
        ] {
            assert_eq!(parse(text), number, "{text}");
        }
    }
}
