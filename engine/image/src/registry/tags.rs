//! The tags of a repository (distribution-spec 1.1, "Listing Tags"), page by page.

use reqwest::header::{HeaderMap, LINK};
use reqwest::{Response, Url};
use serde::Deserialize;

use super::body::read_at_most;
use super::error::{RegistryError, place};
use super::session::Session;

/// Tags per page: what every registry grants.
const PAGE: u32 = 100;
/// A page larger than this is refused: a tag has at most 128 characters, but not all registries heed the page's size.
const MAX_PAGE: u64 = 16 << 20;
/// All pages together: ten times as many tags as the largest repositories have.
const MAX_LIST: u64 = 64 << 20;
/// More pages are taken for a registry that goes round in a circle.
const MAX_PAGES: usize = 10_000;

#[derive(Deserialize)]
struct Page {
    /// `null` where there are none.
    tags: Option<Vec<String>>,
}

impl Session {
    /// All tags of the repository, in the registry's order.
    pub async fn tags(&self) -> Result<Vec<String>, RegistryError> {
        let (mut tags, mut size) = (Vec::new(), 0);
        let mut query = format!("n={PAGE}");
        for _ in 0..MAX_PAGES {
            let response = self
                .get(&self.below(&format!("tags/list?{query}")), HeaderMap::new())
                .await?;
            let (url, next) = (place(&response), next_query(&response));
            let text = read_at_most(response, MAX_PAGE).await?;
            size += text.len() as u64;
            if size > MAX_LIST {
                return Err(RegistryError::TooLarge {
                    what: url,
                    limit: MAX_LIST,
                });
            }
            let page: Page = serde_json::from_slice(&text).map_err(|e| RegistryError::Answer {
                url: url.clone(),
                reason: format!("no list of tags: {e}"),
            })?;
            tags.extend(page.tags.unwrap_or_default());
            match next {
                None => return Ok(tags),
                Some(next) if next == query => return Err(circle(url)),
                Some(next) => query = next,
            }
        }
        Err(circle(self.below("tags/list")))
    }
}

fn circle(url: String) -> RegistryError {
    RegistryError::Answer {
        url,
        reason: "its list of tags has no end".into(),
    }
}

/// The query of the next page (RFC 8288 `Link` with `rel="next"`). The rest of the link is of no use: registries behind
/// a proxy do not know by what name they were asked.
fn next_query(response: &Response) -> Option<String> {
    let links = response
        .headers()
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok());
    links
        .flat_map(|header| header.split(','))
        .find_map(|link| next_of(response.url(), link))
}

fn next_of(base: &Url, link: &str) -> Option<String> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
    };
    parameters.split(';').find(|parameter| is_next(parameter))?;
    base.join(target).ok()?.query().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_next_page() {
        let base = Url::parse("http://r.example/v2/a/tags/list?n=2").unwrap();
        for (link, expected) in [
            ("</v2/a/tags/list?n=2&last=b>; rel=\"next\"", Some("n=2&last=b")),
            (
                " <https://inner:5000/x/tags/list?last=b%2Bc>;title=x; REL=next",
                Some("last=b%2Bc"),
            ),
            ("<?next_page=abc%3D>; rel=\"next\"", Some("next_page=abc%3D")),
            ("</v2/a/tags/list?n=2>; rel=\"prev\"", None),
            ("</v2/a/tags/list>; rel=\"next\"", None),
            ("/v2/a/tags/list?n=2; rel=\"next\"", None),
            ("", None),
        ] {
            assert_eq!(next_of(&base, link).as_deref(), expected, "{link}");
        }
    }
}
