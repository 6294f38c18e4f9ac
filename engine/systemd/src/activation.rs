//! Socket activation, sd_listen_fds(3): descriptors 3, 4, … that systemd opened for the payload.

/// Descriptors that are for this process, to be passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenFds {
    /// How many, counted from descriptor 3.
    pub count: u32,
    /// `LISTEN_FDNAMES` as it came.
    pub names: Option<String>,
}

/// What systemd handed to this process; `None` if nothing, or if it was meant for another process.
pub fn listen_fds() -> Option<ListenFds> {
    parse(&|name| std::env::var(name).ok(), std::process::id())
}

fn parse(env: &dyn Fn(&str) -> Option<String>, pid: u32) -> Option<ListenFds> {
    let for_us = env("LISTEN_PID")?.parse::<u32>() == Ok(pid);
    let count = env("LISTEN_FDS")?.parse::<u32>().ok().filter(|n| *n > 0)?;
    for_us.then(|| ListenFds {
        count,
        names: env("LISTEN_FDNAMES"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_descriptors_meant_for_this_process_count() {
        let env = |pid: &'static str, fds: &'static str| {
            move |name: &str| match name {
                "LISTEN_PID" => Some(pid.to_owned()),
                "LISTEN_FDS" => Some(fds.to_owned()),
                _ => None,
            }
        };
        assert_eq!(parse(&env("7", "2"), 7), Some(ListenFds { count: 2, names: None }));
        assert_eq!(parse(&env("8", "2"), 7), None);
        assert_eq!(parse(&env("7", "0"), 7), None);
        assert_eq!(parse(&env("7", "many"), 7), None);
        assert_eq!(parse(&|_| None, 7), None);
    }
}
