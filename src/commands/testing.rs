//! The bench for unit tests of commands: an engine with clients, a recording host, and access to the stream of effects.
//!
//! [`Bench::run`] takes a command as text and gives the reply as text: `+OK`, `-ERR ...`, `:1`, bulk
//! strings as `"..."`, null as `nil`, arrays as `[a, b]`, maps as `{k: v}`, sets as `~[..]`, pushes as
//! `>[..]`, doubles as `,1.5`.

use config::Config;
use engine::commit::{Commit, EffectLog, Replies};
use engine::host::{Host, ReloadOptions, SaveOptions, ShutdownOptions, Weight};
use engine::{ClientId, CommandError, Engine, Executor};
use std::cell::RefCell;
use std::rc::Rc;

/// Keeps the effects as words.
struct Recorder(Rc<RefCell<Vec<String>>>);

impl EffectLog for Recorder {
    fn append(&mut self, commit: Commit<'_>) -> Replies {
        let effects = commit.effects;
        let wrapped = effects.len() > 1;
        let mut sent = self.0.borrow_mut();
        if wrapped {
            sent.push("MULTI".into());
        }
        sent.extend(
            effects
                .iter()
                .map(|(_, parts)| words(&parts.collect::<Vec<_>>().concat())),
        );
        if wrapped {
            sent.push("EXEC".into());
        }
        Replies::AtOnce
    }
}

/// An engine with one client to begin with.
pub struct Bench {
    /// The engine under test.
    pub engine: Executor,
    /// The first client.
    pub id: ClientId,
    sent: Rc<RefCell<Vec<String>>>,
}

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// A primary at Unix time 1,000,000 ms whose effects are recorded.
    pub fn new() -> Self {
        Self::with(Config::default())
    }

    /// As [`Bench::new`] with a configuration.
    pub fn with(config: Config) -> Self {
        use lua::bounds::{ARGUMENTS_MAX, MEMORY_MIN, REPLY_MAX, STRING_MAX};
        for bound in [&ARGUMENTS_MAX, &REPLY_MAX, &STRING_MAX] {
            bound.set(1 << 20);
        }
        MEMORY_MIN.set(64 << 20);
        let mut engine = Engine::new(
            crate::FAMILIES,
            config,
            base::secret::Secrets::predictable(7),
            Rc::new(FakeHost),
        );
        engine.clock.unix_ms = 1_000_000;
        engine.clock.steady_ms = 1_000_000;
        engine.clock.unix_us = 1_000_000_000;
        let sent = Rc::new(RefCell::new(Vec::new()));
        engine.commits.add_log(Box::new(Recorder(Rc::clone(&sent))));
        let id = engine.connect("127.0.0.1:1".into(), "127.0.0.1:6379".into());
        let engine = Executor::from(engine);
        Bench { engine, id, sent }
    }

    /// Connects one more client.
    pub fn connect(&mut self) -> ClientId {
        self.engine
            .connect("127.0.0.1:2".into(), "127.0.0.1:6379".into())
    }

    /// The first client speaks RESP3 from now on.
    pub fn resp3(&mut self) {
        let client = self.engine.clients.get_mut(&self.id);
        client.expect("the first client stays").reply.proto = resp::Proto::Resp3;
    }

    /// Runs a command of the first client.
    pub fn run(&mut self, line: &str) -> String {
        self.run_as(self.id, line)
    }

    /// Runs a command of a client: words separated by spaces; `"..."` with `\xHH`, `
    /// `, `\r`, `\"`, `\\` for the others. The reply includes what was unsent in the client's buffer before.
    pub fn run_as(&mut self, id: ClientId, line: &str) -> String {
        let argv = split(line);
        let argv: Vec<&[u8]> = argv.iter().map(Vec::as_slice).collect();
        self.engine.execute(id, &argv);
        self.output(id)
    }

    /// The unsent bytes in a client's buffer; several replies are separated by spaces.
    pub fn output(&mut self, id: ClientId) -> String {
        let replies = self.replies(id);
        replies.map_or("(gone)".into(), |replies| replies.join(" "))
    }

    /// The unsent replies in a client's buffer, one by one. `None` if the client has disconnected.
    pub fn replies(&mut self, id: ClientId) -> Option<Vec<String>> {
        let bytes = self.engine.clients.get_mut(&id)?.reply.take();
        let (mut at, mut out) = (0, Vec::new());
        while at < bytes.len() {
            out.push(render(&bytes, &mut at));
        }
        Some(out)
    }

    /// The effects since the last look, joined by `|`.
    pub fn effects(&mut self) -> String {
        std::mem::take(&mut *self.sent.borrow_mut()).join("|")
    }

    /// Runs each command and compares its reply.
    pub fn check(&mut self, script: &[(&str, &str)]) -> &mut Self {
        for (line, reply) in script {
            assert_eq!(self.run(line), *reply, "reply to {line}");
        }
        self
    }

    /// Runs each command and compares the effects that it sent.
    pub fn check_effects(&mut self, script: &[(&str, &str)]) -> &mut Self {
        self.effects();
        for (line, sent) in script {
            let reply = self.run(line);
            assert_eq!(self.effects(), *sent, "effects of {line}, replied {reply}");
        }
        self
    }

    /// Advances the clock.
    pub fn advance(&mut self, ms: i64) {
        self.engine.clock.unix_ms += ms;
        self.engine.clock.steady_ms += ms;
        self.engine.clock.unix_us += ms * 1000;
        self.engine.clock.mono_us += ms as u64 * 1000;
    }
}

/// Runs a script on a fresh engine.
pub fn check(script: &[(&str, &str)]) {
    Bench::new().check(script);
}

/// Runs a script on a fresh engine and compares effects.
pub fn check_effects(script: &[(&str, &str)]) {
    Bench::new().check_effects(script);
}

fn split(line: &str) -> Vec<Vec<u8>> {
    let (mut out, mut bytes) = (Vec::new(), line.bytes().peekable());
    while let Some(b) = bytes.next() {
        match b {
            b' ' => {}
            b'"' => {
                let mut word = Vec::new();
                while let Some(b) = bytes.next().filter(|&b| b != b'"') {
                    word.push(match b {
                        b'\\' => match bytes.next().expect("an escaped byte") {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b'x' => {
                                let mut digit = || {
                                    let c = bytes.next().expect("two hex digits") as char;
                                    c.to_digit(16).expect("a hex digit") as u8
                                };
                                digit() * 16 + digit()
                            }
                            other => other,
                        },
                        b => b,
                    });
                }
                out.push(word);
            }
            b => {
                let mut word = vec![b];
                while let Some(b) = bytes.next_if(|&b| b != b' ') {
                    word.push(b);
                }
                out.push(word);
            }
        }
    }
    out
}

fn render(bytes: &[u8], at: &mut usize) -> String {
    let line_end = bytes[*at..]
        .windows(2)
        .position(|w| w == b"\r\n")
        .expect("a complete reply line");
    let line = std::str::from_utf8(&bytes[*at..*at + line_end]).expect("reply lines are text");
    *at += line_end + 2;
    let (kind, rest) = line.split_at(1);
    let number = || rest.parse::<i64>().expect("a length");
    let mut many = |n: i64| {
        let parts: Vec<_> = (0..n).map(|_| render(bytes, at)).collect();
        parts.join(", ")
    };
    match kind {
        "$" | "=" if number() < 0 => "nil".into(),
        "*" if number() < 0 => "nil[]".into(),
        "_" => "nil".into(),
        "$" | "=" => {
            let end = *at + number() as usize;
            let text = format!("\"{}\"", bytes[*at..end].escape_ascii());
            *at = end + 2;
            text
        }
        "*" => format!("[{}]", many(number())),
        "~" => format!("~[{}]", many(number())),
        ">" => format!(">[{}]", many(number())),
        "%" => format!("{{{}}}", many(number() * 2)),
        _ => line.to_owned(),
    }
}

/// An encoded request as words.
fn words(request: &[u8]) -> String {
    let text = render(request, &mut 0);
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    let parts: Vec<_> = inner.split(", ").map(|w| w.trim_matches('"')).collect();
    parts.join(" ")
}

/// A host without files, sockets and snapshots.
struct FakeHost;

impl Host for FakeHost {
    fn exchange(
        &self,
        _exchange: engine::host::Exchange<'_>,
    ) -> Result<Vec<String>, (Vec<String>, engine::host::ExchangeError)> {
        Err((Vec::new(), engine::host::ExchangeError::Connect))
    }

    fn save(&self, engine: &mut Engine, _: &SaveOptions) -> Result<(), String> {
        engine.dirty = 0;
        Ok(())
    }
    fn bgsave(&self, _: &mut Engine, _: &SaveOptions) -> Result<&'static str, CommandError> {
        Ok("Background saving started")
    }
    fn bgsave_running(&self) -> bool {
        false
    }
    fn rewrite_log(&self, _: &mut Engine, _: bool) -> Result<&'static str, CommandError> {
        Ok("Background append only file rewriting started")
    }

    fn cancel_bgsave(&self, _: &mut Engine) -> Result<&'static str, CommandError> {
        Ok("Background saving cancelled")
    }

    fn last_save(&self) -> i64 {
        0
    }

    fn after_flushall(&self, engine: &mut Engine) {
        // As the server's does: a service that needs another.
        if !engine.config.save.is_empty() {
            let saved = engine.host().save(engine, &SaveOptions::default());
            assert_eq!(saved, Ok(()));
        }
    }
    fn shutdown(&self, _: &mut Engine, _: ShutdownOptions) -> Result<(), CommandError> {
        Ok(())
    }
    fn abort_shutdown(&self, _: &mut Engine) -> Result<(), CommandError> {
        Err(CommandError::fixed(&"ERR No shutdown in progress."))
    }
    fn load_log(&self, _: &mut Engine, _: Option<engine::ClientId>) -> Result<bool, CommandError> {
        Ok(false)
    }

    fn reload(&self, _: &mut Engine, _: ReloadOptions) -> Result<(), CommandError> {
        Ok(())
    }
    fn sleep(&self, _: u64) {}
    fn sleep_before_log_writes(&self, _: u64) {}
    fn read_acl_file(&self, _: &str) -> Result<Vec<u8>, String> {
        Err("No such file or directory".into())
    }
    fn write_acl_file(&self, _: &str, _: &[u8]) -> Result<(), String> {
        Err("No such file or directory".into())
    }
    fn rewrite_config(&self, _: &mut Engine) -> Result<(), String> {
        Ok(())
    }
    fn apply_config(&self, _: &mut Engine, _: config::directive::Change) -> Result<(), String> {
        Ok(())
    }
    fn facts(&self, _: &Engine) -> engine::host::Facts {
        engine::host::Facts::default()
    }
    fn purge_memory(&self) {}
    fn info(&self, _: &Engine, _: &str, _: &mut String) {}
    fn drop_later(&self, _: Box<dyn Send>, _: Weight) {}
}

#[test]
fn scripts_run_on_a_bench() {
    check(&[
        ("PING", "+PONG"),
        ("ping \"a b\\x01\"", "\"a b\\x01\""),
        ("SELECT 99", "-ERR DB index is out of range"),
        ("SELECT 9", "+OK"),
    ]);
}
