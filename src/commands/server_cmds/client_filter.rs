//! Which clients CLIENT LIST and CLIENT KILL mean: the filters of Redis and those of Valkey 9.
//!
//! A client is meant if it matches all filters that are given, and none of those whose name begins with `NOT-`. Where a
//! filter is given twice, the last one counts; numbers of clients are added to those before them.

use engine::acl::{User, Users};
use engine::args::parse_int;
use engine::client_list::{Class, letters};
use engine::options::Options;
use engine::{Args, ClientFlags, ClientId, CommandError, Session};
use std::rc::Rc;

/// All letters that `flags=` of CLIENT LIST may show, here or on a real server.
const FLAG_LETTERS: &[u8] = b"ABEIMNOPRSTUbcdeirtux";

/// The clients that a request means.
#[derive(Default)]
pub struct Filter<'a> {
    /// What they match.
    are: Traits<'a>,
    /// What they do not match.
    are_not: Traits<'a>,
    max_age_s: Option<i64>,
    idle_s: Option<i64>,
    skip_me: bool,
}

/// What a filter may ask of a client.
#[derive(Default)]
struct Traits<'a> {
    ids: Vec<ClientId>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    ip: Option<&'a [u8]>,
    class: Option<Class>,
    user: Option<Rc<User>>,
    name: Option<&'a [u8]>,
    flags: Option<&'a [u8]>,
    capa: Option<&'a [u8]>,
    db: Option<usize>,
    lib_name: Option<&'a [u8]>,
    lib_ver: Option<&'a [u8]>,
}

/// Reads the number of a client: CLIENT LIST and CLIENT KILL reject wrong ones in words of their own.
type ReadId = fn(&[u8]) -> Result<ClientId, CommandError>;

/// What filters refer to.
#[derive(Clone, Copy)]
pub struct Known<'e> {
    /// The users of the server.
    pub users: &'e Users,
    /// How many databases there are.
    pub databases: usize,
}

impl<'a> Filter<'a> {
    /// The clients with this address, as the old form of CLIENT KILL names them.
    pub fn of_addr(addr: &'a [u8]) -> Filter<'a> {
        let mut filter = Filter::default();
        filter.are.addr = Some(addr);
        filter
    }

    /// The filters of CLIENT LIST, which are all arguments from the third one on.
    ///
    /// # Errors
    /// The reply.
    pub fn of_list(args: Args<'a>, known: Known<'_>) -> Result<Filter<'a>, CommandError> {
        // No client has a number below 1.
        let read = |word: &[u8]| match parse_int(word) {
            Some(id) => Ok(ClientId(u64::try_from(id).unwrap_or(0))),
            None => Err(CommandError::fixed(&"ERR Invalid client ID")),
        };
        Filter::default().parse(args, known, read)
    }

    /// The filters of CLIENT KILL, likewise. They do not mean the client itself unless it says so.
    ///
    /// # Errors
    /// The reply.
    pub fn of_kill(args: Args<'a>, known: Known<'_>) -> Result<Filter<'a>, CommandError> {
        let read = |word: &[u8]| match parse_int(word).filter(|id| *id > 0) {
            Some(id) => Ok(ClientId(id as u64)),
            None => Err(CommandError::fixed(
                &"ERR client-id should be greater than 0",
            )),
        };
        let filter = Filter {
            skip_me: true,
            ..Filter::default()
        };
        filter.parse(args, known, read)
    }

    fn parse(
        mut self,
        args: Args<'a>,
        known: Known<'_>,
        read_id: ReadId,
    ) -> Result<Filter<'a>, CommandError> {
        let mut words = args.options(2);
        while words.are_left() {
            if let Some(age) = words.take_value("MAXAGE") {
                self.max_age_s = Some(seconds("maxage", age)?);
            } else if let Some(idle) = words.take_value("IDLE") {
                self.idle_s = Some(seconds("idle", idle)?);
            } else if words.take("SKIPME") {
                let skip = words.take_one_of(&[("YES", true), ("NO", false)]);
                self.skip_me = skip.ok_or(CommandError::SYNTAX)?;
            } else if !self.are.take(&mut words, false, known, read_id)?
                && !self.are_not.take(&mut words, true, known, read_id)?
            {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(self)
    }

    /// Whether the request of `me` means this client.
    pub fn means(&self, client: &Session, me: ClientId, now_ms: i64) -> bool {
        let since = |ms: i64| (now_ms - ms) / 1000;
        let is = self.are.each(client);
        let is_not = self.are_not.each(client);
        is.into_iter().flatten().all(|matches| matches)
            && is_not.into_iter().flatten().all(|matches| !matches)
            && self
                .max_age_s
                .is_none_or(|max| since(client.created_ms) >= max)
            && self
                .idle_s
                .is_none_or(|idle| since(client.last_interaction_ms) >= idle)
            && !(self.skip_me && client.id == me)
    }
}

impl<'a> Traits<'a> {
    /// Takes the next filter, if it is one of these; with `not`, if it is one of these behind `NOT-`.
    fn take(
        &mut self,
        words: &mut Options<'a>,
        not: bool,
        known: Known<'_>,
        read_id: ReadId,
    ) -> Result<bool, CommandError> {
        let pick = |yes, no| if not { no } else { yes };
        if let Some(id) = words.take_value(pick("ID", "NOT-ID")) {
            self.ids.push(read_id(id)?);
            while let Some(id) = words.peek().filter(|word| parse_int(word).is_some()) {
                words.skip();
                self.ids.push(read_id(id)?);
            }
        } else if let Some(class) = words.take_value(pick("TYPE", "NOT-TYPE")) {
            self.class = Some(Class::named(class)?);
        } else if let Some(addr) = words.take_value(pick("ADDR", "NOT-ADDR")) {
            self.addr = Some(addr);
        } else if let Some(laddr) = words.take_value(pick("LADDR", "NOT-LADDR")) {
            self.laddr = Some(laddr);
        } else if let Some(ip) = words.take_value(pick("IP", "NOT-IP")) {
            self.ip = Some(ip);
        } else if let Some(name) = words.take_value(pick("USER", "NOT-USER")) {
            let user = known.users.get(name);
            let user =
                user.ok_or_else(|| CommandError::quoting("ERR No such user '{}'", &[name]))?;
            self.user = Some(Rc::clone(user));
        } else if let Some(name) = words.take_value(pick("NAME", "NOT-NAME")) {
            self.name = Some(name);
        } else if let Some(flags) = words.take_value(pick("FLAGS", "NOT-FLAGS")) {
            self.flags = Some(of_letters(flags, FLAG_LETTERS, ("flags", "FLAGS"), not)?);
        } else if let Some(capa) = words.take_value(pick("CAPA", "NOT-CAPA")) {
            self.capa = Some(of_letters(capa, b"r", ("capa", "CAPA"), not)?);
        } else if let Some(db) = words.take_value(pick("DB", "NOT-DB")) {
            self.db = Some(database(pick("DB", "NOT-DB"), db, known.databases)?);
        } else if let Some(name) = words.take_value(pick("LIB-NAME", "NOT-LIB-NAME")) {
            self.lib_name = Some(name);
        } else if let Some(version) = words.take_value(pick("LIB-VER", "NOT-LIB-VER")) {
            self.lib_ver = Some(version);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// For each of these, whether the client matches it; `None` if it was not asked for.
    fn each(&self, client: &Session) -> [Option<bool>; 12] {
        let shown = |asked: &[u8]| {
            let its = letters(client);
            asked.iter().all(|letter| its.as_bytes().contains(letter))
        };
        let has_capa =
            |asked: &[u8]| asked.is_empty() || client.flags.contains(ClientFlags::REDIRECT);
        let is_user = |user: &Rc<User>| {
            let its = client.user.as_ref();
            its.is_some_and(|its| Rc::ptr_eq(its, user))
        };
        [
            (!self.ids.is_empty()).then(|| self.ids.contains(&client.id)),
            self.addr.map(|addr| addr == client.addr.as_bytes()),
            self.laddr.map(|addr| addr == client.laddr.as_bytes()),
            self.ip.map(|ip| ip == ip_of(&client.addr).as_bytes()),
            self.class.map(|class| class == Class::of(client)),
            self.user.as_ref().map(is_user),
            self.name.map(|name| name == client.name),
            self.flags.map(shown),
            self.capa.map(has_capa),
            self.db.map(|db| db == client.db),
            self.lib_name.map(|name| name == client.lib_name),
            self.lib_ver.map(|version| version == client.lib_ver),
        ]
    }
}

/// The address without its port and without the brackets of IPv6.
fn ip_of(addr: &str) -> &str {
    let ip = addr.rsplit_once(':').map_or(addr, |(ip, _)| ip);
    let inside = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    inside.unwrap_or(ip)
}

fn integer(what: &str, word: &[u8]) -> Result<i64, CommandError> {
    let text = || CommandError::new(format!("ERR {what} is not an integer or out of range"));
    parse_int(word).ok_or_else(text)
}

fn seconds(what: &str, word: &[u8]) -> Result<i64, CommandError> {
    let number = integer(what, word)?;
    match number > 0 {
        true => Ok(number),
        false => Err(CommandError::new(format!(
            "ERR {what} should be greater than 0"
        ))),
    }
}

fn database(what: &str, word: &[u8], count: usize) -> Result<usize, CommandError> {
    let number = integer(what, word)?;
    let number = usize::try_from(number).ok().filter(|n| *n < count);
    number.ok_or_else(|| {
        let last = count.saturating_sub(1);
        CommandError::new(format!("ERR {what} number should be between 0 and {last}"))
    })
}

/// The word, if all its letters are among these.
fn of_letters<'a>(
    word: &'a [u8],
    letters: &[u8],
    (what, name): (&str, &str),
    not: bool,
) -> Result<&'a [u8], CommandError> {
    if word.iter().all(|letter| letters.contains(letter)) {
        return Ok(word);
    }
    let text = match not {
        false => format!("ERR Unknown {what} found in the provided filter: {{}}"),
        true => format!("ERR Unknown {what} found in the NOT-{name} filter: {{}}"),
    };
    Err(CommandError::quoting(&text, &[word]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_is_an_address_without_its_port() {
        assert_eq!(ip_of("127.0.0.1:6379"), "127.0.0.1");
        assert_eq!(ip_of("[::1]:6379"), "::1");
        assert_eq!(ip_of("/run/socket:0"), "/run/socket");
        assert_eq!(ip_of("?"), "?");
    }
}
