//! `pull --all-tags`: every image of a repository.

use super::endpoints::with_causes;
use super::ensure::ensure;
use super::error::PullError;
use super::task::Pull;
use crate::local::Source;
use crate::manifest::ManifestError;
use crate::reference::{Name, Reference, Version};
use crate::registry::Session;
use crate::{Image, ImageError, Progress, PullOptions, PullPolicy};
use unipod_store::Store;

/// Finds or pulls the images of all tags, each as [`ensure`] does; a tag in `name` is left out of account, as podman does.
/// What is tagged and no image (a signature, an attestation) is passed over.
///
/// # Errors
/// The tags cannot be listed, or there are none. If single ones fail, the others are pulled all the same.
pub fn ensure_all(
    store: &Store,
    name: &str,
    options: &PullOptions,
    progress: &dyn Progress,
) -> Result<Vec<Image>, ImageError> {
    let references = Pull::new(store, name, options, progress)?.references()?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for reference in &references {
        match ensure(store, &reference.to_string(), options, progress) {
            Ok(image) => images.push(image),
            Err(ImageError::Pull(PullError::Manifest {
                source: source @ ManifestError::Artifact(_),
                ..
            })) => {
                tracing::warn!("{reference} is passed over: {source}");
            }
            Err(error) => failures.push(with_causes(&error)),
        }
    }
    match (failures.len(), images.len()) {
        (0, 0) => Err(refused(name, "no tag of it is an image").into()),
        (0, _) => Ok(images),
        _ => Err(PullError::SomeTags {
            name: name.to_owned(),
            tags: references.len(),
            failures,
        }
        .into()),
    }
}

impl Pull<'_> {
    /// What the tags of the repository are in full.
    fn references(&self) -> Result<Vec<Reference>, ImageError> {
        let repository = self.repository()?;
        self.policy.check(&repository).map_err(PullError::from)?;
        self.tracker
            .status(&format!("Listing the tags of {}", repository.name()));
        let list = async || {
            let answer = self
                .first_answer(&repository, async |session: &Session| session.tags().await)
                .await;
            answer.map_err(|error| match error {
                // Not one tag was asked for.
                PullError::Unavailable { attempts, .. } => PullError::Unavailable {
                    image: repository.name(),
                    attempts,
                },
                other => other,
            })
        };
        let (_, mut tags) = self.block_on(list())?;
        // The order is only recommended (distribution-spec), and a page may repeat what the last one ended with.
        tags.sort();
        tags.dedup();
        if tags.is_empty() {
            return Err(refused(self.name, "the registry lists no tags").into());
        }
        let tagged = |tag: String| {
            let reference = Reference {
                version: Version::Tag(tag),
                ..repository.clone()
            };
            // The registry's word is no proof that it can be a file name or part of a URL.
            reference.to_string().parse::<Reference>().map_err(PullError::from)
        };
        Ok(tags.into_iter().map(tagged).collect::<Result<_, _>>()?)
    }

    /// podman-pull(1), `--all-tags`: a short name is not looked for in the search registries but always on docker.io.
    fn repository(&self) -> Result<Reference, PullError> {
        if self.options.policy == PullPolicy::Never {
            return Err(refused(
                self.name,
                "only the registry knows them, and the pull policy is never",
            ));
        }
        if Source::parse(self.name).is_some() {
            return Err(refused(self.name, "only a registry has tags to list"));
        }
        let name: Name = self.name.parse()?;
        if name.digest.is_some() {
            return Err(refused(self.name, "a digest names one image"));
        }
        Ok(name.qualify("docker.io"))
    }
}

fn refused(name: &str, reason: &'static str) -> PullError {
    PullError::AllTags {
        name: name.to_owned(),
        reason,
    }
}
