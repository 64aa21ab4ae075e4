//! Requests as bytes.

use super::large;

/// Appends a request as an array of bulk strings.
pub fn encode_request<T: AsRef<[u8]>>(out: &mut Vec<u8>, argv: &[T]) {
    encode(out, argv, |_, _| false);
}

/// As [`encode_request`], without the arguments that `keep` says it has kept.
pub fn encode<T: AsRef<[u8]>>(
    out: &mut Vec<u8>,
    argv: &[T],
    mut keep: impl FnMut(&[u8], &[u8]) -> bool,
) {
    let mut digits = itoa::Buffer::new();
    // Growing step by step would copy a large argument again, and leave room for twice as much.
    let lens = argv.iter().map(|arg| arg.as_ref().len());
    let most = lens.filter(|len| *len < large::LARGE_FROM);
    let room: usize = most.map(|len| len + 24).sum();
    if room > 1 << 16 {
        out.reserve_exact(room + 24);
    }
    out.push(b'*');
    out.extend_from_slice(digits.format(argv.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for arg in argv {
        let arg = arg.as_ref();
        out.push(b'$');
        out.extend_from_slice(digits.format(arg.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
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
