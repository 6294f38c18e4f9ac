//! `unipod secret …`.

use std::io::Read;

use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::{Filters, Listing, each, key_values};
use super::error::CliError;
use super::human;
use super::output::{self, Row, print_inspect};
use unipod::secret::{Secret, SecretData, SecretError, Wanted, WhenExists, create, find, list, remove};
use unipod::store::Store;

const TABLE: &str = "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.CreatedAt}}\t{{.UpdatedAt}}";
const HEADINGS: &[(&str, &str)] = &[("CreatedAt", "CREATED"), ("UpdatedAt", "UPDATED")];

/// The subcommands of `unipod secret`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum SecretCommand {
    Create(CreateArgs),
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    Inspect(InspectArgs),
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Say by the exit code whether a secret exists: 0 yes, 1 no.
    ///
    /// Example: unipod secret exists db-password || unipod secret create db-password ./password.txt
    Exists {
        /// Name or ID.
        secret: String,
    },
}

impl SecretCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match self {
            Self::Create(args) => args.run(store),
            Self::Ls(args) => args.run(store),
            Self::Inspect(args) => args.run(store),
            Self::Rm(args) => args.run(store),
            Self::Exists { secret } => exists(store, &secret),
        }
    }
}

/// Create a secret.
///
/// Example: unipod secret create db-password ./password.txt
#[derive(Debug, Args)]
pub struct CreateArgs {
    /// SOURCE is an environment variable and not a file.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    env: bool,
    /// Where it is kept: file.
    #[arg(short, long, default_value = "file")]
    driver: String,
    /// Driver option, KEY=VALUE.
    #[arg(long)]
    driver_opts: Vec<String>,
    /// Label, KEY=VALUE.
    #[arg(short, long)]
    label: Vec<String>,
    /// Put it in the place of one that exists.
    #[arg(long, conflicts_with = "ignore")]
    replace: bool,
    /// Leave one that exists as it is.
    #[arg(long)]
    ignore: bool,
    /// Name of the secret.
    name: String,
    /// File with the content, `-` for standard input.
    source: String,
}

impl CreateArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let Self {
            env,
            driver,
            driver_opts,
            label,
            replace,
            ignore,
            name,
            source,
        } = self;
        let when_exists = match (replace, ignore) {
            (true, _) => WhenExists::Replace,
            (_, true) => WhenExists::Ignore,
            _ => WhenExists::Fail,
        };
        let data = SecretData::new(content(&source, env)?);
        let wanted = Wanted {
            name,
            data,
            labels: key_values(&label),
            driver,
            options: key_values(&driver_opts),
        };
        output::print_line(&create(store, &wanted, when_exists)?.id);
        Ok(0)
    }
}

fn content(source: &str, env: bool) -> Result<Vec<u8>, CliError> {
    use std::os::unix::ffi::OsStringExt;
    if env {
        let value = std::env::var_os(source)
            .ok_or_else(|| CliError::new(format!("environment variable {source} is not set")))?;
        return Ok(value.into_vec());
    }
    let fail = |e: std::io::Error| CliError::new(format!("cannot read {source}: {e}"));
    let mut data = Vec::new();
    match source {
        "-" => std::io::stdin().read_to_end(&mut data).map_err(fail)?,
        path => std::fs::File::open(path)
            .and_then(|mut f| f.read_to_end(&mut data))
            .map_err(fail)?,
    };
    Ok(data)
}

/// List secrets.
///
/// Example: unipod secret ls --filter name=db
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only those that match: name, id.
    #[arg(short, long)]
    filter: Vec<String>,
    #[command(flatten)]
    listing: Listing,
}

impl LsArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let Self { filter, listing } = self;
        let filters = Filters::parse(&filter, &["name", "id"])?;
        let mut secrets = list(store)?;
        secrets.retain(|s| filters.pass("name", |w| s.name.contains(w)) && filters.pass("id", |w| s.id.starts_with(w)));
        let rows: Vec<Row> = secrets.iter().map(row).collect();
        listing.print(&rows, listing.default("{{.ID}}", TABLE), HEADINGS)
    }
}

fn row(secret: &Secret) -> Row {
    let fields = vec![
        ("ID", secret.id.clone()),
        ("Name", secret.name.clone()),
        ("Driver", secret.driver.clone()),
        ("CreatedAt", ago(&secret.created)),
        ("UpdatedAt", ago(&secret.updated)),
    ];
    Row {
        json: describe(secret, None),
        fields,
    }
}

fn ago(time: &str) -> String {
    time.parse()
        .map_or_else(|_| time.to_owned(), |at| human::ago(at, jiff::Timestamp::now()))
}

/// A secret in podman's form.
fn describe(secret: &Secret, data: Option<&SecretData>) -> Value {
    let Secret {
        id,
        name,
        created,
        updated,
        driver,
        labels,
        options,
    } = secret;
    let mut object = json!({
        "ID": id, "CreatedAt": created, "UpdatedAt": updated,
        "Spec": {"Name": name, "Driver": {"Name": driver, "Options": options}, "Labels": labels},
    });
    if let Some(data) = data {
        object["SecretData"] = json!(String::from_utf8_lossy(data.expose()));
    }
    object
}

/// Show secrets in full, the content only on request.
///
/// Example: unipod secret inspect --format '{{.Spec.Name}}' db-password
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A Go template.
    #[arg(short, long)]
    format: Option<String>,
    /// Print readable lines instead of JSON; accepted for compatibility.
    #[arg(long)]
    pretty: bool,
    /// The content as well.
    #[arg(long)]
    showsecret: bool,
    /// Names or IDs.
    #[arg(required = true)]
    secrets: Vec<String>,
}

impl InspectArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let object = |name: &String| {
            let (secret, data) = find(store, name)?;
            Ok::<_, SecretError>(describe(&secret, self.showsecret.then_some(&data)))
        };
        let objects: Vec<Value> = self.secrets.iter().map(object).collect::<Result<_, _>>()?;
        print_inspect(&objects, self.format.as_deref())?;
        Ok(0)
    }
}

/// Remove secrets.
///
/// Example: unipod secret rm db-password
#[derive(Debug, Args)]
pub struct RmArgs {
    /// All secrets.
    #[arg(short, long, conflicts_with = "secrets")]
    all: bool,
    /// One that is not there is no error.
    #[arg(short, long)]
    ignore: bool,
    /// Names or IDs.
    #[arg(required_unless_present = "all")]
    secrets: Vec<String>,
}

impl RmArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let names = if self.all {
            list(store)?.into_iter().map(|s| s.name).collect()
        } else {
            self.secrets
        };
        Ok(each(&names, |name| match remove(store, name) {
            Ok(secret) => Ok(Some(secret.id)),
            Err(SecretError::NotFound(_)) if self.ignore => Ok(None),
            Err(error) => Err(error.into()),
        }))
    }
}

fn exists(store: &Store, name: &str) -> Result<u8, CliError> {
    match find(store, name) {
        Ok(_) => Ok(0),
        Err(SecretError::NotFound(_)) => Ok(1),
        Err(error) => Err(error.into()),
    }
}
