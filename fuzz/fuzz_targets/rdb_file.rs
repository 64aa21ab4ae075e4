//! Whole files: scanned in two window sizes, every value taken round.
#![no_main]

mod common;

use forebay_fuzz::rdb::check::Scratch;
use forebay_fuzz::rdb::{Frame, Scanner, Step, function};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut scratch = Scratch::new(forebay::base::secret::HashKey::fixed([1, 0]));
    let (mut whole, mut halves) = (Scanner::new(), Scanner::new());
    let mut at = 0;
    loop {
        let first = whole.next(&bytes[at..]);
        // A window that ends early asks for more or gives the same frame.
        let half = at + (bytes.len() - at) / 2;
        if let Ok(Step::NeedMore { at_least }) = halves.next(&bytes[at..half]) {
            assert!(at_least > (half - at) as u64);
            assert_eq!(halves.next(&bytes[at..]), first);
        }
        match first {
            Ok(Step::Frame { frame, consumed }) => {
                at += consumed;
                match frame {
                    Frame::Key(record) => {
                        common::round_trip(whole.context(), record.rdb_type, record.value, &mut scratch);
                    }
                    Frame::Function { code } => drop(function::check_library(&code)),
                    Frame::Eof { .. } => return,
                    _ => {}
                }
            }
            Ok(Step::NeedMore { at_least }) => {
                assert!(at_least > (bytes.len() - at) as u64);
                let _ = whole.truncated().to_string();
                return;
            }
            Err(error) => {
                assert!(error.offset <= bytes.len() as u64);
                let _ = error.to_string();
                return;
            }
        }
    }
});
