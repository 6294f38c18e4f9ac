//! Builds every image once and keeps the filled registry for the runs after.
//!
//! The images are pushed over HTTP to a real `docker-registry` in a test machine, whose storage directory is the host's
//! `target/test-images/KEY`; tests see it read-only. KEY is made of the recipes and of the packages' versions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::fcntl::{Flock, FlockArg};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::digest::hex_digest;
use super::layer::{Form, Layer, Packed};
use super::layout::ImageLayout;
use super::recipes::{PATH, RECIPES, Recipe, SHOP_APP, base};
use super::{packages, server};
use crate::machine::{Machine, MachineConfig};

/// How long pushing everything may take on a loaded machine.
const PUSH: Duration = Duration::from_secs(300);

/// Everything an image is made from, beside the packages.
const SOURCES: &[&str] = &[
    include_str!("build.rs"),
    include_str!("layer.rs"),
    include_str!("layout.rs"),
    include_str!("packages.rs"),
    include_str!("recipes.rs"),
    include_str!("scripts/mariadb.sh"),
    include_str!("scripts/nginx.conf"),
    include_str!("scripts/nginx.sh"),
    include_str!("scripts/postgres.sh"),
    include_str!("scripts/redis.sh"),
    include_str!("scripts/web.conf"),
    include_str!("scripts/web.sh"),
    SHOP_APP,
];

/// The storage directory of a registry that holds all images; builds it when this is the first run.
///
/// # Errors
/// A package is missing, or the registry cannot be filled.
pub fn storage() -> io::Result<PathBuf> {
    let home = target_dir()?.join("test-images");
    fs::create_dir_all(&home)?;
    let storage = home.join(key()?);
    // Two tests may come first together: one builds, the other waits.
    let lock = fs::File::create(home.join("lock"))?;
    let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| io::Error::from(errno))?;
    if !storage.is_dir() {
        for old in fs::read_dir(&home)?
            .filter_map(Result::ok)
            .filter(|entry| entry.path().is_dir())
        {
            fs::remove_dir_all(old.path())?;
        }
        let half = tempfile::Builder::new().prefix("half-").tempdir_in(&home)?;
        fill(half.path())?;
        fs::rename(half.path().join("registry"), &storage)?;
    }
    Ok(storage)
}

fn target_dir() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let profile = program.ancestors().find(|dir| dir.join("machine").is_file());
    profile
        .and_then(Path::parent)
        .map(Path::to_owned)
        .ok_or_else(|| io::Error::other("no target directory"))
}

fn key() -> io::Result<String> {
    let names: Vec<&str> = RECIPES
        .iter()
        .flat_map(|recipe| recipe.packages)
        .copied()
        .chain(["busybox-static"])
        .collect();
    let mut digest = Sha256::new_with_prefix(packages::versions(&names)?);
    for source in SOURCES {
        digest.update(source);
    }
    Ok(hex_digest(digest).trim_start_matches("sha256:")[..16].to_owned())
}

/// Builds all images in `dir` and pushes them to a registry that stores in `dir/registry`.
fn fill(dir: &Path) -> io::Result<()> {
    let mut layout = ImageLayout::create(&dir.join("layout"))?;
    fs::create_dir(dir.join("registry"))?;
    let below = base_layer()?;
    let mut pushes = Vec::new();
    for recipe in RECIPES {
        let name = recipe.names[0].replace(['/', ':'], "-");
        let image = build(&layout, &below, recipe)?;
        layout.name(&name, image);
        pushes.extend(recipe.names.iter().map(|to| format!("{name} {to}")));
    }
    let variants = variants(&mut layout, &below)?;
    pushes.extend(variants.iter().map(|name| format!("{name} {name}:latest --all")));
    pushes.push("tools-latest schema2:latest --format=v2s2".to_owned());
    layout.finish()?;
    push(dir, &pushes)
}

fn base_layer() -> io::Result<Packed> {
    let applets = Command::new("busybox").arg("--list").output()?.stdout;
    base(fs::read("/bin/busybox")?, &String::from_utf8_lossy(&applets)).pack(Form::Gzip)
}

fn build(layout: &ImageLayout, below: &Packed, recipe: &Recipe) -> io::Result<Value> {
    let mut own = (recipe.files)();
    packages::add(&mut own, recipe.packages, recipe.programs)?;
    let own = own.pack(Form::Gzip)?;
    layout.image(&[below, &own], &(recipe.config)(), "amd64")
}

/// Images that exist for the form of their manifest.
fn variants(layout: &mut ImageLayout, below: &Packed) -> io::Result<Vec<&'static str>> {
    let config = json!({ "Cmd": ["cat", "/architecture"], "Env": [PATH] });
    let mut images = Vec::new();
    for architecture in ["arm64", "amd64", "s390x"] {
        let own = Layer::default()
            .text("/architecture", 0o644, &format!("{architecture}\n"))
            .pack(Form::Gzip)?;
        images.push(layout.image(&[below, &own], &config, architecture)?);
    }
    let index = layout.index(&images)?;
    layout.name("multi", index);
    let own = Layer::default()
        .text("/architecture", 0o644, "amd64\n")
        .pack(Form::Zstd)?;
    let zstd = layout.image(&[below, &own], &config, "amd64")?;
    layout.name("zstd", zstd);
    Ok(vec!["multi", "zstd"])
}

fn push(dir: &Path, pushes: &[String]) -> io::Result<()> {
    // On the host's root whatever the tests run on: what is made here is the same for all.
    let config = server::configure(MachineConfig::default().root("/"))
        .share_writable(dir.join("registry"), server::STORAGE)
        .share(dir.join("layout"), "/srv/layout");
    let machine = Machine::try_boot(&config)?;
    server::wait(&machine);
    for line in pushes {
        let mut words = line.split(' ');
        let (from, to) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let from = format!("oci:/srv/layout:{from}");
        let to = format!("docker://127.0.0.1:5000/{to}");
        let mut argv = vec![
            "skopeo",
            "copy",
            "--quiet",
            "--insecure-policy",
            "--dest-tls-verify=false",
        ];
        argv.extend(words);
        argv.extend([from.as_str(), to.as_str()]);
        let output = machine.run_within(PUSH, &argv);
        if !output.success() {
            return Err(io::Error::other(output.to_string()));
        }
    }
    Ok(())
}
