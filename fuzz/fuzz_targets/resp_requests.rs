//! Requests of a client: the same ones, and the same error, however the bytes are cut into reads.
#![no_main]

use forebay_fuzz::resp::request::{Parser, RequestLimits};
use libfuzzer_sys::fuzz_target;

/// What one stream of bytes says: its requests, and the text of the error that ends it.
type Said = (Vec<Vec<Vec<u8>>>, Option<String>);

fn said(pieces: &[&[u8]]) -> Said {
    let limits = RequestLimits {
        bulk: 1 << 20,
        unauthenticated: false,
    };
    let (mut parser, mut buffer, mut requests) = (Parser::default(), Vec::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        let end = parser.parse(&buffer, limits, usize::MAX);
        for i in 0..parser.len() {
            requests.push(parser.request(i, &buffer).map(<[u8]>::to_vec).collect());
        }
        let used = parser.consume(parser.len());
        buffer.drain(..used);
        if let Err(error) = end {
            return (requests, Some(error.to_string()));
        }
    }
    (requests, None)
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&cut, bytes)) = bytes.split_first() else {
        return;
    };
    let cut = usize::from(cut).min(bytes.len());
    let whole = said(&[bytes]);
    assert_eq!(said(&[&bytes[..cut], &bytes[cut..]]), whole);
});
