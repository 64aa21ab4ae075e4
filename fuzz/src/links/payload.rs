//! Payloads of full syncs: small dumps that are nearly sound, in nearly sound frames.

use super::Draws;

const MARK: &[u8; 40] = b"f0e1d2c3b4a5968778695a4b3c2d1e0ff0e1d2c3";

/// A payload as a primary sends it.
pub fn framed(draws: &mut Draws<'_>) -> Vec<u8> {
    let dump = dump(draws);
    match draws.below(8) {
        0 => [b"$EOF:", &MARK[..39], b"\r\n", &dump].concat(),
        1 => {
            let length = draws.number();
            [format!("${length}\r\n").as_bytes(), &dump].concat()
        }
        2..=4 => [b"$EOF:", MARK.as_slice(), b"\r\n", &dump, MARK].concat(),
        _ => [format!("${}\r\n", dump.len()).as_bytes(), &dump].concat(),
    }
}

/// A dump: what it says of replication, some databases with some keys; then it is damaged, or not.
pub fn dump(draws: &mut Draws<'_>) -> Vec<u8> {
    let version = draws.of(&["0006", "0009", "0010", "0011", "0012", "0080"]);
    let mut out = format!("REDIS{version}").into_bytes();
    if draws.byte() % 2 == 0 {
        let db = draws.number().to_string();
        aux(&mut out, "repl-stream-db", &db);
        aux(
            &mut out,
            "repl-id",
            "0123456789abcdef0123456789abcdef01234567",
        );
        aux(&mut out, "repl-offset", &draws.number().to_string());
    }
    for _ in 0..draws.below(3) {
        out.push(0xfe);
        length(
            &mut out,
            if draws.byte() < 200 {
                u64::from(draws.byte() % 2)
            } else {
                draws.number() as u64
            },
        );
        for _ in 0..draws.below(4) {
            record(draws, &mut out);
        }
    }
    out.push(0xff);
    out.extend([0; 8]);
    match draws.byte() {
        0..=20 => {
            let n = usize::from(draws.byte()) % out.len();
            out.truncate(n);
        }
        21..=50 => {
            let at = usize::from(draws.byte()) % out.len();
            out[at] = draws.byte();
        }
        51..=60 => out.extend_from_slice(draws.some()),
        _ => {}
    }
    out
}

fn record(draws: &mut Draws<'_>, out: &mut Vec<u8>) {
    if draws.byte() < 40 {
        out.push(0xfc);
        out.extend(draws.number().to_le_bytes());
    }
    let kind = draws.of(&[0, 0, 0, 1, 2, 4, 5, 17, 18, 20, 21, 24, 25]);
    out.push(kind);
    string(out, &[b'k', draws.byte() % 4]);
    match kind {
        0 => string(out, draws.some()),
        1 | 2 => {
            length(out, 2);
            string(out, draws.some());
            string(out, b"other");
        }
        4 => {
            length(out, 1);
            string(out, b"field");
            string(out, draws.some());
        }
        5 => {
            length(out, 1);
            string(out, b"member");
            out.extend(draws.number().to_le_bytes());
        }
        // The rest are values of the input's own making.
        _ => out.extend_from_slice(draws.some()),
    }
}

fn aux(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(0xfa);
    string(out, name.as_bytes());
    string(out, value.as_bytes());
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    length(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn length(out: &mut Vec<u8>, n: u64) {
    match n {
        0..64 => out.push(n as u8),
        64..16_384 => out.extend([0x40 | (n >> 8) as u8, n as u8]),
        _ => {
            out.push(0x81);
            out.extend(n.to_be_bytes());
        }
    }
}
