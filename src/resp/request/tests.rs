//! Requests however they are cut, what is no request, and what an encoder would have written.

use super::*;

const LIMITS: RequestLimits = RequestLimits {
    bulk: 512 << 20,
    unauthenticated: false,
};

/// Feeds `bytes` in pieces of `piece`; returns the requests and the error.
fn feed(
    bytes: &[u8],
    piece: usize,
    limits: RequestLimits,
) -> (Vec<Vec<Vec<u8>>>, Option<ProtocolError>) {
    let (mut parser, mut buf, mut seen) = (Parser::default(), Vec::new(), Vec::new());
    for part in bytes.chunks(piece) {
        buf.extend_from_slice(part);
        let result = parser.parse(&buf, limits, usize::MAX);
        for i in 0..parser.len() {
            seen.push(parser.request(i, &buf).map(<[u8]>::to_vec).collect());
        }
        buf.drain(..parser.consume(parser.len()));
        if let Err(e) = result {
            return (seen, Some(e));
        }
    }
    (seen, None)
}

#[test]
fn a_frame_is_what_an_encoder_would_write() {
    let short: &[&[u8]] = &[b"SET", b"k", b""];
    let tens: &[&[u8]] = &[b"SET", b"ten bytes.", &[b'v'; 99]];
    let long: &[&[u8]] = &[b"SET", b"k", &[b'v'; 100]];
    let many: &[&[u8]] = &[&b"DEL"[..]; 10];
    let mut requests = Vec::new();
    for (argv, has_frame) in [(short, true), (tens, true), (long, false), (many, false)] {
        let mut bytes = Vec::new();
        base::request::encode_request(&mut bytes, argv);
        requests.push((bytes, has_frame));
    }
    // None of these is what an encoder would write.
    let others: [&[u8]; 8] = [
        b"*1\r\n$4\r\nPINGxx",
        b"*1\rx$4\r\nPING\r\n",
        b"*1\r\n$4\rxPING\r\n",
        b"*1\r\n$10\rxPINGPINGPI\r\n",
        b"*+1\r\n$4\r\nPING\r\n",
        b"*1\r\n$+4\r\nPING\r\n",
        b"*01\r\n$4\r\nPING\r\n",
        b"PING\r\n",
    ];
    requests.extend(others.map(|bytes| (bytes.to_vec(), false)));
    let mut frames = 0;
    for (before, _) in &requests {
        for (bytes, has_frame) in &requests {
            for cut in 0..=bytes.len() {
                let mut parser = Parser::default();
                let mut buf = [&before[..], b"\r\n", &bytes[..cut]].concat();
                // What is no request at all ends the connection.
                let first = parser.parse(&buf, LIMITS, usize::MAX);
                buf.extend_from_slice(&bytes[cut..]);
                let second = first.and_then(|()| parser.parse(&buf, LIMITS, usize::MAX));
                if second.is_err() || parser.len() != 2 {
                    continue;
                }
                if let Some(frame) = parser.frame(1, &buf) {
                    assert!(has_frame, "{:?}", bytes.escape_ascii().to_string());
                    assert_eq!(frame, bytes, "cut at {cut}");
                    frames += 1;
                } else if cut == 0 {
                    assert!(!has_frame, "{:?}", bytes.escape_ascii().to_string());
                }
            }
        }
    }
    assert!(frames > 50, "{frames} frames were compared");
}

fn words(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|w| w.as_bytes().to_vec()).collect()
}

#[test]
fn requests_are_the_same_however_they_are_cut() {
    let bytes = b"*2\r\n$3\r\nGET\r\n$5\r\nk\r\n\r\n\r\nx\r\nPING\r\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\nset a 'b c'\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n";
    let whole = feed(bytes, bytes.len(), LIMITS);
    assert_eq!(whole.1, None);
    assert_eq!(
        whole.0,
        [
            vec![b"GET".to_vec(), b"k\r\n\r\n".to_vec()],
            words("x"),
            words("PING"),
            words("PING"),
            vec![b"set".to_vec(), b"a".to_vec(), b"b c".to_vec()],
            vec![b"SET".to_vec(), b"k".to_vec(), Vec::new()],
        ]
    );
    for piece in 1..bytes.len() {
        assert_eq!(feed(bytes, piece, LIMITS), whole, "pieces of {piece}");
    }
}

#[test]
fn violations_are_named_as_the_reference_server_names_them() {
    let long = vec![b'1'; LINE_MAX + 2];
    let with = |prefix: &str| [prefix.as_bytes(), &long].concat();
    let cases: &[(Vec<u8>, &str)] = &[
        (b"*3000000000\r\n".to_vec(), "invalid multibulk length"),
        (b"*x\r\n".to_vec(), "invalid multibulk length"),
        (b"*01\r\n".to_vec(), "invalid multibulk length"),
        (b"*1\r\nfoo\r\n".to_vec(), "expected '$', got 'f'"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$blabla\r\n".to_vec(), "invalid bulk length"),
        (with(""), "too big inline request"),
        (with("*"), "too big mbulk count string"),
        (with("*1\r\n$"), "too big bulk count string"),
        (b"set \"a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"set \"a\"b\r\n".to_vec(), "unbalanced quotes in request"),
    ];
    for (bytes, text) in cases {
        let (_, error) = feed(bytes, bytes.len(), LIMITS);
        let error = error.expect(text).to_string();
        assert_eq!(error, format!("ERR Protocol error: {text}"));
    }
}

#[test]
fn strangers_may_send_ten_arguments_of_16_kb() {
    let limits = RequestLimits {
        unauthenticated: true,
        ..LIMITS
    };
    let (_, error) = feed(b"*11\r\n", 5, limits);
    assert_eq!(error, Some(ProtocolError::UnauthenticatedCount));
    let (_, error) = feed(b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", 100, limits);
    assert_eq!(error, Some(ProtocolError::UnauthenticatedBulk));
    let (_, error) = feed(b"*10\r\n$16384\r\n", 100, limits);
    assert_eq!(error, None);
}

#[test]
fn requests_before_a_violation_are_kept() {
    let (seen, error) = feed(b"PING\r\n*1\r\n!\r\n", 100, LIMITS);
    assert_eq!(seen, [words("PING")]);
    assert_eq!(error, Some(ProtocolError::ExpectedDollar(b'!')));
}

#[test]
fn unconsumed_requests_are_parsed_again() {
    let mut buf = b"PING\r\n*2\r\n$4\r\nECHO\r\n$1\r\na\r\n*2\r\n$3\r\nGE".to_vec();
    let mut parser = Parser::default();
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!(parser.len(), 2);
    buf.drain(..parser.consume(1));
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!(parser.len(), 1);
    let request: Vec<_> = parser.request(0, &buf).collect();
    assert_eq!(request, [b"ECHO".as_slice(), b"a"]);
    buf.drain(..parser.consume(1));
    buf.extend_from_slice(b"T\r\n$1\r\nk\r\n");
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    let request: Vec<_> = parser.request(0, &buf).collect();
    assert_eq!(request, [b"GET".as_slice(), b"k"]);
}

#[test]
fn a_request_of_many_arguments_leaves_little_memory_behind() {
    let many = 100 * KEPT_SPANS;
    let mut buf = format!("*{many}\r\n").into_bytes();
    buf.extend(b"$1\r\na\r\n".repeat(many));
    let mut parser = Parser::default();
    let half = buf.len() / 2;
    parser.parse(&buf[..half], LIMITS, 10).expect("well formed");
    assert!(parser.memory() >= many / 2 * size_of::<Span>());
    assert_eq!(parser.consume(0), 0);
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!(parser.request(0, &buf).len(), many);
    assert_eq!(parser.consume(1), buf.len());
    assert!(parser.memory() <= KEPT_SPANS * size_of::<Span>());
}

#[test]
fn a_large_argument_comes_beside_the_buffer() {
    let body = vec![b'x'; LARGE_FROM];
    let head = format!("*4\r\n$3\r\nSET\r\n${LARGE_FROM}\r\n").into_bytes();
    let tail = b"$1\r\nv\r\n$2\r\nEX\r\nPING\r\n*1\r\n";
    let mut parser = Parser::default();
    let mut buf = [&head[..], &body[..9]].concat();
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!(parser.large(), Some((head.len(), body.len() + 2)));
    buf.truncate(head.len());
    parser.begin_large();
    assert_eq!((parser.large(), parser.in_request()), (None, true));
    let whole = [&body[..], b"\r\n"].concat();
    parser.end_large(Some(Large::copy_of(&whole).expect("memory")));
    assert_eq!(parser.consume(0), 0);
    buf.extend_from_slice(tail);
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!((parser.len(), parser.larges().len()), (2, 1));
    let request: Vec<&[u8]> = parser.request(0, &buf).collect();
    assert!(request == [b"SET".as_slice(), &body, b"v", b"EX"]);
    let mut rest = buf.split_off(parser.consume(1));
    parser.parse(&rest, LIMITS, 10).expect("well formed");
    assert_eq!(parser.request(0, &rest).next(), Some(&b"PING"[..]));
    rest.drain(..parser.consume(1));
    assert_eq!(
        (rest.as_slice(), parser.larges().len()),
        (&b"*1\r\n"[..], 0)
    );
}

#[test]
fn a_large_argument_behind_other_requests_waits_for_them() {
    let buf = format!("PING\r\n*2\r\n$4\r\nECHO\r\n${LARGE_FROM}\r\nxx").into_bytes();
    let mut parser = Parser::default();
    parser.parse(&buf, LIMITS, 10).expect("well formed");
    assert_eq!(parser.large(), None);
    assert_eq!(parser.consume(1), 6);
    assert_eq!(parser.large(), Some((buf.len() - 2 - 6, LARGE_FROM + 2)));
}
