//! `env` of the table `engine`: variables of the engine itself.
#![allow(unsafe_code)]

use super::values::Config;

/// Sets those that the environment does not have. A process that has several threads already is left alone.
pub fn apply_environment(config: &Config) {
    let words = config.list("engine.env").unwrap_or_default();
    let said = words
        .iter()
        .filter_map(|word| word.split_once('='))
        .filter(|(name, _)| !name.is_empty());
    let new: Vec<_> = said
        .filter(|(name, value)| std::env::var_os(name).is_none() && is_clean(name) && is_clean(value))
        .collect();
    if new.is_empty() || !is_alone() {
        return;
    }
    for (name, value) in new {
        // SAFETY: setenv(3) must not run beside a thread that reads the environment, and there is no other thread.
        unsafe { std::env::set_var(name, value) };
    }
}

/// Without a NUL, which std refuses.
fn is_clean(text: &str) -> bool {
    !text.contains('\0')
}

fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}
