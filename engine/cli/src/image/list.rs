//! `images`, `image ls`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::json;

use super::filter::{self, Filter};
use super::summary::{Summary, repository_and_tag};
use crate::arguments::Listing;
use crate::error::CliError;
use crate::human;
use crate::output::{self, Row};
use unipod::store::Store;

/// List images.
///
/// Example: unipod images --format '{{.Repository}}:{{.Tag}} {{.Size}}'
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools)] // Each is a switch of its own.
pub struct LsArgs {
    /// Show images of this repository only
    repository: Option<String>,
    /// Accepted: there are no intermediate images to hide
    #[arg(short, long)]
    all: bool,
    /// Show digests
    #[arg(long)]
    digests: bool,
    /// Conditions on the images shown, such as dangling=true, label=KEY, reference=PATTERN, since=IMAGE
    #[arg(short, long, value_name = "KEY=VALUE")]
    filter: Vec<String>,
    /// Print whole IDs
    #[arg(long)]
    no_trunc: bool,
    #[command(flatten)]
    listing: Listing,
    /// In which order
    #[arg(long, value_enum, default_value_t = Order::Created)]
    sort: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Created,
    Id,
    Repository,
    Size,
    Tag,
}

impl LsArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let mut filters = self
            .filter
            .iter()
            .map(|text| Filter::parse(store, text))
            .collect::<Result<Vec<_>, _>>()?;
        filters.extend(self.repository.iter().cloned().map(Filter::Reference));
        let mut images = Summary::all(store)?;
        images.retain(|image| filter::fits(&filters, image));
        if self.listing.quiet {
            return self.print_ids(&images);
        }
        let rows = if self.listing.format.as_deref() == Some("json") {
            images.iter().map(json_row).collect()
        } else {
            self.rows(&images)
        };
        let digest = if self.digests { "\t{{.Digest}}" } else { "" };
        let table =
            format!("table {{{{.Repository}}}}\t{{{{.Tag}}}}{digest}\t{{{{.ID}}}}\t{{{{.Created}}}}\t{{{{.Size}}}}");
        self.listing.print(&rows, &table, &[("ID", "IMAGE ID")])
    }

    fn print_ids(&self, images: &[Summary]) -> Result<u8, CliError> {
        let ids: Vec<String> = images.iter().map(|image| self.id(image) + "\n").collect();
        output::print_text(&ids.concat())?;
        Ok(0)
    }

    /// One row per name.
    fn rows(&self, images: &[Summary]) -> Vec<Row> {
        let mut rows = Vec::new();
        for image in images {
            if image.names.is_empty() {
                rows.push((image, repository_and_tag(None)));
            }
            rows.extend(
                image
                    .names
                    .iter()
                    .filter(|name| self.shows(name))
                    .map(|name| (image, repository_and_tag(Some(name)))),
            );
        }
        match self.sort {
            // The images come in this order.
            Order::Created => {}
            Order::Id => rows.sort_by(|(a, _), (b, _)| a.record.id.cmp(&b.record.id)),
            Order::Repository => rows.sort_by(|(_, a), (_, b)| a.cmp(b)),
            Order::Size => rows.sort_by_key(|(image, _)| image.record.size),
            Order::Tag => rows.sort_by(|(_, (_, a)), (_, (_, b))| a.cmp(b)),
        }
        let now = Timestamp::now();
        rows.into_iter()
            .map(|(image, name)| self.row(image, name, now))
            .collect()
    }

    /// A repository that is asked for hides the image's other names.
    fn shows(&self, name: &str) -> bool {
        self.repository
            .as_ref()
            .is_none_or(|pattern| filter::refers(pattern, name))
    }

    fn row(&self, image: &Summary, (repository, tag): (String, String), now: Timestamp) -> Row {
        let since = human::ago(image.created, now);
        let fields = vec![
            ("Repository", repository),
            ("Tag", tag),
            ("ID", self.id(image)),
            ("Id", self.id(image)),
            ("Digest", image.record.manifest.clone()),
            ("Created", since.clone()),
            ("CreatedSince", since),
            ("CreatedAt", image.created.to_string()),
            ("CreatedTime", image.created.to_string()),
            ("Size", human::size(image.record.size)),
            ("VirtualSize", human::size(image.record.size)),
            ("Names", image.names.join(" ")),
            ("RepoTags", image.tags().join(" ")),
            ("RepoDigests", image.digests().join(" ")),
            ("Labels", human::pairs(&image.labels())),
        ];
        Row {
            json: json_row(image).json,
            fields,
        }
    }

    fn id(&self, image: &Summary) -> String {
        if self.no_trunc {
            image.record.id.clone()
        } else {
            image.hex().chars().take(12).collect()
        }
    }
}

/// The object of `--format json`, one per image.
fn json_row(image: &Summary) -> Row {
    let json = json!({
        "Id": image.hex(),
        "ParentId": "",
        "RepoTags": image.tags(),
        "RepoDigests": image.digests(),
        "Size": image.record.size,
        "SharedSize": 0,
        "VirtualSize": image.record.size,
        "Labels": image.labels(),
        "Containers": 0,
        "Names": image.names,
        "Digest": image.record.manifest,
        "Created": image.created.as_second(),
        "CreatedAt": image.created.to_string(),
    });
    Row {
        json,
        fields: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use unipod::image::remove::tag;
    use unipod_image::testing::Lab;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: LsArgs,
    }

    fn table(lab: &Lab, words: &[&str]) -> Vec<String> {
        let args = Command::parse_from(std::iter::once(&"images").chain(words)).args;
        let rows = args.rows(&Summary::all(&lab.store).unwrap());
        rows.iter()
            .map(|row| {
                row.fields
                    .iter()
                    .filter(|(k, _)| matches!(*k, "Repository" | "Tag" | "ID"))
                    .map(|(_, v)| v.as_str())
                    .collect::<Vec<_>>()
                    .join(" ")
            })
            .collect()
    }

    #[test]
    fn one_row_per_name_and_one_object_per_image() {
        let lab = Lab::new();
        let old = lab.image("localhost/a:latest", "old");
        let new = lab.image("localhost/a:latest", "new");
        tag(&lab.store, "a", "b:2").unwrap();
        let short = |id: &str| id[7..19].to_owned();
        let rows = table(&lab, &["--sort", "tag"]);
        assert_eq!(
            rows,
            [
                format!("localhost/b 2 {}", short(&new.id)),
                format!("<none> <none> {}", short(&old.id)),
                format!("localhost/a latest {}", short(&new.id)),
            ]
        );
        assert_eq!(table(&lab, &["b"]).len(), 2, "the filter on images is applied before");
        assert!(table(&lab, &["--no-trunc", "--sort", "repository"])[1].ends_with(&new.id));
        let images = Summary::all(&lab.store).unwrap();
        let named = images.iter().find(|image| !image.names.is_empty()).unwrap();
        let json = json_row(named).json;
        assert_eq!(json["Id"], new.id[7..]);
        assert_eq!(json["Names"], json!(["localhost/a:latest", "localhost/b:2"]));
        assert_eq!(json["RepoDigests"][0], format!("localhost/a@{}", new.manifest_digest));
        assert_eq!(json["Created"], 1_714_979_289);
    }
}
