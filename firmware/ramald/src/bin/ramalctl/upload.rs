//! A file as the body of a request, read while it is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::failure::Failure;

/// Octets read at once.
const BLOCK: usize = 256 << 10;

/// The file and what is left of it.
pub struct FileBody {
    file: File,
    left: u64,
}

impl FileBody {
    /// Opens it.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let open = || {
            let file = File::open(path)?;
            let left = file.metadata()?.len();
            Ok(Self { file, left })
        };
        open().map_err(|error: io::Error| {
            Failure::Usage(format!("cannot read {}: {error}", path.display()))
        })
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut block = vec![0; BLOCK.min(usize::try_from(self.left).unwrap_or(BLOCK))];
        // A local file: nothing else runs in this program that would have to wait.
        Poll::Ready(Some(self.file.read_exact(&mut block).map(|()| {
            self.left -= block.len() as u64;
            Frame::data(Bytes::from(block))
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
