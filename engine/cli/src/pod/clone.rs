//! `unipod pod clone`.

use clap::Args;
use serde_json::Value;

use super::create::{InfraArguments, LimitArguments, MemberArguments};
use crate::arguments::any_value;
use crate::error::CliError;
use crate::output;
use crate::run_options::namespaces::NamespaceOptions;
use crate::run_options::values::labels;
use unipod::bundle::ContainerOptions;
use unipod::pod::service::{self, Removal};
use unipod::pod::{Pod, PodOptions, record};
use unipod::store::Store;

/// Copy a pod and its containers. What is said here is other than in the model.
///
/// The copy is called POD-clone unless it gets another name; its containers are called after their models in the same way.
///
/// Example: unipod pod clone --memory 1g shop shop-test
#[derive(Debug, Args)]
#[command(disable_help_flag = true, args_override_self = true, mut_args(any_value))]
pub struct CloneArgs {
    /// Remove the model, with its containers
    #[arg(long)]
    destroy: bool,
    /// Start the copy
    #[arg(long)]
    start: bool,
    /// Name of the copy
    #[arg(short, long)]
    name: Option<String>,
    /// Host name inside the copy [default: the model's]
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Label, NAME=VALUE
    #[arg(short, long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// File of labels, one NAME=VALUE per line
    #[arg(long, value_name = "FILE")]
    label_file: Vec<std::path::PathBuf>,
    /// When containers are started again: no, always, on-failure[:TIMES] or unless-stopped
    #[arg(long, value_name = "POLICY")]
    restart: Option<String>,
    #[command(flatten)]
    infra: InfraArguments,
    #[command(flatten)]
    members: MemberArguments,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    namespaces: NamespaceOptions,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// The model, by name or ID
    #[arg(value_name = "POD")]
    pod: String,
    /// Name of the copy
    #[arg(value_name = "NAME", conflicts_with = "name")]
    new_name: Option<String>,
}

impl CloneArgs {
    /// Does it.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        self.members.refuse_unsupported()?;
        self.limits.refuse_unsupported()?;
        self.namespaces.refuse_for_pods()?;
        let model = record::find(store, &self.pod)?;
        let (destroy, start) = (self.destroy, self.start);
        let name = self.name.clone().or_else(|| self.new_name.clone());
        let options = self.options(&model)?;
        let made = unipod::clone(store, &model, name, |copy| copy.options = options)?;
        if destroy {
            service::remove(store, &model, Removal::FORCED)?;
        }
        output::print_line(made.id.as_str());
        if start {
            service::start(store, &made, &service::program()?)?;
        }
        Ok(0)
    }

    fn options(self, model: &Pod) -> Result<PodOptions, CliError> {
        let mut said = ContainerOptions {
            labels: labels(self.label, &self.label_file)?,
            hostname: self.hostname,
            ..ContainerOptions::default()
        };
        self.namespaces.apply(&mut said)?;
        self.members.apply(&mut said)?;
        self.limits.apply(&mut said)?;
        let mut options = model.options.clone();
        options.common = over(&model.options.common, &said)?;
        options.restart = self.restart.or(options.restart);
        self.infra.apply(&mut options.infra);
        options.create_command = std::env::args().collect();
        Ok(options)
    }
}

/// The options of a model, but for those that are said.
fn over(model: &ContainerOptions, said: &ContainerOptions) -> Result<ContainerOptions, CliError> {
    let mut all = serde_json::to_value(model)?;
    lay(
        &mut all,
        serde_json::to_value(said)?,
        &serde_json::to_value(ContainerOptions::default())?,
    );
    Ok(serde_json::from_value(all)?)
}

/// Whatever differs from what is there if nobody says anything.
fn lay(all: &mut Value, said: Value, unsaid: &Value) {
    match (all, said) {
        (Value::Object(all), Value::Object(said)) => {
            for (key, value) in said {
                lay(all.entry(key.clone()).or_insert(Value::Null), value, &unsaid[&key]);
            }
        }
        (_, said) if said == *unsaid => {}
        (all, said) => *all = said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_laid_over_the_model() {
        let model = ContainerOptions {
            hostname: Some("shop".into()),
            labels: [("a".into(), "1".into())].into(),
            shm_size: Some(7),
            ..ContainerOptions::default()
        };
        let mut said = ContainerOptions {
            hostname: Some("test".into()),
            labels: [("b".into(), "2".into())].into(),
            ..ContainerOptions::default()
        };
        said.resources.memory = Some(5);
        let both = over(&model, &said).unwrap();
        assert_eq!(both.hostname.as_deref(), Some("test"));
        assert_eq!(both.labels.len(), 2);
        assert_eq!((both.shm_size, both.resources.memory), (Some(7), Some(5)));
    }
}
