//! Requests as bytes.

use super::large;

/// Appends a request as an array of bulk strings.
pub fn encode_request<T: AsRef<[u8]>>(out: &mut Vec<u8>, argv: &[T]) {
    encode(out, argv, |_, _| false);
}

/// Ends a line, and tells the length of the argument that follows. Nearly all lengths have one or two digits.
#[inline(always)]
fn header(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=9 => out.extend_from_slice(&[b'\r', b'\n', b'$', b'0' + len as u8, b'\r', b'\n']),
        10..=99 => {
            let (tens, ones) = (b'0' + (len / 10) as u8, b'0' + (len % 10) as u8);
            out.extend_from_slice(&[b'\r', b'\n', b'$', tens, ones, b'\r', b'\n']);
        }
        _ => {
            out.extend_from_slice(b"\r\n$");
            number(out, len);
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[inline(never)]
fn number(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
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
    match room > 1 << 16 {
        true => out.reserve_exact(room + 24),
        false => out.reserve(room + 24),
    }
    match argv.len() {
        few @ 0..=9 => out.extend_from_slice(&[b'*', b'0' + few as u8]),
        many => {
            out.push(b'*');
            number(out, many);
        }
    }
    for arg in argv {
        let arg = arg.as_ref();
        header(out, arg.len());
        if !keep(out, arg) {
            out.reserve_exact(if arg.len() < large::LARGE_FROM {
                0
            } else {
                arg.len() + 64
            });
            out.extend_from_slice(arg);
        }
    }
    out.extend_from_slice(b"\r\n");
}
