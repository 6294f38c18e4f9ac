//! What must hold for any bytes that come from outside. Shared by the seeded tests beside it and by the fuzz targets.

use std::fs;
use std::path::Path;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use unipod::bundle::ContainerOptions;
use unipod::bundle::devices::{self, cdi};
use unipod::bundle::files::hosts;
use unipod::bundle::mounts::volumes;
use unipod::bundle::process::users::Accounts;
use unipod::bundle::root::Root;
use unipod::bundle::values::{duration, size};
use unipod::config::{Config, Shared};
use unipod::image::reference::{Name, Reference};
use unipod::image::registries::{Files, Registries};
use unipod::image::registry::RawManifest;
use unipod::image::{layers, manifest};
use unipod::store::Store;

/// A text where people and unit files give one: as the name of an image, a size, a duration, a mount. Returns whether
/// anybody took it.
pub fn words(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let name = Name::from_str(&text).ok();
    if let Some(name) = &name {
        let whole = name.qualify("registry.example");
        let again = Reference::from_str(&whole.to_string()).expect("what we write, we read");
        assert_eq!(whole, again, "{text:?}");
    }
    let mounts = |give: &dyn Fn(&mut ContainerOptions)| {
        let mut options = ContainerOptions::default();
        give(&mut options);
        volumes::parse(&options, std::slice::from_ref(&text)).is_ok()
    };
    let taken = [
        duration::parse(&text).is_some(),
        size::parse(&text).is_some() | size::parse_limit(&text).is_some(),
        hosts::parse_add_host(&text, None).is_ok(),
        devices::parse(&text).is_ok(),
        mounts(&|options| options.volumes.push(text.clone())),
        mounts(&|options| options.mounts.push(text.clone())),
        mounts(&|options| options.tmpfs.push(text.clone())),
    ];
    name.is_some() || taken.contains(&true)
}

/// The answer of a registry: a manifest of any kind, an image's configuration. Returns whether it was taken for either.
pub fn answer(bytes: &[u8]) -> bool {
    let types = [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "text/plain",
    ];
    let configuration = manifest::configuration(bytes);
    let mut taken = configuration.is_ok();
    for media_type in types {
        let raw = RawManifest {
            bytes: bytes.to_vec(),
            media_type: media_type.to_owned(),
            digest: digest(bytes),
        };
        let parsed = manifest::Manifest::parse(&raw);
        taken |= parsed.is_ok();
        if let (Ok(manifest::Manifest::Image(image)), Ok(configuration)) = (&parsed, &configuration) {
            let _ = manifest::layers(image, configuration);
        }
    }
    taken
}

/// A description of CDI devices. Returns whether it was taken for one.
pub fn cdi(bytes: &[u8]) -> bool {
    cdi::Spec::parse(bytes).is_ok()
}

/// A file of the host or of an image: `registries.conf`, `/etc/passwd`, `/etc/group`. `dir` is there for it. Returns
/// whether it was taken for one of them.
pub fn files(dir: &Path, bytes: &[u8]) -> bool {
    let etc = dir.join("etc");
    fs::create_dir_all(&etc).expect("a directory");
    for name in ["registries.conf", "passwd", "group"] {
        fs::write(etc.join(name), bytes).expect("a file");
    }
    let conf = Files {
        main: vec![etc.join("registries.conf")],
        ..Files::default()
    };
    let registries = Registries::read(&conf);
    if let (Ok(registries), Ok(name)) = (&registries, Name::from_str("web")) {
        let _ = registries.candidates(&name);
        let _ = registries.endpoints(&name.qualify("registry.example"));
    }
    let accounts = Root::open(dir).and_then(|root| Accounts::read(&root));
    registries.is_ok() || accounts.is_ok_and(|accounts| accounts.find("web:www", &["log".to_owned()]).is_ok())
}

/// A `containers.conf`, after one that says something already. Returns whether it was taken.
pub fn containers_conf(bytes: &[u8]) -> bool {
    let mut config = Config::default();
    let first = "[containers]\nenv=['A=1', {append=true}]\n[engine.runtimes]\na=['/a']\n";
    config.merge(Path::new("/first"), first).expect("it is a good one");
    let text = String::from_utf8_lossy(bytes);
    let taken = config.merge(Path::new("/second"), &text);
    if let Err(error) = &taken {
        assert!(error.to_string().starts_with("/second:"), "{error}");
    }
    let is_clean = |text: &str| !text.contains(char::is_control);
    assert!(
        config.warnings().iter().all(|warning| is_clean(warning)),
        "{:?}",
        config.warnings()
    );
    taken.is_ok()
        && Shared::of(&config)
            .inspect_err(|error| assert!(is_clean(error)))
            .is_ok()
}

/// A layer: it is unpacked whole or not at all, and nothing outside of it changes. `dir` is empty. Returns whether it was.
pub fn layer(dir: &Path, bytes: &[u8]) -> bool {
    let bait = dir.join("bait");
    fs::write(&bait, "untouched").expect("a file");
    let store = Store::at(dir.join("data"), dir.join("run")).expect("a store");
    let blob = dir.join("blob");
    fs::write(&blob, bytes).expect("a file");
    let digest = digest(bytes);
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let unpacked = layers::unpack(&store, &blob, tar, &digest, &digest).is_ok();
    assert_eq!(unpacked, layers::is_unpacked(&store, &digest));
    assert_eq!(fs::read_to_string(&bait).expect("the bait"), "untouched");
    let mut names: Vec<_> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["bait", "blob", "data", "run"]);
    unpacked
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
