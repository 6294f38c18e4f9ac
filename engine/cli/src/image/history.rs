//! `history`, `image history`.

use clap::{ArgAction, Args};
use jiff::Timestamp;
use serde_json::json;

use crate::error::CliError;
use crate::human;
use crate::output::{self, Row};
use unipod::image::{Image, ImageError, find, layers};
use unipod::store::Store;

/// Show how an image was made.
///
/// Example: unipod history docker.io/library/nginx
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// Name or ID
    image: String,
    /// Print JSON or through a Go template
    #[arg(long)]
    format: Option<String>,
    /// Print sizes and times in words
    #[arg(short = 'H', long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true")]
    human: bool,
    /// Print whole IDs and commands
    #[arg(long)]
    no_trunc: bool,
    /// Print IDs only
    #[arg(short, long)]
    quiet: bool,
}

/// One step of the making.
struct Step {
    id: String,
    created: Option<Timestamp>,
    created_by: String,
    comment: String,
    size: u64,
}

impl HistoryArgs {
    /// Does it. Returns the exit code.
    pub fn run(self, store: &Store) -> Result<u8, CliError> {
        let not_found = || ImageError::NotFound {
            name: self.image.clone(),
        };
        let image = find(store, &self.image)?.ok_or_else(not_found)?;
        let steps = steps(store, &image)?;
        if self.quiet {
            let ids: Vec<String> = steps.iter().map(|step| self.id(step) + "\n").collect();
            output::print_text(&ids.concat())?;
            return Ok(0);
        }
        let now = Timestamp::now();
        let rows: Vec<Row> = steps.iter().map(|step| self.row(step, now)).collect();
        let table = "table {{.ID}}\t{{.Created}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
        output::print_list(&rows, table, &[], self.format.as_deref(), false)?;
        Ok(0)
    }

    fn row(&self, step: &Step, now: Timestamp) -> Row {
        let at = step.created.map_or_else(|| "N/A".to_owned(), |time| time.to_string());
        let since = step
            .created
            .map_or_else(|| "N/A".to_owned(), |time| human::ago(time, now));
        let size = if self.human {
            human::size(step.size)
        } else {
            step.size.to_string()
        };
        let by = &step.created_by;
        let short = |text: &str| {
            if text.chars().count() > 45 {
                text.chars().take(42).chain("...".chars()).collect()
            } else {
                text.to_owned()
            }
        };
        let fields = vec![
            ("ID", self.id(step)),
            ("Created", if self.human { since.clone() } else { at.clone() }),
            ("CreatedAt", at.clone()),
            ("CreatedSince", since),
            ("CreatedBy", if self.no_trunc { by.clone() } else { short(by) }),
            ("Size", size),
            ("Comment", step.comment.clone()),
            ("Tags", String::new()),
        ];
        let json = json!({
            "id": step.id, "created": at, "CreatedBy": by, "size": step.size, "comment": step.comment, "tags": [],
        });
        Row { json, fields }
    }

    fn id(&self, step: &Step) -> String {
        let digits = step.id.strip_prefix("sha256:").unwrap_or(&step.id);
        if self.no_trunc {
            step.id.clone()
        } else {
            digits.chars().take(12).collect()
        }
    }
}

/// The steps, the latest first; only that one is an image of its own.
fn steps(store: &Store, image: &Image) -> Result<Vec<Step>, CliError> {
    let mut layers = layers::chain_ids(image.config.rootfs().diff_ids()).into_iter();
    let mut steps = Vec::new();
    for entry in image.config.history().iter().flatten() {
        let layer = if entry.empty_layer().unwrap_or(false) {
            None
        } else {
            layers.next()
        };
        let size = match layer {
            Some(chain_id) => layers::info(store, &chain_id)?.map_or(0, |info| info.size),
            None => 0,
        };
        steps.push(Step {
            id: "<missing>".into(),
            created: entry.created().as_ref().and_then(|text| text.parse().ok()),
            created_by: entry.created_by().clone().unwrap_or_default(),
            comment: entry.comment().clone().unwrap_or_default(),
            size,
        });
    }
    if let Some(last) = steps.last_mut() {
        last.id.clone_from(&image.id);
    }
    steps.reverse();
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unipod_image::testing::Lab;

    #[test]
    fn steps_have_the_sizes_of_their_layers() {
        let lab = Lab::new();
        let image = lab.image("localhost/a:latest", "abc");
        let steps = steps(&lab.store, &image).unwrap();
        let shown: Vec<_> = steps
            .iter()
            .map(|s| (s.created_by.as_str(), s.size, s.id.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                ("ADD own /", 3, image.id.as_str()),
                ("ENV A=B", 0, "<missing>"),
                ("ADD common /", 6, "<missing>")
            ]
        );
    }
}
