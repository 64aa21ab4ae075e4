//! Requests between MULTI and EXEC.

use crate::gates::Caller;
use crate::kept::Kept;
use crate::scripting::Rest;
use crate::session::Queued;
use crate::spec::Flags;
use crate::table::{self, Entry};
use crate::watch::unwatch_all;
use crate::{Args, ClientFlags, CommandError, Engine, Session, links};

/// True if a request waits for EXEC.
pub fn is_queued(client: &Session, command: &Entry) -> bool {
    client.flags.contains(ClientFlags::MULTI) && !command.flags.contains(Flags::RUNS_IN_MULTI)
}

/// Queues a command. A transaction that will abort keeps nothing.
pub fn queue(engine: &Engine, client: &mut Session, command: &'static Entry, args: Args<'_>) {
    let aborts = ClientFlags::DIRTY_CAS | ClientFlags::DIRTY_EXEC;
    if !client.flags.intersects(aborts) {
        client.queued_bytes += args.0.iter().map(|a| a.len()).sum::<usize>();
        client.queue.push(Queued {
            command: command.id(),
            args: Kept::of(args.0),
        });
        if command.name == "select" {
            engine.note_queued_select(client, args);
        }
    }
    client.reply.simple("QUEUED");
}

/// Ends MULTI without running anything (EXEC that aborts, DISCARD, RESET, disconnection).
pub fn discard_transaction(engine: &mut Engine, client: &mut Session) {
    client.queue.clear();
    client.queued_bytes = 0;
    client.queued_db = None;
    client
        .flags
        .remove(ClientFlags::MULTI | ClientFlags::DIRTY_CAS | ClientFlags::DIRTY_EXEC);
    unwatch_all(engine, client);
}

/// Ends a transaction whose EXEC was refused, and returns the error that says so.
pub fn refused_exec(engine: &mut Engine, client: &mut Session, why: &CommandError) -> CommandError {
    discard_transaction(engine, client);
    // The client is to go to another server, and has to see that at the start of the line.
    if why.bytes().starts_with(b"REDIRECT ") {
        return why.clone();
    }
    let why = why.bytes().strip_prefix(b"ERR ").unwrap_or(why.bytes());
    let text = b"EXECABORT Transaction discarded because of: ".as_slice();
    CommandError::new([text, why].concat())
}

/// Runs the rest of a transaction, up to a script that takes long; what follows it runs after its end. `before` are
/// the client's flags when EXEC came.
pub fn run_queue(
    engine: &mut Engine,
    client: &mut Session,
    mut queue: std::vec::IntoIter<Queued>,
    before: ClientFlags,
) {
    while let Some(queued) = queue.next() {
        let command = table::of(queued.command);
        let result = links::has_database(client, command).and_then(|()| {
            queued.args.run(|argv| {
                let args = Args(argv);
                engine.check(Caller::Queue(client), command, args)?;
                engine.call(client, command, args)
            })
        });
        if client.waits_for_script() {
            return engine.after_script(Rest::Queue(queue, before));
        }
        if let Err(error) = result {
            if client.flags.contains(ClientFlags::MASTER) {
                let command = (command.name, Some(command));
                links::tell_error(engine, client, command, &error.to_string());
            }
            engine.fail(client, &error);
        }
    }
    engine.depth -= 1;
    if !before.contains(ClientFlags::DENY_BLOCKING) {
        client.flags.remove(ClientFlags::DENY_BLOCKING);
    }
    discard_transaction(engine, client);
}
