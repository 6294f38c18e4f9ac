//! A bad line to the registry: slow, or cut after a while. Runs inside the machine as `machine proxy …`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::machine::{Machine, MachineConfig};

/// Bytes passed on at once: small beside a second's worth, so that the rate is even.
const PIECE: usize = 16 * 1024;

/// Where the proxy is inside.
const PROGRAM: &str = "/usr/local/bin/machine";

/// How a line is bad.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Bytes per second towards the client, over each connection.
    pub rate: u64,
    /// Every connection is cut after this many bytes towards the client.
    pub cut: u64,
}

/// Listens on `listen` and passes everything to `target`; prints the bytes sent to clients as each connection ends.
///
/// # Errors
/// The port cannot be had.
pub fn serve(listen: &str, target: &str, line: Line) -> io::Result<()> {
    let total = Arc::new(AtomicU64::new(0));
    for client in TcpListener::bind(listen)?.incoming() {
        let (client, server) = (client?, TcpStream::connect(target)?);
        let (upstream, sink) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            pass(
                upstream,
                sink,
                Line {
                    rate: u64::MAX,
                    cut: u64::MAX,
                },
            )
        });
        let total = Arc::clone(&total);
        thread::spawn(move || {
            let sent = pass(server, client, line);
            println!("{}", total.fetch_add(sent, Ordering::Relaxed) + sent);
        });
    }
    Ok(())
}

/// Passes bytes on at the line's rate until either side ends or the line is cut; returns how many.
fn pass(mut from: TcpStream, mut to: TcpStream, line: Line) -> u64 {
    let (start, mut sent, mut piece) = (Instant::now(), 0, vec![0; PIECE]);
    while sent < line.cut {
        let count = match from.read(&mut piece) {
            Ok(count) if count > 0 => count,
            _ => break,
        };
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        sent += count as u64;
        let due = Duration::from_micros(sent.saturating_mul(1_000_000) / line.rate);
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
    // One side may be gone already, which is what this asks for.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
    sent
}

/// Adds the proxy's program to a machine.
///
/// # Errors
/// The program is not built.
pub fn install(config: MachineConfig) -> io::Result<MachineConfig> {
    Ok(config.file(crate::machine::helper()?, PROGRAM))
}

/// Starts a proxy on `registry.local:PORT` before the registry, as the unit `proxy-PORT`.
///
/// # Panics
/// It does not start.
#[track_caller]
pub fn start(machine: &Machine, port: u16, line: Line) {
    let (unit, listen) = (format!("--unit=proxy-{port}"), format!("127.0.0.1:{port}"));
    let (rate, cut) = (line.rate.to_string(), line.cut.to_string());
    machine
        .run(&[
            "systemd-run",
            "--quiet",
            "--collect",
            &unit,
            PROGRAM,
            "proxy",
            &listen,
            "127.0.0.1:5000",
            &rate,
            &cut,
        ])
        .ok();
    machine.wait_for(&format!("curl -fsS http://registry.local:{port}/v2/"));
}

/// The bytes a proxy has sent to clients whose connections are over.
///
/// # Panics
/// The journal does not answer.
#[track_caller]
pub fn sent(machine: &Machine, port: u16) -> u64 {
    let lines = machine.journal(&format!("proxy-{port}"));
    lines.lines().filter_map(|line| line.parse().ok()).max().unwrap_or(0)
}
