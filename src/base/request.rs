//! Requests as bytes.

use super::large;

/// Appends a request as an array of bulk strings.
pub fn encode_request<T: AsRef<[u8]>>(out: &mut Vec<u8>, argv: &[T]) {
    encode(out, argv, |_, _| false);
}

/// A mark and a number on a line. Nearly all numbers have one or two digits.
#[inline]
fn header(out: &mut Vec<u8>, mark: u8, n: usize) {
    match n {
        0..=9 => out.extend_from_slice(&[mark, b'0' + n as u8, b'\r', b'\n']),
        10..=99 => {
            let (tens, ones) = (b'0' + (n / 10) as u8, b'0' + (n % 10) as u8);
            out.extend_from_slice(&[mark, tens, ones, b'\r', b'\n']);
        }
        _ => {
            out.push(mark);
            out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// As [`encode_request`], without the arguments that `keep` says it has kept.
pub fn encode<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    argv: &[T],
    mut keep: impl FnMut(&[u8], &[u8]) -> bool,
) {
    // Growing step by step would copy a large argument again, and leave room for twice as much.
    let lens = argv.iter().map(|arg| arg.as_ref().len());
    let most = lens.filter(|len| *len < large::LARGE_FROM);
    let room: usize = most.map(|len| len + 24).sum();
    if room > 1 << 16 {
        out.reserve_exact(room + 24);
    }
    header(out, b'*', argv.len());
    for arg in argv {
        let arg = arg.as_ref();
        header(out, b'$', arg.len());
        if !keep(out, arg) {
            out.reserve_exact(if arg.len() < large::LARGE_FROM {
                0
            } else {
                arg.len() + 64
            });
            out.extend_from_slice(arg);
        }
        out.extend_from_slice(b"\r\n");
    }
}
