//! What a plan keeps, as a stream of bytes: the input without its cuts, and the EOF opcode.

use super::Plan;
use rdb::Opcode;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// Reads the kept parts. No checksum follows them.
#[derive(Debug)]
pub struct Kept {
    file: File,
    /// Ranges not read yet, the last one first.
    ranges: Vec<(u64, u64)>,
    ended: bool,
}

impl Kept {
    /// Of the file that `plan` was made for.
    pub fn new(file: File, plan: &Plan) -> Kept {
        let mut ranges = Vec::with_capacity(plan.cuts.len() + 1);
        let mut at = 0;
        for cut in &plan.cuts {
            ranges.push((at, cut.from));
            at = at.max(cut.to);
        }
        ranges.push((at, plan.end));
        ranges.retain(|(from, to)| from < to);
        ranges.reverse();
        Kept {
            file,
            ranges,
            ended: false,
        }
    }
}

impl Read for Kept {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let Some((from, to)) = self.ranges.last_mut() else {
            let first = !std::mem::replace(&mut self.ended, true);
            buf[0] = Opcode::Eof.number();
            return Ok(usize::from(first));
        };
        let want = buf.len().min((*to - *from) as usize);
        let n = self.file.read_at(&mut buf[..want], *from)?;
        if n == 0 {
            let shorter = "the file has become shorter";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, shorter));
        }
        *from += n as u64;
        if from == to {
            self.ranges.pop();
        }
        Ok(n)
    }
}
