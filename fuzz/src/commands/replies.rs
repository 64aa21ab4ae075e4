//! Whether a client's output consists of whole replies.

/// Reads `bytes` to their end.
///
/// # Panics
/// When they are not a sequence of whole replies.
pub fn check(bytes: &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        // Aggregates add their elements to what is still to come.
        let mut due = 1u64;
        while due > 0 {
            due -= 1;
            due += one(bytes, &mut at);
        }
    }
}

/// Passes one reply; the number of its elements, which follow.
fn one(bytes: &[u8], at: &mut usize) -> u64 {
    let rest = &bytes[*at..];
    let end = rest.windows(2).position(|w| w == b"\r\n").unwrap_or_else(|| broken(bytes, *at));
    let line = &rest[..end];
    *at += end + 2;
    let Some((&kind, text)) = line.split_first() else { broken(bytes, *at) };
    let count = || {
        let text = std::str::from_utf8(text).ok();
        text.and_then(|text| text.parse::<i64>().ok()).filter(|n| *n >= -1)
    };
    match kind {
        b'+' | b'-' | b',' | b'(' | b'#' | b'_' => 0,
        b':' if std::str::from_utf8(text).is_ok_and(|text| text.parse::<i64>().is_ok()) => 0,
        b'$' | b'=' | b'!' => {
            let Some(n) = count() else { broken(bytes, *at) };
            if n >= 0 {
                *at += n as usize + 2;
                if *at > bytes.len() || &bytes[*at - 2..*at] != b"\r\n" {
                    broken(bytes, *at);
                }
            }
            0
        }
        b'*' | b'~' | b'>' => count().unwrap_or_else(|| broken(bytes, *at)).max(0) as u64,
        b'%' => 2 * count().unwrap_or_else(|| broken(bytes, *at)).max(0) as u64,
        b'|' => 1 + 2 * count().unwrap_or_else(|| broken(bytes, *at)).max(0) as u64,
        _ => broken(bytes, *at),
    }
}

fn broken(bytes: &[u8], at: usize) -> ! {
    let around = &bytes[at.saturating_sub(200).min(bytes.len())..bytes.len().min(at + 50)];
    panic!("the output is broken at {at} of {}: {}", bytes.len(), around.escape_ascii());
}
