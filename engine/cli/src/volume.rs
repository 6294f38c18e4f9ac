//! `unipod volume …`.

use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};

use super::arguments::{Filters, Listing, any_value, each, key_values};
use super::error::CliError;
use super::human;
use super::output::{self, Row, print_inspect};
use unipod::container::record::users_of_volume;
use unipod::service::remove_all;
use unipod::store::Store;
use unipod::volume::{Created, Volume, VolumeError, Wanted, create, find, list, remove};

const TABLE: &str = "table {{.Driver}}\t{{.VolumeName}}";

/// The subcommands of `unipod volume`.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
#[allow(missing_docs)] // What each does is said at its arguments, where clap finds it.
pub enum VolumeCommand {
    Create(CreateArgs),
    #[command(visible_alias = "list")]
    Ls(LsArgs),
    Inspect(InspectArgs),
    #[command(visible_alias = "remove")]
    Rm(RmArgs),
    /// Say by the exit code whether a volume exists: 0 yes, 1 no.
    ///
    /// Example: unipod volume exists shop-data || unipod volume create shop-data
    Exists {
        /// Name.
        volume: String,
    },
    Prune(PruneArgs),
}

impl VolumeCommand {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        match self {
            Self::Create(args) => args.run(store),
            Self::Ls(args) => args.run(store),
            Self::Inspect(args) => args.run(store),
            Self::Rm(args) => args.run(store),
            Self::Exists { volume } => Ok(u8::from(inspect(store, &volume)?.is_none())),
            Self::Prune(args) => args.run(store),
        }
    }
}

/// Create a volume.
///
/// Example: unipod volume create --label app=shop shop-data
#[derive(Debug, Args)]
#[command(mut_args(any_value))]
pub struct CreateArgs {
    /// A volume that exists is no error; it keeps its content and takes the definition, if one is given.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "false", action = ArgAction::Set)]
    ignore: bool,
    /// local or image.
    #[arg(short, long, default_value = "local")]
    driver: String,
    /// Label, KEY=VALUE.
    #[arg(short, long)]
    label: Vec<String>,
    /// Driver option, KEY=VALUE.
    #[arg(short, long)]
    opt: Vec<String>,
    /// Owner of the volume's root, a number or a name of the host.
    #[arg(long)]
    uid: Option<String>,
    /// Group of the volume's root, a number or a name of the host.
    #[arg(long)]
    gid: Option<String>,
    /// Name of the volume; made up if absent.
    name: Option<String>,
}

impl CreateArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let Self {
            ignore,
            driver,
            label,
            opt,
            uid,
            gid,
            name,
        } = self;
        let uid = uid.filter(|u| !u.is_empty()).map(|u| user(&u)).transpose()?;
        let gid = gid.filter(|g| !g.is_empty()).map(|g| group(&g)).transpose()?;
        let wanted = Wanted {
            name,
            driver,
            labels: key_values(&label),
            options: key_values(&opt),
            uid,
            gid,
            anonymous: false,
            boot: None,
        };
        let created = create(store, &wanted, ignore)?;
        if let Created::Updated(volume) = &created {
            let name = &volume.name;
            output::say_line(&format!(
                "Note: volume {name} has a new definition; its content is unchanged"
            ));
        }
        output::print_line(&created.volume().name);
        Ok(0)
    }
}

fn user(text: &str) -> Result<u32, CliError> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let user = nix::unistd::User::from_name(text)?;
    user.map(|u| u.uid.as_raw())
        .ok_or_else(|| CliError::new(format!("--uid {text:?}: no such user on this host")))
}

fn group(text: &str) -> Result<u32, CliError> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let group = nix::unistd::Group::from_name(text)?;
    group
        .map(|g| g.gid.as_raw())
        .ok_or_else(|| CliError::new(format!("--gid {text:?}: no such group on this host")))
}

/// List volumes.
///
/// Example: unipod volume ls --filter label=app=shop
#[derive(Debug, Args)]
pub struct LsArgs {
    /// Only those that match: name, driver, label, scope, dangling.
    #[arg(short, long)]
    filter: Vec<String>,
    #[command(flatten)]
    listing: Listing,
}

impl LsArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let Self { filter, listing } = self;
        let rows: Vec<Row> = filtered(store, &filter)?.iter().map(row).collect();
        listing.print(&rows, listing.default("{{.Name}}", TABLE), &[])
    }
}

fn filtered(store: &Store, words: &[String]) -> Result<Vec<Volume>, CliError> {
    let filters = Filters::parse(words, &["name", "driver", "label", "scope", "dangling"])?;
    let mut kept = Vec::new();
    for volume in list(store)? {
        let matches = filters.pass("name", |w| volume.name.contains(w))
            && filters.pass("driver", |w| volume.driver == w)
            && filters.pass("scope", |w| w == "local")
            && filters.pass_labels(&volume.labels);
        if matches && filters.pass_bool("dangling", users_of_volume(store, &volume.name)?.is_empty()) {
            kept.push(volume);
        }
    }
    Ok(kept)
}

fn row(volume: &Volume) -> Row {
    let fields = vec![
        ("Driver", volume.driver.clone()),
        ("VolumeName", volume.name.clone()),
        ("Name", volume.name.clone()),
        ("Mountpoint", volume.mountpoint.display().to_string()),
        ("CreatedAt", volume.created.clone()),
        ("Labels", human::pairs(&volume.labels)),
        ("Options", human::pairs(&volume.options)),
        ("Scope", "local".into()),
    ];
    Row {
        json: describe(volume),
        fields,
    }
}

/// A volume in podman's form.
fn describe(volume: &Volume) -> Value {
    let Volume {
        name,
        driver,
        mountpoint,
        created,
        labels,
        options,
        uid,
        gid,
        anonymous,
        boot: _,
    } = volume;
    let mut object = json!({
        "Name": name, "Driver": driver, "Mountpoint": mountpoint, "CreatedAt": created, "Labels": labels, "Scope": "local",
        "Options": options, "MountCount": 0, "NeedsCopyUp": !mountpoint.with_file_name("populated").exists(), "LockNumber": 0,
    });
    if let Some(uid) = uid {
        object["UID"] = json!(uid);
    }
    if let Some(gid) = gid {
        object["GID"] = json!(gid);
    }
    if *anonymous {
        object["Anonymous"] = json!(true);
    }
    object
}

/// Show volumes in full.
///
/// Example: unipod volume inspect --format '{{.Mountpoint}}' shop-data
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// All volumes.
    #[arg(short, long, conflicts_with = "volumes")]
    all: bool,
    /// A Go template.
    #[arg(short, long)]
    format: Option<String>,
    /// Names.
    #[arg(required_unless_present = "all")]
    volumes: Vec<String>,
}

impl InspectArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let volumes = if self.all {
            list(store)?
        } else {
            self.volumes.iter().map(|v| find(store, v)).collect::<Result<_, _>>()?
        };
        let objects: Vec<Value> = volumes.iter().map(describe).collect();
        print_inspect(&objects, self.format.as_deref())?;
        Ok(0)
    }
}

/// What `inspect` shows of the volume `name`; `None` if there is none.
pub fn inspect(store: &Store, name: &str) -> Result<Option<Value>, CliError> {
    match find(store, name) {
        Ok(volume) => Ok(Some(describe(&volume))),
        Err(VolumeError::NotFound(_) | VolumeError::Invalid { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Remove volumes.
///
/// Example: unipod volume rm shop-data
#[derive(Debug, Args)]
pub struct RmArgs {
    /// All volumes.
    #[arg(short, long, conflicts_with = "volumes")]
    all: bool,
    /// Also a volume that containers use; one that is not there is no error.
    #[arg(short, long)]
    force: bool,
    /// Seconds to wait for containers that are stopped; accepted for compatibility.
    #[arg(short, long)]
    time: Option<i64>,
    /// Names.
    #[arg(required_unless_present = "all")]
    volumes: Vec<String>,
}

impl RmArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        let names = if self.all {
            list(store)?.into_iter().map(|v| v.name).collect()
        } else {
            self.volumes
        };
        Ok(each(&names, |name| remove_one(store, name, self.force)))
    }
}

/// With podman's exit codes.
fn remove_one(store: &Store, name: &str, force: bool) -> Result<Option<String>, CliError> {
    // One whose record is damaged is found by its whole name alone.
    let full = match find(store, name) {
        Err(VolumeError::NotFound(_)) => Ok(name.to_owned()),
        found => found.map(|volume| volume.name),
    };
    let removed = match full {
        Ok(full) => {
            if force {
                remove_all(store, &users_of_volume(store, &full)?)?;
            }
            remove(store, &full, &users_of_volume(store, &full)?, false)
        }
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Ok(Some(name.to_owned())),
        Err(VolumeError::NotFound(_)) if force => Ok(None),
        Err(error @ VolumeError::NotFound(_)) => Err(CliError::from(error).code(1)),
        Err(error @ VolumeError::InUse { .. }) => Err(CliError::from(error).code(2)),
        Err(error) => Err(error.into()),
    }
}

/// Remove volumes that no container uses.
///
/// Example: unipod volume prune --force
#[derive(Debug, Args)]
pub struct PruneArgs {
    /// Do not ask. Nothing is ever asked; accepted for compatibility.
    #[arg(short, long)]
    force: bool,
    /// Named volumes as well; they always are, accepted for compatibility.
    #[arg(short, long)]
    all: bool,
    /// Only those that match: name, label.
    #[arg(long)]
    filter: Vec<String>,
}

impl PruneArgs {
    fn run(self, store: &Store) -> Result<u8, CliError> {
        unipod::volume::sweep(store)?;
        for volume in filtered(store, &self.filter)? {
            let users = users_of_volume(store, &volume.name)?;
            if users.is_empty() {
                remove(store, &volume.name, &users, false)?;
                output::print_line(&volume.name);
            }
        }
        Ok(0)
    }
}
