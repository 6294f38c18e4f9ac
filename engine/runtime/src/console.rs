//! The console socket: over it the OCI runtime hands out the terminal of a container that it does not stay with. (`docs/terminals.md`
//! of runc; crun and youki do the same.)

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::failure::RuntimeError;

/// Waits for a terminal.
#[derive(Debug)]
pub struct ConsoleSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl ConsoleSocket {
    /// A new one in the bundle, which it goes with.
    ///
    /// # Errors
    /// The path is too long for a socket (unix(7)), or cannot be written.
    pub fn listen(bundle: &Path) -> Result<Self, RuntimeError> {
        let path = bundle.join("console.sock");
        let listener = UnixListener::bind(&path).map_err(RuntimeError::io("listen at", &path))?;
        Ok(Self { path, listener })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The terminal of the container, once that is made: the end that reads what the container writes.
    ///
    /// # Errors
    /// The runtime has sent none.
    pub fn receive(&self) -> Result<OwnedFd, RuntimeError> {
        self.sent().map_err(RuntimeError::io("get a terminal from", &self.path))
    }

    fn sent(&self) -> io::Result<OwnedFd> {
        // It was sent before the runtime ended: nobody is waited for.
        self.listener.set_nonblocking(true)?;
        let (stream, _) = self.listener.accept()?;
        stream.set_nonblocking(true)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        // The name of the terminal, which nobody needs.
        let mut name = [0; 4096];
        let flags = RecvFlags::CMSG_CLOEXEC;
        recvmsg(&stream, &mut [IoSliceMut::new(&mut name)], &mut control, flags)?;
        let fds = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        fds.flatten().next().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::io::{IoSlice, Read};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn send(to: &UnixStream, fds: &[std::os::fd::BorrowedFd<'_>]) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(fds));
        sendmsg(to, &[IoSlice::new(b"/dev/pts/0")], &mut control, SendFlags::empty()).unwrap();
    }

    #[test]
    fn what_is_sent_arrives() {
        let dir = tempfile::tempdir().unwrap();
        let socket = ConsoleSocket::listen(dir.path()).unwrap();
        let (from, to) = io::pipe().unwrap();
        send(&UnixStream::connect(socket.path()).unwrap(), &[from.as_fd()]);
        drop((from, io::Write::write_all(&mut &to, b"hello"), to));
        let mut got = String::new();
        std::fs::File::from(socket.receive().unwrap())
            .read_to_string(&mut got)
            .unwrap();
        assert_eq!(got, "hello");
    }

    #[test]
    fn a_runtime_that_sends_nothing_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let socket = ConsoleSocket::listen(dir.path()).unwrap();
        let error = socket.receive().unwrap_err().to_string();
        assert!(error.contains("console.sock"), "{error}");
        std::fs::remove_file(dir.path().join("console.sock")).unwrap();
        let socket = ConsoleSocket::listen(dir.path()).unwrap();
        drop(UnixStream::connect(socket.path()).unwrap());
        socket.receive().unwrap_err();
    }
}
