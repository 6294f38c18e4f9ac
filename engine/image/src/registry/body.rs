//! The body of an answer, piece by piece, as long as it comes fast enough. A server that sends a byte now and then would keep
//! a pull alive, and with it the start of a unit, for ever.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::Response;

use super::error::{RegistryError, place};

/// In so much time spent with waiting …
const WINDOW: Duration = Duration::from_secs(60);
/// … so many bytes have to come. The slowest line that is any good brings ten times as much.
const LEAST: u64 = 6_000;

/// A body that is read.
pub(crate) struct Body<S> {
    what: String,
    stream: S,
    pace: Pace,
}

impl Body<()> {
    pub(crate) fn of(response: Response) -> Body<impl Stream<Item = reqwest::Result<Bytes>> + Unpin> {
        Body {
            what: place(&response),
            stream: response.bytes_stream(),
            pace: Pace::default(),
        }
    }
}

impl<S: Stream<Item = reqwest::Result<Bytes>> + Unpin> Body<S> {
    /// Where it comes from, for messages.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or stands still, or nearly so.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RegistryError> {
        let since = Instant::now();
        let Some(piece) = self.stream.next().await else {
            return Ok(None);
        };
        let piece = piece.map_err(|e| RegistryError::network(&self.what, &e))?;
        if self.pace.keeps(since.elapsed(), piece.len() as u64) {
            Ok(Some(piece))
        } else {
            Err(RegistryError::Slow {
                what: self.what.clone(),
                least: LEAST,
                seconds: WINDOW.as_secs(),
            })
        }
    }
}

/// What came since the window began.
#[derive(Default)]
struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Counts a piece that was waited for. Returns whether enough came lately.
    fn keeps(&mut self, waited: Duration, bytes: u64) -> bool {
        self.waited += waited;
        self.bytes += bytes;
        if self.waited < WINDOW {
            return true;
        }
        std::mem::take(self).bytes >= LEAST
    }
}

/// Reads a body of at most `limit` bytes; a longer one is an error and not read to its end.
pub(super) async fn read_at_most(response: Response, limit: u64) -> Result<Vec<u8>, RegistryError> {
    let mut body = Body::of(response);
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > limit {
            let what = body.what().to_owned();
            return Err(RegistryError::TooLarge { what, limit });
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_no_transfer() {
        let seconds = Duration::from_secs;
        let mut trickle = Pace::default();
        assert!(trickle.keeps(seconds(59), 1));
        assert!(!trickle.keeps(seconds(59), 1));
        let mut slow = Pace::default();
        assert!((0..1000).all(|_| slow.keeps(seconds(5), 1_000)));
        // A disk that stands still is not the server's fault.
        let mut late = Pace::default();
        assert!(late.keeps(seconds(100), 16_384) && late.keeps(seconds(0), 1));
    }
}
