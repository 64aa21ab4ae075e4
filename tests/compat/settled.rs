//! Streams in one form, where Forebay sends what older servers know and the references send what they know themselves.
//!
//! | references | Forebay |
//! |---|---|
//! | `PEXPIREAT k t XX` | `PEXPIREAT k t`: the condition held |
//! | `XGROUP SETID k g id ENTRIESREAD n`, `XSETID k id ENTRIESADDED n` | the same without the count before it |
//! | `XGROUP CREATE k g id ENTRIESREAD n` | without the count, then SETID with it |
//! | nothing | `XGROUP CREATECONSUMER` for a consumer that got nothing |
//! | `XCLAIM` of a deleted entry for its owner | `XACK`; see [`is_taken_back`] |

type Command = Vec<Vec<u8>>;

fn is(command: &Command, at: usize, word: &str) -> bool {
    command
        .get(at)
        .is_some_and(|w| w.eq_ignore_ascii_case(word.as_bytes()))
}

/// The stream with each of these in the form with which the table begins, without transactions of one command.
pub fn plain(stream: Vec<Command>) -> Vec<Command> {
    let mut out: Vec<Command> = Vec::with_capacity(stream.len());
    for mut command in stream {
        if is(&command, 0, "PEXPIREAT") {
            command.truncate(3);
        }
        if is(&command, 0, "XGROUP") && is(&command, 1, "CREATECONSUMER") {
            continue;
        }
        if is(&command, 0, "XGROUP") && is(&command, 1, "CREATE") {
            let counts = (5..command.len()).find(|&at| is(&command, at, "ENTRIESREAD"));
            if let Some(at) = counts {
                command.drain(at..at + 2);
            }
        }
        if is(&command, 1, "SETID") && is(&command, 6, "-1") {
            command.truncate(5); // an unknown count is what servers assume without one
            if out.last() == Some(&command) {
                continue;
            }
        }
        let sets_id = is(&command, 0, "XGROUP") && is(&command, 1, "SETID") && command.len() > 5;
        let sets_all = sets_id || (is(&command, 0, "XSETID") && command.len() > 3);
        let same = |previous: &Command| previous.len() > 1 && command.starts_with(previous);
        if sets_all && out.last().is_some_and(same) {
            out.pop(); // the same without the counts
        }
        // In one transaction with CREATE it is the count, which CREATE says elsewhere.
        let creates = |begin: &Command, create: &Command| {
            is(begin, 0, "MULTI") && is(create, 1, "CREATE") && create[2..4] == command[2..4]
        };
        if sets_id && matches!(&out[..], [.., begin, create] if creates(begin, create)) {
            continue;
        }
        out.push(command);
    }
    unwrap_single(out)
}

/// A transaction of one command is that command; one of none is nothing.
fn unwrap_single(stream: Vec<Command>) -> Vec<Command> {
    let mut out: Vec<Command> = Vec::with_capacity(stream.len());
    for command in stream {
        let len = out.len();
        if is(&command, 0, "EXEC") && len >= 1 && is(&out[len - 1], 0, "MULTI") {
            out.pop();
        } else if is(&command, 0, "EXEC") && len >= 2 && is(&out[len - 2], 0, "MULTI") {
            out.remove(len - 2);
        } else {
            out.push(command);
        }
    }
    out
}

/// An entry that was deleted is no longer pending.
pub fn is_taken_back(theirs: &[Vec<u8>], ours: &[Vec<u8>]) -> bool {
    let word = |command: &[Vec<u8>], at: usize| command.get(at).cloned().unwrap_or_default();
    word(theirs, 0).eq_ignore_ascii_case(b"XCLAIM")
        && word(ours, 0).eq_ignore_ascii_case(b"XACK")
        && ours.len() == 4
        && theirs[1..3] == ours[1..3]
        && word(theirs, 5) == ours[3]
}
