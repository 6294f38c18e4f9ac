//! Messages on standard error.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::output;

/// From now on messages of this level and above go to standard error.
pub fn to_stderr(level: LevelFilter) {
    let colour = std::io::IsTerminal::is_terminal(&std::io::stderr()) && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        // Standard error may be on a full disk: a warning that cannot be written would end the engine in the middle of its work.
        .log_internal_errors(false)
        .event_format(Lines)
        .init();
}

/// A message is its level and its text. Errors quote what others have written.
struct Lines;

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        let level = *event.metadata().level();
        let colour = match level {
            Level::ERROR => "31",
            Level::WARN => "33",
            Level::INFO => "32",
            _ => "34",
        };
        if writer.has_ansi_escapes() {
            write!(writer, "\x1b[{colour}m{level:>5}\x1b[0m")?;
        } else {
            write!(writer, "{level:>5}")?;
        }
        writeln!(writer, " {}", output::harmless(&text))
    }
}
