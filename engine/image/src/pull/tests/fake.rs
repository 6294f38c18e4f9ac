//! A registry of one thread that can misbehave: it serves samples, but a test may answer any request itself.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::sample::Sample;

/// One request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Path and query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// One answer. `body` may be shorter than `length` says.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    pub length: Option<usize>,
}

impl Answer {
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            body: body.into(),
            ..Self::default()
        }
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

type Handler = dyn FnMut(&Request, &Sample) -> Option<Answer> + Send;

/// A running registry; dropped means stopped.
pub struct Fake {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Serves `sample`; where `handler` answers, its answer is used.
    pub fn serve(sample: Sample, handler: impl FnMut(&Request, &Sample) -> Option<Answer> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (log, stop) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (their_log, their_stop) = (log.clone(), stop.clone());
        let handler: Arc<Mutex<Handler>> = Arc::new(Mutex::new(handler));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if their_stop.load(SeqCst) {
                    break;
                }
                let (sample, log, handler) = (sample.clone(), their_log.clone(), handler.clone());
                std::thread::spawn(move || exchange(&stream.unwrap(), &sample, &log, &handler));
            }
        });
        Self {
            address,
            log,
            stop,
            thread: Some(thread),
        }
    }

    /// Serves `sample` as it should.
    pub fn plain(sample: Sample) -> Self {
        Self::serve(sample, |_, _| None)
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// All HTTP requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests had `part` in their path.
    pub fn count(&self, part: &str) -> usize {
        self.requests().iter().filter(|r| r.path.contains(part)).count()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn exchange(stream: &TcpStream, sample: &Sample, log: &Mutex<Vec<Request>>, handler: &Mutex<Handler>) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // What is no HTTP (a TLS handshake) is dropped.
    let Some(request) = read(stream) else { return };
    log.lock().unwrap().push(request.clone());
    let own = handler.lock().unwrap()(&request, sample);
    let answer = own.unwrap_or_else(|| serve(&request, sample));
    let length = answer.length.unwrap_or(answer.body.len());
    let mut head = format!(
        "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {length}\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let mut stream = stream;
    let _ = stream
        .write_all(format!("{head}\r\n").as_bytes())
        .and_then(|()| stream.write_all(&answer.body));
    let _ = stream.shutdown(Shutdown::Write);
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    if reader.fill_buf().ok()?.first().is_none_or(|b| !b.is_ascii_uppercase()) {
        return None;
    }
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().map(|_| text.trim_end().to_owned())
    };
    let start = line()?;
    let mut words = start.split(' ');
    let _method = words.next()?;
    let mut request = Request {
        path: words.next()?.to_owned(),
        headers: Vec::new(),
    };
    while let Some(header) = line().filter(|l| !l.is_empty()) {
        let (name, value) = header.split_once(':')?;
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Some(request)
}

/// What a good registry answers.
pub fn serve(request: &Request, sample: &Sample) -> Answer {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    if request.path.contains("/manifests/") {
        let by_digest = sample.manifests.iter().find(|(digest, ..)| digest == last);
        let found = if last.starts_with("sha256:") {
            by_digest
        } else {
            sample.manifests.last()
        };
        return match found {
            Some((_, media_type, bytes)) => Answer::ok(bytes.clone()).header("Content-Type", *media_type),
            None => Answer::status(404),
        };
    }
    match (sample.blobs.get(last), range(request)) {
        (None, _) => Answer::status(404),
        (Some(blob), Some(from)) if from < blob.len() => Answer {
            status: 206,
            ..Answer::ok(&blob[from..])
        },
        (Some(_), Some(_)) => Answer::status(416),
        (Some(blob), None) => Answer::ok(blob.clone()),
    }
}

/// Where the wanted range begins.
pub fn range(request: &Request) -> Option<usize> {
    request
        .header("range")?
        .strip_prefix("bytes=")?
        .strip_suffix('-')?
        .parse()
        .ok()
}
