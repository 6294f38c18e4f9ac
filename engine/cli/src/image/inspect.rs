//! `image inspect`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::summary::Summary;
use crate::error::CliError;
use crate::output;
use unipod::image::{ImageError, records};
use unipod::store::Store;

/// Show all that is known about images.
///
/// Example: unipod image inspect --format '{{.Config.Cmd}}' docker.io/library/nginx
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Names or IDs
    #[arg(required = true)]
    images: Vec<String>,
    /// Print JSON or through a Go template
    #[arg(short, long)]
    format: Option<String>,
}

impl InspectArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let object = |name: &String| inspect(store, name)?.ok_or_else(|| ImageError::NotFound { name: name.clone() });
        let objects = self.images.iter().map(object).collect::<Result<Vec<_>, _>>()?;
        output::print_inspect(&objects, self.format.as_deref().filter(|format| *format != "json"))?;
        Ok(0)
    }
}

/// What `image inspect` shows of one image, with podman's keys; `None` if there is no such image.
///
/// # Errors
/// The image is damaged, or the name fits several.
pub fn inspect(store: &Store, name: &str) -> Result<Option<Value>, ImageError> {
    match Summary::find(store, name) {
        Ok(summary) => object(store, &summary).map(Some),
        Err(ImageError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn object(store: &Store, summary: &Summary) -> Result<Value, ImageError> {
    let image = records::load(store, &summary.record)?;
    let manifest = records::manifest(store, &summary.record)?;
    let raw = records::raw_config(store, &image)?;
    let text = |key: &str| raw[key].as_str().unwrap_or_default().to_owned();
    let mut config = raw["config"].as_object().cloned().unwrap_or_default();
    let health = config.remove("Healthcheck");
    let mut object = json!({
        "Id": summary.hex(),
        "Digest": image.manifest_digest,
        "RepoTags": summary.tags(),
        "RepoDigests": summary.digests(),
        "Parent": "",
        "Comment": raw["comment"].as_str().unwrap_or_default(),
        "Created": summary.created.to_string(),
        "Config": oci_config(config),
        "Version": text("docker_version"),
        "Author": text("author"),
        "Architecture": text("architecture"),
        "Os": text("os"),
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": {"Name": "overlay", "Data": graph_data(&image.layers)},
        "RootFS": {"Type": "layers", "Layers": image.config.rootfs().diff_ids()},
        "Labels": summary.labels(),
        "Annotations": manifest.annotations().clone().unwrap_or_default(),
        "ManifestType": manifest.media_type().as_ref().map_or_else(|| "application/vnd.oci.image.manifest.v1+json".into(), ToString::to_string),
        "User": raw["config"]["User"].as_str().unwrap_or_default(),
        "History": raw["history"].as_array().cloned().unwrap_or_default(),
        "NamesHistory": summary.names,
    });
    if let Some(variant) = raw["variant"].as_str() {
        object["Variant"] = variant.into();
    }
    if let Some(health) = health {
        object["HealthCheck"] = health;
    }
    Ok(object)
}

/// The configuration's keys that the OCI specification knows; those without a value are left out, as podman does.
fn oci_config(mut config: Map<String, Value>) -> Value {
    const KEYS: [&str; 10] = [
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "Labels",
        "StopSignal",
        "ArgsEscaped",
    ];
    config.retain(|key, value| KEYS.contains(&key.as_str()) && !value.is_null() && value != "" && value != false);
    Value::Object(config)
}

/// Where the layers are, topmost apart, as the overlay driver of podman tells it.
fn graph_data(layers: &[std::path::PathBuf]) -> Value {
    let mut paths = layers.iter().rev().map(|layer| layer.display().to_string());
    let upper = paths.next().unwrap_or_default();
    let lower: Vec<String> = paths.collect();
    let mut data = json!({"UpperDir": upper});
    if !lower.is_empty() {
        data["LowerDir"] = lower.join(":").into();
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_image::testing::Lab;

    #[test]
    fn podmans_keys() {
        let lab = Lab::new();
        let image = lab.image("localhost/a:latest", "abc");
        let object = inspect(&lab.store, "a").unwrap().unwrap();
        assert_eq!(object["Id"], image.id[7..]);
        assert_eq!(object["RepoTags"], json!(["localhost/a:latest"]));
        assert_eq!(object["Config"], json!({"Cmd": ["abc"], "Labels": {"content": "abc"}}));
        assert_eq!(object["HealthCheck"]["Test"][0], "CMD");
        assert_eq!(object["Architecture"], "amd64");
        assert_eq!(
            object["GraphDriver"]["Data"]["UpperDir"],
            image.layers[1].to_str().unwrap()
        );
        assert_eq!(object["RootFS"]["Layers"].as_array().unwrap().len(), 2);
        assert_eq!(inspect(&lab.store, "b").unwrap(), None);
    }
}
