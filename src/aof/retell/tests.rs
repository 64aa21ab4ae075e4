//! The stream as it is retold, and files that are damaged, at every byte.

use super::*;
use crate::history::{self, At};
use base::request::encode_request;

const ID: [u8; 40] = *b"0123456789abcdef0123456789abcdef01234567";
const START: u64 = 1000;

fn request(words: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_request(&mut out, words);
    out
}

/// A file as it is written, and the stream that it tells.
struct Told {
    file: Vec<u8>,
    sealer: Sealer,
    stream: Vec<u8>,
}

impl Told {
    fn new() -> Told {
        let mut told = Told {
            file: Vec::new(),
            sealer: Sealer::new(),
            stream: Vec::new(),
        };
        told.seal();
        told
    }

    fn offset(&self) -> u64 {
        START + self.stream.len() as u64
    }

    fn write(&mut self, bytes: &[u8]) {
        self.sealer.update(bytes);
        self.file.extend_from_slice(bytes);
    }

    /// It is in both.
    fn both(&mut self, words: &[&str]) {
        let bytes = request(words);
        self.write(&bytes);
        self.stream.extend_from_slice(&bytes);
    }

    /// It is not part of the stream.
    fn own(&mut self, bytes: &[u8]) {
        let mut line = Vec::new();
        history::own(&mut line);
        self.write(&line);
        self.write(bytes);
    }

    /// It is part of the stream only.
    fn said(&mut self, bytes: &[u8]) {
        let mut line = Vec::new();
        assert!(history::bytes(bytes, &mut line));
        self.write(&line);
        self.stream.extend_from_slice(bytes);
    }

    fn place(&mut self, offset: u64) {
        let mut line = Vec::new();
        let former = Vec::new();
        let (id, db) = (ID, 0);
        At {
            id,
            offset,
            db,
            former,
        }
        .print(&mut line);
        self.write(&line);
    }

    fn seal(&mut self) {
        let offset = self.offset();
        self.sealer.seal(&ID, offset, 7, &mut self.file);
    }
}

fn all_kinds() -> Told {
    let mut told = Told::new();
    told.place(START);
    told.own(&request(&["SELECT", "3"]));
    told.both(&["SET", "a", "1"]);
    told.said(&request(&["ping"]));
    told.both(&["multi"]);
    told.both(&["SELECT", "2"]);
    told.both(&["MULTIPLY", "", "x\r\n*1\r\n"]);
    told.both(&["exec"]);
    told.seal();
    let whole = [
        request(&["MULTI"]),
        request(&["SET", "own", "1"]),
        request(&["DEL", "own"]),
        request(&["EXEC"]),
    ];
    told.own(&whole.concat());
    told.said(b"\r\n*1\r\n$4\r\nPING\r\n");
    told.write(b"#TS:1795945707\r\n");
    told.own(&request(&["SET", "mine", "2"]));
    told.both(&["SET", "after", &"y".repeat(300)]);
    told.seal();
    told.place(told.offset());
    told.both(&["PUBLISH", "channel", "message"]);
    told.seal();
    told
}

/// Retells in pieces of this many bytes.
fn retold(file: &[u8], piece: usize) -> Result<(Vec<u8>, Retelling), Untold> {
    let (mut retelling, mut out) = (Retelling::at(START), Vec::new());
    for piece in file.chunks(piece) {
        retelling.take(piece, &mut out)?;
    }
    Ok((out, retelling))
}

#[test]
fn the_stream_is_told_byte_for_byte_however_the_file_is_cut_into_pieces() {
    let told = all_kinds();
    for piece in [1, 2, 3, 7, 64, 1000, usize::MAX] {
        let (out, retelling) = retold(&told.file, piece).expect("it is sound");
        assert_eq!(
            out.escape_ascii().to_string(),
            told.stream.escape_ascii().to_string()
        );
        assert!(retelling.is_proven());
        assert_eq!(retelling.offset(), told.offset());
    }
}

#[test]
fn nothing_is_proven_before_its_seal() {
    let told = all_kinds();
    let mut seen = Vec::new();
    let (mut retelling, mut out) = (Retelling::at(START), Vec::new());
    for (at, byte) in (1..).zip(&told.file) {
        retelling.take(&[*byte], &mut out).expect("it is sound");
        if retelling.is_proven() {
            seen.push(at);
        }
    }
    assert_eq!(seen.len(), 4, "one for each seal: {seen:?}");
}

#[test]
fn no_wrong_byte_is_ever_proven() {
    let told = all_kinds();
    let (mut refused, mut unproven) = (0, 0);
    for at in 0..told.file.len() {
        for bit in [0, 3, 5] {
            let mut file = told.file.clone();
            file[at] ^= 1 << bit;
            let (mut retelling, mut out) = (Retelling::at(START), Vec::new());
            let mut proven = 0;
            for byte in &file {
                if retelling.take(&[*byte], &mut out).is_err() {
                    refused += 1;
                    break;
                }
                if retelling.is_proven() {
                    proven = out.len();
                }
            }
            unproven += usize::from(proven < out.len());
            assert!(
                told.stream.starts_with(&out[..proven]),
                "byte {at}, bit {bit}"
            );
        }
    }
    assert!(refused > 1000 && unproven > 1000, "{refused}, {unproven}");
}

#[test]
fn a_place_or_a_seal_that_says_another_offset_ends_it() {
    let mut told = Told::new();
    told.both(&["SET", "a", "1"]);
    told.place(told.offset() + 5);
    told.seal();
    let reached = told.offset();
    let said = reached + 5;
    let elsewhere = |said| Some(Untold::Elsewhere { said, reached });
    assert_eq!(retold(&told.file, 10).err(), elsewhere(said));
    let mut told = Told::new();
    told.both(&["SET", "a", "1"]);
    told.sealer.seal(&ID, said, 7, &mut told.file);
    assert_eq!(retold(&told.file, 10).err(), elsewhere(said));
}

#[test]
fn what_no_server_writes_is_refused_at_once() {
    for bytes in [
        &b"x"[..],
        b"*0\r\n",
        b"*1\n",
        b"*-1\r\n",
        b"*1\r\n*1\r\n",
        b"*1\r\n$4\r\npingxx",
        b"*1\r\n$99999999999999999999\r\n",
        b"*1\r\n$000000000000000000000000000000",
        b"*1\r\n$4\r\nEXEC\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*1\r\n$5\r\nMULTI\r\n",
        b"*1\r\n$5\r\nMULTI\r\n#REPL:own\r\n",
        b"#FOREBAY:1 nothing\r\n",
    ] {
        let result = retold(bytes, 5);
        assert!(
            matches!(result, Err(Untold::Form(_))),
            "{}: {result:?}",
            bytes.escape_ascii()
        );
    }
    assert!(retold(&[b'#'; 2000], 100).is_err());
    // What only a length claims takes no memory.
    let (out, _) = retold(b"*1\r\n$9000000000\r\nabc", 4).expect("it may go on");
    assert_eq!(out.len(), 20);
}
