//! A post-mortem on one screen.

use std::fmt::Write;

use unipod_generator::Problem;

use crate::human;
use crate::unit::diagnostic;
use unipod::systemd::post_mortem::PostMortem;
use unipod::systemd::post_mortem::facts::{End, Facts, Step};
use unipod::systemd::post_mortem::time::{clock, date, now, span};
use unipod::systemd::post_mortem::verdict::{State, Verdict, exit_code, signal_name};

/// Commands are shortened to this many characters.
const COMMAND: usize = 56;

/// Lines of the log are shortened to this many characters.
const LINE: usize = 160;

/// The whole screen.
pub fn render(found: &PostMortem, problems: &[&Problem], colour: bool) -> String {
    let PostMortem {
        verdict,
        next,
        facts,
        log,
    } = found;
    let mut screen = headline(facts, verdict, colour);
    let file = if facts.source.is_empty() {
        &facts.fragment
    } else {
        &facts.source
    };
    row(&mut screen, "File", file);
    row(&mut screen, "When", &when(facts, log.last_heard));
    row(&mut screen, "Used", &used(facts));
    if facts.restarts > 0 {
        row(&mut screen, "Restarts", &facts.restarts.to_string());
    }
    block(
        &mut screen,
        problems.iter().map(|problem| diagnostic::render(problem, colour)),
    );
    // What a stub does and prints is what the problems show.
    let steps = facts.steps.iter().filter(|_| problems.is_empty());
    block(&mut screen, steps.map(|step| self::step(facts, step)));
    let lines = log.lines.iter().filter(|_| problems.is_empty());
    block(
        &mut screen,
        lines.map(|line| format!("  {} {}", clock(line.time), printable(&line.text))),
    );
    if let Some(problem) = &log.problem {
        block(
            &mut screen,
            [format!("  the log cannot be shown: {problem}")].into_iter(),
        );
    }
    if !(next.is_empty() && verdict.hints.is_empty()) {
        screen.push('\n');
    }
    for (index, sentence) in next.iter().enumerate() {
        row(&mut screen, if index == 0 { "Next" } else { "" }, sentence);
    }
    for (index, hint) in verdict.hints.iter().enumerate() {
        row(&mut screen, if index == 0 { "Hint" } else { "" }, hint);
    }
    screen
}

/// `× web.service failed: the main process ended with exit code 7`, in the colours of systemctl.
fn headline(facts: &Facts, verdict: &Verdict, colour: bool) -> String {
    let (mark, paint) = match verdict.state {
        State::Running => ("●", "32"),
        State::Starting | State::Restarting | State::Stopping => ("●", "33"),
        State::Failed | State::Stub | State::Broken | State::DependencyFailed | State::NotFound => ("×", "31"),
        State::NeverStarted | State::Skipped | State::Ended | State::Forgotten => ("○", "0"),
    };
    let text = printable(&format!("{} {}", facts.id, verdict.text));
    if colour {
        format!("\x1b[{paint}m{mark}\x1b[0m \x1b[1m{text}\x1b[0m\n")
    } else {
        format!("{mark} {text}\n")
    }
}

fn row(screen: &mut String, label: &str, text: &str) {
    if !text.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(screen, "  {label:<9} {}", printable(text));
    }
}

/// Lines with a blank one before them.
fn block(screen: &mut String, lines: impl Iterator<Item = String>) {
    for (index, line) in lines.enumerate() {
        if index == 0 {
            screen.push('\n');
        }
        screen.push_str(&line);
        screen.push('\n');
    }
}

/// `started 2026-11-21 20:35:58 UTC, ready after 461 ms, ran for 340 ms`.
fn when(facts: &Facts, last_heard: u64) -> String {
    if !facts.started.is_set() {
        let heard = date(last_heard);
        return if heard.is_empty() {
            heard
        } else {
            format!("last heard of {heard}")
        };
    }
    let mut parts = vec![format!("started {}", date(facts.started.realtime))];
    if facts.was_ready() {
        let ready = facts.became_active.since(facts.started);
        parts.extend(ready.map(|after| format!("ready after {}", span(after))));
        parts.push(match facts.left_active.since(facts.became_active) {
            Some(ran) => format!("ran for {}", span(ran)),
            None => format!("up for {}", span(now().saturating_sub(facts.became_active.realtime))),
        });
    } else if let Some(tried) = facts.became_inactive.since(facts.started) {
        parts.push(format!("never ready, over after {}", span(tried)));
    }
    parts.join(", ")
}

/// `54 ms of processor time, 12.4 MB of memory at most`.
fn used(facts: &Facts) -> String {
    let cpu = facts
        .cpu_usage
        .map(|nanos| format!("{} of processor time", span(nanos / 1000)));
    let memory = facts
        .memory_peak
        .map(|bytes| format!("{} of memory at most", human::size(bytes)));
    [cpu, memory].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `ExecStartPre  /bin/sleep 0.2    203 ms  exit code 0`.
fn step(facts: &Facts, step: &Step) -> String {
    let took = step.exit.since(step.start).map_or_else(String::new, span);
    let end = match step.end {
        Some(End::Exited(code)) => format!("exit code {}", exit_code(code)),
        Some(End::Killed(signal)) => signal_name(signal),
        Some(End::Dumped(signal)) => format!("{}, core dumped", signal_name(signal)),
        None if facts.main_pid > 0 => format!("runs, PID {}", facts.main_pid),
        None => String::new(),
    };
    let command = shorten(&clean(&words(&step.command)));
    format!("  {:<13} {command:<COMMAND$} {took:>10}  {end}", step.key)
        .trim_end()
        .to_owned()
}

/// A command as one types it, its program without directories.
fn words(command: &[String]) -> String {
    let mut words = command.iter();
    let program = words
        .next()
        .map_or("", |program| program.rsplit('/').next().unwrap_or_default());
    let arguments = words.map(|word| if word.is_empty() { "''" } else { word });
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Beginning and end: options first, the image and its command last.
fn shorten(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= COMMAND {
        return text.to_owned();
    }
    let half = COMMAND / 2;
    let begin: String = characters[..half - 2].iter().collect();
    let end: String = characters[characters.len() - half + 1..].iter().collect();
    format!("{begin} … {end}")
}

/// One line without control characters: a log may hold any.
fn clean(text: &str) -> String {
    let shown = text.chars().map(|c| match c {
        '\t' | '\n' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    });
    shown.collect()
}

/// A clean line that is not too long.
fn printable(text: &str) -> String {
    let mut shown: String = text.chars().take(LINE + 1).collect();
    if shown.chars().count() > LINE {
        shown.pop();
        shown.push('…');
    }
    clean(&shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod::systemd::post_mortem::facts::Moment;
    use unipod::systemd::post_mortem::log::{Line, Log};

    fn at(millis: u64) -> Moment {
        Moment {
            realtime: 1_000_000_000_000_000 + millis * 1000,
            monotonic: millis * 1000,
        }
    }

    fn step_of(key: &'static str, command: &str, start: u64, exit: u64, code: i32) -> Step {
        Step {
            key,
            command: command.split(' ').map(str::to_owned).collect(),
            counts: true,
            start: at(start),
            exit: at(exit),
            end: Some(End::Exited(code)),
        }
    }

    #[test]
    fn one_screen() {
        let facts = Facts {
            id: "web.service".into(),
            load_state: "loaded".into(),
            active_state: "failed".into(),
            source: "/etc/containers/systemd/web.container".into(),
            result: "exit-code".into(),
            restart: "no".into(),
            main_end: Some(End::Exited(7)),
            left_inactive: at(90),
            started: at(100),
            became_active: at(400),
            left_active: at(740),
            became_inactive: at(800),
            cpu_usage: Some(54_000_000),
            memory_peak: Some(12_400_000),
            restarts: 2,
            steps: vec![
                step_of("ExecStartPre", "/bin/sleep 0.2", 100, 303, 0),
                step_of(
                    "ExecStart",
                    &format!("/usr/bin/unipod run {} image sh", "--option ".repeat(9)),
                    400,
                    740,
                    7,
                ),
            ],
            ..Facts::default()
        };
        let log = Log {
            lines: vec![Line {
                time: at(500).realtime,
                priority: 6,
                text: "a\x1b[31mb".into(),
            }],
            ..Log::default()
        };
        let verdict = Verdict::of(&facts, &log, &[]);
        let next = vec!["nothing".to_owned()];
        let found = PostMortem {
            verdict,
            next,
            facts,
            log,
        };
        let screen = render(&found, &[], false);
        let started = date(at(100).realtime);
        let said = clock(at(500).realtime);
        assert_eq!(
            screen,
            format!(
                "× web.service failed: the main process ended with exit code 7
  File      /etc/containers/systemd/web.container
  When      started {started}, ready after 300 ms, ran for 340 ms
  Used      54 ms of processor time, 12.4 MB of memory at most
  Restarts  2

  ExecStartPre  sleep 0.2                                                    203 ms  exit code 0
  ExecStart     unipod run --option --opti … option --option '' image sh     340 ms  exit code 7

  {said} a\u{fffd}[31mb

  Next      nothing
  Hint      journalctl -u web.service has everything that it said
"
            )
        );
    }
}
