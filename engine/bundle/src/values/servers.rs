//! Name servers as `--dns` names them.

use std::net::IpAddr;

use crate::BundleError;

/// Name servers are addresses; `none` leaves the image's file as it is. Empty texts do not count.
///
/// # Errors
/// One is no address, or `none` has company.
pub fn parse(given: Vec<String>) -> Result<Vec<String>, BundleError> {
    let given: Vec<String> = given.into_iter().filter(|text| !text.is_empty()).collect();
    let refused = |value: &str, reason: &str| Err(BundleError::invalid("--dns", value, reason));
    let wrong = given
        .iter()
        .find(|text| *text != "none" && text.parse::<IpAddr>().is_err());
    match wrong {
        Some(text) => refused(text, "expected an IP address, or none"),
        None if given.len() > 1 && given.iter().any(|text| text == "none") => {
            refused(&given.join(","), "none stands alone")
        }
        None => Ok(given),
    }
}
