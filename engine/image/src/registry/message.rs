//! What a registry says about a refusal.

use reqwest::Response;
use serde::Deserialize;

use super::body::read_at_most;

/// Of an error's body, this much is worth reading.
const MAX_MESSAGE: u64 = 16 << 10;

/// The error document of the distribution specification, "Error Codes".
#[derive(Deserialize)]
struct Document {
    errors: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// What a registry says about a refusal, in one line.
pub(super) async fn message_of(response: Response) -> String {
    let Ok(body) = read_at_most(response, MAX_MESSAGE).await else {
        return String::new();
    };
    let Ok(document) = serde_json::from_slice::<Document>(&body) else {
        return String::new();
    };
    let text = |e: Item| if e.message.is_empty() { e.code } else { e.message };
    let line = document.errors.into_iter().map(text).collect::<Vec<_>>().join("; ");
    // It goes to terminals and journals.
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}
