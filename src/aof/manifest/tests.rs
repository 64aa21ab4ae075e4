//! Lines that servers write, accept and refuse.

use super::*;

fn wrong(text: &str) -> (usize, Wrong) {
    let error = Manifest::parse(text.as_bytes()).expect_err(text);
    (error.line, error.wrong)
}

#[test]
fn what_real_servers_write_is_read_and_written_back() {
    for text in [
        "file appendonly.aof.3.base.rdb seq 3 type b\nfile appendonly.aof.3.incr.aof seq 3 type i\n",
        "file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type h\nfile a.2.incr.aof seq 2 type i\n",
        "file a.3.incr.aof seq 3 type i startoffset 6 endoffset 7\nfile a.4.incr.aof seq 4 type i startoffset 8\n",
        "file \"my \\\"log's.1.incr.aof\" seq 1 type i\n",
        "file \"\\x00\\n\\xff\" seq 1 type b\n",
        "file \"\" seq 1 type b\n",
    ] {
        let manifest = Manifest::parse(text.as_bytes()).expect(text);
        let printed = manifest.print().expect(text);
        assert_eq!(String::from_utf8_lossy(&printed), text);
    }
}

#[test]
fn forms_that_servers_accept_are_accepted() {
    let text = "# by hand\n  type incr SEQ 1x File 'a b' colour red \r\nseq 2 type i file c\n";
    let manifest = Manifest::parse(text.as_bytes()).unwrap();
    let names: Vec<&[u8]> = manifest.files().map(|file| &file.name[..]).collect();
    assert_eq!(names, [&b"a b"[..], b"c"]);
    let only_comments = Manifest::parse(b"# nothing").unwrap();
    assert!(only_comments.is_empty());
}

#[test]
fn forms_that_servers_refuse_are_refused_with_their_line_and_words() {
    assert_eq!(wrong(""), (0, Wrong::Empty));
    let good = "file a seq 1 type b\n";
    for (line, expected) in [
        ("\n", Wrong::Form),
        ("file a seq 1 type\n", Wrong::Form),
        ("file a seq 1\n", Wrong::Form),
        ("file a seq 0 type i\n", Wrong::Form),
        ("file 'a seq 1 type i\n", Wrong::Form),
        ("file a seq 1 type ''\n", Wrong::Form),
        ("name a seq 1 type i\n", Wrong::Form),
        ("file a seq 1 type i", Wrong::LongLine),
        ("file x/a seq 1 type i\n", Wrong::Path),
        ("file a seq 2 type b\n", Wrong::SecondBase),
        ("file a seq -1 type i\n", Wrong::Order),
        ("file a seq 1 type x\n", Wrong::UnknownType),
    ] {
        assert_eq!(wrong(&format!("{good}{line}")), (2, expected), "{line}");
    }
    let long = format!("file {} seq 1 type i\n", "a".repeat(1100));
    assert_eq!(wrong(&long), (1, Wrong::LongLine));
    let increments = "file a seq 2 type i\nfile b seq 2 type i\n";
    let error = Manifest::parse(increments.as_bytes()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Found a non-monotonic sequence number (line 2: 'file b seq 2 type i')"
    );
}

#[test]
fn a_line_that_nobody_could_read_is_not_written() {
    let name = b"\xff".repeat(250);
    let line = [b"file ", &name[..], b" seq 1 type b\n"].concat();
    let mut manifest = Manifest::parse(&line).unwrap();
    assert!(manifest.print().is_ok());
    let base = manifest.base.as_mut().unwrap();
    base.name.extend_from_slice(b"\xff\xff\xff");
    let error = manifest.print().unwrap_err();
    assert_eq!((error.line, error.wrong), (1, Wrong::LongLine));
}
