//! Health checks.

use clap::Args;

use super::values::Switch;
use unipod::bundle::ContainerOptions;
use unipod::bundle::options::HealthOptions;

/// Options of health checks.
#[derive(Debug, Args)]
pub(super) struct HealthArguments {
    /// Command that tells whether the container is healthy; none for no check
    #[arg(long, value_name = "COMMAND")]
    health_cmd: Option<String>,
    /// Time between two checks, such as 30s, or disable
    #[arg(long, value_name = "DURATION")]
    health_interval: Option<String>,
    /// How long a check may take
    #[arg(long, value_name = "DURATION")]
    health_timeout: Option<String>,
    /// Failures in a row that make it unhealthy
    #[arg(long, value_name = "NUMBER")]
    health_retries: Option<u32>,
    /// How long failures at the start do not count
    #[arg(long, value_name = "DURATION")]
    health_start_period: Option<String>,
    /// What to do when it is unhealthy: none, kill, restart or stop
    #[arg(long, value_name = "ACTION")]
    health_on_failure: Option<String>,
    /// Command that has to succeed before the other one begins
    #[arg(long, value_name = "COMMAND")]
    health_startup_cmd: Option<String>,
    /// Time between two checks at the start
    #[arg(long, value_name = "DURATION")]
    health_startup_interval: Option<String>,
    /// How long a check at the start may take
    #[arg(long, value_name = "DURATION")]
    health_startup_timeout: Option<String>,
    /// Failures at the start that restart the container
    #[arg(long, value_name = "NUMBER")]
    health_startup_retries: Option<u32>,
    /// Successes in a row that end the start
    #[arg(long, value_name = "NUMBER")]
    health_startup_success: Option<u32>,
    /// Where results are kept
    #[arg(
        long,
        help = "Where results are kept: local, events_logger or a directory",
        value_name = "PLACE"
    )]
    health_log_destination: Option<String>,
    /// How many results are kept; 0 for all
    #[arg(long, value_name = "NUMBER")]
    health_max_log_count: Option<u32>,
    /// How many characters of a result are kept; 0 for all
    #[arg(long, value_name = "NUMBER")]
    health_max_log_size: Option<u32>,
    /// No check, whatever the image says
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    no_healthcheck: Option<Switch>,
}

impl HealthArguments {
    pub(super) fn apply(self, options: &mut ContainerOptions) {
        let Self {
            health_cmd,
            health_interval,
            health_timeout,
            health_retries,
            health_start_period,
            health_on_failure,
            health_startup_cmd,
            health_startup_interval,
            health_startup_timeout,
            health_startup_retries,
            health_startup_success,
            health_log_destination,
            health_max_log_count,
            health_max_log_size,
            no_healthcheck,
        } = self;
        options.health = HealthOptions {
            cmd: if Switch::is_on(no_healthcheck) {
                Some("none".to_owned())
            } else {
                health_cmd
            },
            interval: health_interval,
            timeout: health_timeout,
            retries: health_retries,
            start_period: health_start_period,
            on_failure: health_on_failure,
            startup_cmd: health_startup_cmd,
            startup_interval: health_startup_interval,
            startup_timeout: health_startup_timeout,
            startup_retries: health_startup_retries,
            startup_success: health_startup_success,
            log_destination: health_log_destination,
            max_log_count: health_max_log_count,
            max_log_size: health_max_log_size,
        };
    }
}
