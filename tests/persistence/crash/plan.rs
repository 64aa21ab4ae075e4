//! What happens in a round: all of it is drawn from a seed before it begins.

use crate::support::peers;
use forebay::base::Rng;

/// A round: a server, perhaps another one, and some lives of the server that each end with a blow.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `forebay`, or a real server: the other end of every link.
    pub peer: &'static str,
    /// The directive `save`.
    pub save: &'static str,
    /// `repl-diskless-sync`, at both ends.
    pub diskless_sync: bool,
    /// `repl-diskless-load`
    pub diskless_load: &'static str,
    /// Keys that are written to.
    pub keys: u64,
    /// `rdb-key-save-delay`, in µs, while something is made slow.
    pub save_delay: u64,
    /// `key-load-delay`, likewise.
    pub load_delay: u64,
    /// `shutdown-on-sigterm`
    pub on_sigterm: &'static str,
    /// One life of the server after the other.
    pub lives: Vec<Life>,
    /// At the end both servers must come to hold the same.
    pub converge: bool,
    /// At the end the dump is loaded by a real server too.
    pub foreign_judge: bool,
}

/// From a start of the server to its end.
#[derive(Clone, Debug)]
pub struct Life {
    /// What is done first, step by step.
    pub before: Vec<Step>,
    /// What is under way when the blow falls.
    pub during: Step,
    /// Milliseconds between its beginning and the blow.
    pub after_ms: u64,
    /// The blow.
    pub blow: Blow,
    /// Milliseconds after the blow, kill -9.
    pub then_kill_ms: Option<u64>,
    /// A FLUSHALL now and then among the writes that go on until the end.
    pub flushes: bool,
    /// A BGSAVE now and then among them.
    pub saves: bool,
}

/// What is done to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It starts, on a dump that loads slowly.
    Start,
    /// So many writes.
    Write(u32),
    /// SAVE, slowly.
    Save,
    /// BGSAVE, slowly.
    Bgsave,
    /// Waits until no BGSAVE is running.
    AwaitSave,
    /// FLUSHALL
    Flushall,
    /// DEBUG RELOAD, slowly.
    Reload,
    /// The peer becomes a replica; its payload is made slowly.
    Serve,
    /// It becomes a replica of the peer and loads slowly.
    Follow,
    /// REPLICAOF NO ONE
    Lead,
    /// Waits until the link is up.
    AwaitLink,
    /// The peer stands still until the server has ended, if it is a replica.
    StopPeer,
}

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    /// SIGTERM
    Term,
    /// SIGINT
    Int,
    /// SIGINT, and again at once.
    IntTwice,
    /// kill -9
    Kill,
    /// SHUTDOWN
    Shutdown(Shutdown),
    /// SHUTDOWN, after some milliseconds SHUTDOWN ABORT; if the server lives on, SIGTERM, or kill -9.
    Abort(Shutdown, u64, bool),
}

/// The arguments of SHUTDOWN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shutdown {
    /// SAVE, NOSAVE or neither.
    pub save: Option<bool>,
    /// NOW
    pub now: bool,
    /// FORCE
    pub force: bool,
}

impl Shutdown {
    /// The command.
    pub fn words(self) -> Vec<&'static str> {
        let mut words = vec!["SHUTDOWN"];
        words.extend(self.save.map(|save| if save { "SAVE" } else { "NOSAVE" }));
        words.extend(self.now.then_some("NOW"));
        words.extend(self.force.then_some("FORCE"));
        words
    }
}

/// Draws.
pub struct Dice(Rng);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Dice {
        Dice(Rng::new(seed))
    }

    /// Below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.below(n)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of them.
    pub fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

impl Plan {
    /// The round of this seed.
    pub fn draw(seed: u64) -> Plan {
        let mut dice = Dice::new(seed);
        let peer = match dice.one_in(3) {
            true => dice.of(&peers::ALL),
            false => "forebay",
        };
        let lives = 1 + dice.below(3);
        Plan {
            peer,
            save: dice.of(&["\"\"", "3600 1", "3600 1", "3600 100000", "1 1"]),
            diskless_sync: dice.one_in(2),
            diskless_load: dice.of(&["disabled", "on-empty-db", "swapdb", "flush-before-load"]),
            keys: 8 + dice.below(40),
            save_delay: 500 + dice.below(8_000),
            load_delay: 500 + dice.below(8_000),
            on_sigterm: dice.of(&["default", "default", "default", "save", "nosave", "force"]),
            lives: (0..lives).map(|n| Life::draw(&mut dice, n > 0)).collect(),
            converge: dice.one_in(4),
            foreign_judge: dice.one_in(8),
        }
    }
}

impl Life {
    fn draw(dice: &mut Dice, has_dump: bool) -> Life {
        let mut before = vec![Step::Write(1 + dice.below(30) as u32)];
        for _ in 0..dice.below(4) {
            let step = dice.of(&[
                Step::Bgsave,
                Step::AwaitSave,
                Step::Flushall,
                Step::Serve,
                Step::Follow,
                Step::AwaitLink,
                Step::Lead,
                Step::Write(5),
            ]);
            before.push(step);
        }
        let mut during = dice.of(&[
            Step::Start,
            Step::Write(1),
            Step::Save,
            Step::Bgsave,
            Step::Bgsave,
            Step::Flushall,
            Step::Reload,
            Step::Serve,
            Step::Serve,
            Step::Follow,
            Step::Follow,
            Step::Follow,
            Step::Lead,
        ]);
        if during == Step::Start && !has_dump {
            during = Step::Bgsave;
        }
        let blow = Blow::draw(dice);
        if matches!(blow, Blow::Abort(..)) {
            before.extend([Step::Serve, Step::AwaitLink, Step::StopPeer, Step::Write(2)]);
        }
        match during {
            Step::Start => before.clear(),
            // Something must be running that is given up.
            Step::Flushall => before.push(dice.of(&[Step::Bgsave, Step::Serve, Step::Write(3)])),
            Step::Lead => {
                before.push(Step::Follow);
                if dice.one_in(2) {
                    before.push(Step::AwaitLink);
                }
            }
            _ => {}
        }
        Life {
            before,
            during,
            after_ms: dice.below(250),
            blow,
            then_kill_ms: dice.one_in(6).then(|| dice.below(150)),
            flushes: dice.one_in(5),
            saves: dice.one_in(5),
        }
    }
}

impl Blow {
    fn draw(dice: &mut Dice) -> Blow {
        let words = Shutdown {
            save: dice.of(&[None, None, Some(true), Some(false)]),
            now: dice.one_in(2),
            force: dice.one_in(3),
        };
        match dice.below(12) {
            0 | 1 => Blow::Term,
            2 => Blow::Int,
            3 => Blow::IntTwice,
            4..=6 => Blow::Kill,
            7..=10 => Blow::Shutdown(words),
            _ => {
                let patient = Shutdown {
                    now: false,
                    ..words
                };
                Blow::Abort(patient, dice.below(400), dice.one_in(2))
            }
        }
    }

    /// Its name in the tally.
    pub fn name(&self) -> &'static str {
        match self {
            Blow::Term => "SIGTERM",
            Blow::Int => "SIGINT",
            Blow::IntTwice => "SIGINT twice",
            Blow::Kill => "kill -9",
            Blow::Shutdown(words) => match words.save {
                Some(true) => "SHUTDOWN SAVE",
                Some(false) => "SHUTDOWN NOSAVE",
                None => "SHUTDOWN",
            },
            Blow::Abort(..) => "SHUTDOWN ABORT",
        }
    }

    /// Whether the server saves before it exits; `None` where it may not come to that.
    pub fn saves(&self, plan: &Plan) -> Option<bool> {
        let points = plan.save != "\"\"";
        match self {
            Blow::Term => Some(match plan.on_sigterm {
                "save" => true,
                "nosave" => false,
                _ => points,
            }),
            Blow::Int => Some(points),
            Blow::IntTwice => None,
            Blow::Kill => Some(false),
            Blow::Shutdown(words) => Some(words.save.unwrap_or(points)),
            Blow::Abort(..) => None,
        }
    }
}
