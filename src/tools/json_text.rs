//! JSON as the tools write it. Bytes that are UTF-8 become a string, and others become `{"b64":"..."}`, so nothing is lost.

/// A JSON document in the making. Commas come by themselves.
#[derive(Debug, Default, Clone)]
pub struct Json {
    out: Vec<u8>,
    /// This level has an element already.
    filled: bool,
}

impl Json {
    /// Nothing yet.
    pub fn new() -> Json {
        Json::default()
    }

    /// The bytes written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// The document.
    pub fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// Removes everything after the first `len` bytes, which end a line.
    pub fn truncate_line(&mut self, len: usize) {
        self.out.truncate(len);
        self.filled = false;
    }

    /// `{"b64":"..."}`, also for bytes that are text.
    pub fn base64(&mut self, bytes: &[u8]) {
        self.next();
        self.out.extend_from_slice(b"{\"b64\":\"");
        base64(bytes, &mut self.out);
        self.out.extend_from_slice(b"\"}");
    }

    fn next(&mut self) {
        if self.filled {
            self.out.push(b',');
        }
        self.filled = true;
    }

    fn nested(&mut self, open: u8, close: u8, body: impl FnOnce(&mut Json)) {
        self.next();
        self.out.push(open);
        self.filled = false;
        body(self);
        self.out.push(close);
        self.filled = true;
    }

    /// `{...}`
    pub fn object(&mut self, body: impl FnOnce(&mut Json)) {
        self.nested(b'{', b'}', body);
    }

    /// `[...]`
    pub fn array(&mut self, body: impl FnOnce(&mut Json)) {
        self.nested(b'[', b']', body);
    }

    /// `[` of an array that [`Json::close_array`] ends.
    pub fn open_array(&mut self) {
        self.next();
        self.out.push(b'[');
        self.filled = false;
    }

    /// `]`
    pub fn close_array(&mut self) {
        self.out.push(b']');
        self.filled = true;
    }

    /// `"name":`, its value comes next.
    pub fn name(&mut self, name: &str) -> &mut Json {
        self.next();
        quoted(name, &mut self.out);
        self.out.push(b':');
        self.filled = false;
        self
    }

    /// A string.
    pub fn text(&mut self, text: &str) {
        self.next();
        quoted(text, &mut self.out);
    }

    /// Bytes: a string, or `{"b64":"..."}`.
    pub fn bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => self.base64(bytes),
        }
    }

    /// A whole number.
    pub fn int(&mut self, n: impl itoa::Integer) {
        self.next();
        let mut buf = itoa::Buffer::new();
        self.out.extend_from_slice(buf.format(n).as_bytes());
    }

    /// A number; those that JSON does not have as the strings `"inf"`, `"-inf"`, `"nan"`.
    pub fn double(&mut self, x: f64) {
        self.next();
        let text = base::double::DoubleText::of(x);
        match x.is_finite() {
            true => self.out.extend_from_slice(text.as_bytes()),
            false => quoted(text.as_str(), &mut self.out),
        }
    }

    /// `true` or `false`.
    pub fn bool(&mut self, b: bool) {
        self.next();
        self.out
            .extend_from_slice(if b { b"true" } else { b"false" });
    }

    /// `null`
    pub fn null(&mut self) {
        self.next();
        self.out.extend_from_slice(b"null");
    }

    /// Ends a document of one line.
    pub fn end_line(&mut self) {
        self.out.push(b'\n');
        self.filled = false;
    }
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (i, &b) in bytes.iter().enumerate() {
        let short = match b {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0..0x20 | 0x7f => {
                out.extend_from_slice(&bytes[copied..i]);
                out.extend_from_slice(format!("\\u{b:04x}").as_bytes());
                copied = i + 1;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..i]);
        out.extend_from_slice(&[b'\\', short]);
        copied = i + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0u32, |w, (i, &b)| w | u32::from(b) << (16 - 8 * i));
        for i in 0..4 {
            out.push(match i <= chunk.len() {
                true => LETTERS[(word >> (18 - 6 * i) & 63) as usize],
                false => b'=',
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(body: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::new();
        body(&mut json);
        String::from_utf8(json.into_bytes()).unwrap()
    }

    #[test]
    fn bytes_are_text_where_they_can_be_and_base64_otherwise() {
        assert_eq!(
            json(|j| j.bytes(b"a\"\\\n\x01\x7f")),
            r#""a\"\\\n\u0001\u007f""#
        );
        assert_eq!(json(|j| j.bytes("é".as_bytes())), "\"é\"");
        for (bytes, text) in [
            (&b"\xff"[..], "/w=="),
            (b"\xff\xfe", "//4="),
            (b"\xff\xfe\xfd", "//79"),
            (b"\xff\xfe\xfd\x00", "//79AA=="),
        ] {
            assert_eq!(json(|j| j.bytes(bytes)), format!("{{\"b64\":\"{text}\"}}"));
        }
    }

    #[test]
    fn commas_stand_between_and_nowhere_else() {
        let text = json(|j| {
            j.object(|j| {
                j.name("a").int(1);
                j.name("b").array(|j| {
                    j.null();
                    j.array(|_| {});
                    j.double(f64::INFINITY);
                    j.double(0.1);
                });
                j.name("c").bool(true);
            });
            j.end_line();
        });
        assert_eq!(text, "{\"a\":1,\"b\":[null,[],\"inf\",0.1],\"c\":true}\n");
    }
}
