//! COMMAND DOCS, which redis-cli uses for its hints and its HELP.

pub mod parse;

use engine::spec::Group;
use engine::table::Entry;
use parse::{Argument, Kind, Repeated};
use resp::Reply;

/// The description of one command, subcommands included.
pub fn describe(reply: &mut Reply, entry: &Entry) {
    let mut fields = Fields::begin(reply);
    let present = |text: &'static str| (!text.is_empty()).then_some(text);
    fields.text("summary", Some(entry.summary));
    fields.text("since", Some(entry.since));
    fields.text("group", Some(group_name(entry.group)));
    fields.text("complexity", present(entry.complexity));
    let docs = entry.docs;
    let successor = docs.replaced;
    let flag = match successor {
        Some(_) => Some("deprecated"),
        None => docs.internal.then_some("syscmd"),
    };
    if let Some(flag) = flag {
        let reply = fields.next("doc_flags");
        reply.set(1);
        reply.simple(flag);
    }
    fields.text("deprecated_since", successor.map(|(version, _)| version));
    fields.text("replaced_by", successor.map(|(_, better)| better));
    let changes = docs.history;
    if !changes.is_empty() {
        let reply = fields.next("history");
        reply.set(changes.len());
        for (version, change) in changes {
            reply.array(2);
            reply.bulk_str(version);
            reply.bulk_str(change);
        }
    }
    let taken = taken_by(entry);
    if !taken.is_empty() {
        arguments(fields.next("arguments"), &taken);
    }
    if !entry.subcommands.is_empty() {
        let reply = fields.next("subcommands");
        reply.map(entry.subcommands.len());
        for sub in &entry.subcommands {
            reply.bulk_str(sub.name);
            describe(reply, sub);
        }
    }
    fields.end();
}

/// The arguments of a command. A test parses all texts, so that none is malformed here.
fn taken_by(entry: &Entry) -> Vec<Argument> {
    match entry.docs.arguments {
        "" => Vec::new(),
        text => parse::parse(text).unwrap_or_default(),
    }
}

fn arguments(reply: &mut Reply, list: &[Argument]) {
    reply.array(list.len());
    list.iter().for_each(|a| argument(reply, a));
}

fn argument(reply: &mut Reply, argument: &Argument) {
    let (kind, parts) = match &argument.kind {
        Kind::Value(kind) => (*kind, None),
        Kind::PureToken => ("pure-token", None),
        Kind::OneOf(parts) => ("oneof", Some(parts)),
        Kind::Block(parts) => ("block", Some(parts)),
    };
    let display = match parts {
        None => argument.display.or(Some(&argument.name)),
        Some(_) => argument.display,
    };
    let mut fields = Fields::begin(reply);
    fields.text("name", Some(&argument.name));
    fields.text("type", Some(kind));
    fields.text("display_text", display);
    if let Some(index) = argument.key_spec {
        fields.next("key_spec_index").int(index);
    }
    fields.text("token", argument.token);
    fields.text("since", argument.since);
    fields.text("deprecated_since", argument.deprecated_since);
    let flags = flags(argument);
    if !flags.is_empty() {
        let reply = fields.next("flags");
        reply.set(flags.len());
        flags.iter().for_each(|f| reply.simple(f));
    }
    if let Some(parts) = parts {
        arguments(fields.next("arguments"), parts);
    }
    fields.end();
}

/// A map whose size is known only when all its fields are written.
struct Fields<'a> {
    reply: &'a mut Reply,
    mark: usize,
    count: usize,
}

impl Fields<'_> {
    fn begin(reply: &mut Reply) -> Fields<'_> {
        let mark = reply.len();
        Fields {
            reply,
            mark,
            count: 0,
        }
    }

    /// Writes a name; the caller writes its value.
    fn next(&mut self, name: &str) -> &mut Reply {
        self.count += 1;
        self.reply.bulk_str(name);
        self.reply
    }

    /// A field that is left out where it has no text.
    fn text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.next(name).bulk_str(text);
        }
    }

    fn end(self) {
        self.reply.map_at(self.mark, self.count);
    }
}

fn flags(argument: &Argument) -> Vec<&'static str> {
    let mut flags = Vec::new();
    if argument.optional {
        flags.push("optional");
    }
    match argument.repeated {
        Repeated::No => {}
        Repeated::Alone => flags.push("multiple"),
        Repeated::WithToken => flags.extend(["multiple", "multiple_token"]),
    }
    flags
}

fn group_name(group: Group) -> &'static str {
    match group {
        Group::String => "string",
        Group::List => "list",
        Group::Set => "set",
        Group::SortedSet => "sorted-set",
        Group::Hash => "hash",
        Group::Stream => "stream",
        Group::Array => "array",
        Group::Generic => "generic",
        Group::Pubsub => "pubsub",
        Group::Transactions => "transactions",
        Group::Connection => "connection",
        Group::Server => "server",
        Group::Scripting => "scripting",
        Group::HyperLogLog => "hyperloglog",
        Group::Geo => "geo",
        Group::Bitmap => "bitmap",
        Group::Cluster => "cluster",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::table;

    /// Commands that take arguments, of which the reference describes none: `DEBUG` and `REPLCONF` are not for people,
    /// and QUIT ignores its arguments.
    const UNDESCRIBED: [&str; 3] = ["debug", "quit", "replconf"];

    fn all() -> impl Iterator<Item = &'static Entry> {
        table::all().flat_map(|e| std::iter::once(e).chain(&e.subcommands))
    }

    /// True if a request of the command may be longer than its name.
    fn takes_arguments(entry: &Entry) -> bool {
        let words = 1 + usize::from(entry.parent.is_some());
        entry.subcommands.is_empty() && (words + 1..words + 4).any(|n| entry.arity_fits(n))
    }

    #[test]
    fn every_command_that_takes_arguments_describes_them() {
        let lacking: Vec<&str> = all()
            .filter(|e| takes_arguments(e) && e.docs.arguments.is_empty())
            .map(|e| e.name)
            .filter(|name| !UNDESCRIBED.contains(name))
            .collect();
        assert!(lacking.is_empty(), "without arguments: {lacking:?}");
    }

    #[test]
    fn every_syntax_parses() {
        for entry in all() {
            let text = entry.docs.arguments;
            let parsed = parse::parse(text);
            let right = text.is_empty() || parsed.is_ok();
            assert!(right, "{}: {parsed:?} in {text}", entry.name);
        }
    }
}
