//! What lists and filters know about an image.

use std::collections::BTreeMap;

use jiff::Timestamp;

use unipod::image::records::{self, Record};
use unipod::image::{Image, ImageError, find};
use unipod::store::Store;

/// An image with all its names.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    /// Any one of its records.
    pub(super) record: Record,
    /// All its names, in order.
    pub(super) names: Vec<String>,
    /// Its configuration; `None` if the image is damaged.
    pub(super) image: Option<Image>,
    /// When it was made, or recorded if it does not say.
    pub(super) created: Timestamp,
}

impl Summary {
    /// All images, the newest first.
    pub(super) fn all(store: &Store) -> Result<Vec<Self>, ImageError> {
        let mut by_id: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for record in records::all(store)? {
            by_id.entry(record.id.clone()).or_default().push(record);
        }
        let mut all: Vec<Self> = by_id
            .into_values()
            .filter_map(|records| Self::new(store, records))
            .collect();
        all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.names.cmp(&b.names)));
        Ok(all)
    }

    /// The image that `name` means.
    pub(super) fn find(store: &Store, name: &str) -> Result<Self, ImageError> {
        let not_found = || ImageError::NotFound { name: name.to_owned() };
        let record = find::find_record(store, name)?.ok_or_else(not_found)?;
        let mut records = records::all(store)?;
        records.retain(|other| other.id == record.id);
        Self::new(store, records).ok_or_else(not_found)
    }

    fn new(store: &Store, records: Vec<Record>) -> Option<Self> {
        let names = records.iter().filter_map(|record| record.name.clone()).collect();
        let record = records.into_iter().next()?;
        let image = match records::load(store, &record) {
            Ok(image) => Some(image),
            Err(error) => {
                tracing::warn!("{error}");
                None
            }
        };
        let created = image.as_ref().and_then(|image| image.config.created().clone());
        let created = created
            .and_then(|text| text.parse().ok())
            .or_else(|| record.recorded.parse().ok());
        Some(Self {
            created: created.unwrap_or(Timestamp::UNIX_EPOCH),
            record,
            names,
            image,
        })
    }

    /// The ID's digits, without `sha256:`.
    pub(super) fn hex(&self) -> &str {
        self.record.id.strip_prefix("sha256:").unwrap_or(&self.record.id)
    }

    /// Names with a tag.
    pub(super) fn tags(&self) -> Vec<String> {
        self.names.iter().filter(|name| !name.contains('@')).cloned().collect()
    }

    /// Each repository with the manifest's digest.
    pub(super) fn digests(&self) -> Vec<String> {
        let mut all: Vec<String> = self
            .names
            .iter()
            .map(|name| format!("{}@{}", find::repository_of(name), self.record.manifest))
            .chain(self.names.iter().filter(|name| name.contains('@')).cloned())
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Labels of the configuration.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.image.as_ref().and_then(|image| image.config.labels_of_config());
        labels
            .map(|labels| labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
            .unwrap_or_default()
    }
}

/// Repository and tag as tables show them, `<none>` for what is missing.
pub(super) fn repository_and_tag(name: Option<&str>) -> (String, String) {
    let none = || "<none>".to_owned();
    let Some(name) = name else { return (none(), none()) };
    let repository = find::repository_of(name);
    let tag = name[repository.len()..]
        .strip_prefix(':')
        .map(|tag| tag.split('@').next().unwrap_or(tag));
    (repository.to_owned(), tag.map_or_else(none, str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_name() {
        for (name, repository, tag) in [
            (Some("localhost:5000/a/b:1"), "localhost:5000/a/b", "1"),
            (Some("localhost:5000/a/b@sha256:00"), "localhost:5000/a/b", "<none>"),
            (None, "<none>", "<none>"),
        ] {
            assert_eq!(repository_and_tag(name), (repository.into(), tag.into()));
        }
    }
}
