//! Doubles as text: in replies, digests and dumps they are what real servers write.

use forebay::base::double::DoubleText;

use super::Rng;
use super::support::{Builder, Client};

impl Rng {
    fn bits(&mut self, bits: u32) -> u64 {
        let mut all = 0;
        for _ in 0..4 {
            all = all << 16 | self.below(1 << 16) as u64;
        }
        all >> (64 - bits)
    }

    /// Random bits, subnormals, decimals short and long, integers beyond 2^53, powers and their neighbours.
    fn double(&mut self) -> f64 {
        let sign = [1.0, -1.0][self.below(2)];
        let ten = |power: usize| 10_f64.powi(power as i32);
        let x = match self.below(8) {
            0 | 1 => f64::from_bits(self.bits(64)),
            2 => {
                let bits = 1 + self.below(52) as u32;
                f64::from_bits(self.bits(bits))
            }
            3 => (self.bits(53) >> self.below(53)) as f64 / ten(self.below(20)),
            4 => self.bits(64) as f64 * 2_f64.powi(self.below(400) as i32),
            5 => ten(self.below(308)) * 2_f64.powi(self.below(700) as i32 - 690),
            6 => {
                let power = 2_f64.powi(self.below(2000) as i32 - 1000);
                f64::from_bits(power.to_bits() + self.below(3) as u64 - 1)
            }
            _ => format!("{}e{}", self.below(1000), self.below(620) as i32 - 320)
                .parse()
                .expect("a number"),
        };
        // The sign of a zero is kept or lost by the encodings that a sorted set has passed through.
        if x.is_nan() || x == 0.0 {
            0.1
        } else {
            x * sign
        }
    }
}

/// How many doubles are drawn: `FOREBAY_DOUBLES`, else some that show a difference of one in ten thousand.
fn count() -> usize {
    let set = std::env::var("FOREBAY_DOUBLES").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(40_000)
}

/// Every digit, so that the server reads the same double.
fn exactly(x: f64) -> Vec<u8> {
    match x.is_infinite() {
        true => if x > 0.0 { "inf" } else { "-inf" }.into(),
        false => format!("{x:.17e}").into_bytes(),
    }
}

fn texts_are_those_of(peer: &str) {
    let Some(server) = Builder::peer(peer) else {
        return;
    };
    let server = server.start();
    let mut client = server.client();
    let mut rng = Rng(11);
    for _ in 0..count() / 1000 {
        let drawn: Vec<f64> = (0..1000).map(|_| rng.double()).collect();
        for &x in &drawn {
            let text = exactly(x);
            let add: [&[u8]; 4] = [b"ZADD", b"z", &text, b"m"];
            client.send(&add).expect("sent");
            client.send(&["ZSCORE", "z", "m"]).expect("sent");
        }
        for x in drawn {
            client.read().expect("the count");
            let theirs = client.read().expect("the score");
            let ours = DoubleText::of(x);
            assert_eq!(theirs.text(), Some(ours.as_str()), "{peer} of {x:e}");
        }
    }
}

#[test]
fn doubles_have_the_text_of_redis() {
    texts_are_those_of("redis-8.2");
}

#[test]
fn doubles_have_the_text_of_valkey() {
    texts_are_those_of("valkey-9.1");
}

/// The same scores in sorted sets small and large; `manner` is how our digest follows the peer's.
fn scores_are_digested_as_by(peer: &str, manner: &str, same_dump: bool) {
    let Some(server) = Builder::peer(peer) else {
        return;
    };
    let (theirs, ours) = (server.start(), Builder::forebay().start());
    let (mut theirs, mut ours) = (theirs.client(), ours.client());
    let mut rng = Rng(12);
    let both = |theirs: &mut Client, ours: &mut Client, words: &[Vec<u8>]| {
        (theirs.cmd(words), ours.cmd(words))
    };
    for client in [&mut theirs, &mut ours] {
        client.ok("CONFIG SET rdbcompression no");
    }
    for key in 0..200 {
        // One in six is a table, the rest is packed.
        let size = if key % 6 == 0 { 200 } else { 30 };
        let mut words: Vec<Vec<u8>> = vec![b"ZADD".into(), format!("z{key}").into()];
        for member in 0..size {
            words.extend([exactly(rng.double()), format!("m{member}").into()]);
        }
        let (a, b) = both(&mut theirs, &mut ours, &words);
        assert_eq!(a, b);
        if same_dump && size < 128 {
            let words = [b"DUMP".to_vec(), format!("z{key}").into()];
            let (a, b) = both(&mut theirs, &mut ours, &words);
            let body = |dump: &[u8]| dump[..dump.len() - 10].to_vec();
            let (a, b) = (a.bytes().map(body), b.bytes().map(body));
            assert_eq!(a, b, "the packed scores of z{key}");
        }
    }
    let digest = theirs.run("DEBUG DIGEST");
    assert_eq!(digest, ours.run(&format!("DEBUG DIGEST {manner}")));
}

#[test]
fn scores_are_digested_as_by_redis_7_0() {
    scores_are_digested_as_by("redis-7.0", "redis-7.0", false);
}

#[test]
fn scores_are_digested_and_dumped_as_by_redis_8_2() {
    scores_are_digested_as_by("redis-8.2", "redis-7.2", true);
}

#[test]
fn scores_are_digested_and_dumped_as_by_valkey() {
    scores_are_digested_as_by("valkey-9.1", "valkey", true);
}
