//! Servers that a test starts with arguments of its own.

use crate::support::{client::Client, wait::LONG, wait::wait_for};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A server that ends with the test, however that ends.
pub struct ByHand(Child);

impl ByHand {
    /// Starts it in `dir`, to answer on `port`; returns when it has loaded its data.
    pub fn start(dir: &Path, args: &[&str], port: u16) -> (ByHand, Client) {
        ByHand::start_with(dir, args, port, None)
    }

    /// As [`ByHand::start`]; the client gives a password, if there is one.
    pub fn start_with(
        dir: &Path,
        args: &[&str],
        port: u16,
        password: Option<&str>,
    ) -> (ByHand, Client) {
        let child = Command::new(env!("CARGO_BIN_EXE_forebay-server"))
            .args(args)
            .current_dir(dir)
            .stdout(Stdio::null())
            .spawn();
        let mut server = ByHand(child.unwrap());
        let client = wait_for("it serves its data", LONG, || {
            assert_eq!(server.0.try_wait().unwrap(), None, "it stopped");
            let mut client = Client::connect(("127.0.0.1", port)).ok()?;
            if let Some(password) = password {
                client.try_cmd(&["AUTH", password]).ok()?;
            }
            let loaded = client.try_cmd(&["DBSIZE"]).ok()?;
            (!loaded.is_error()).then_some(client)
        });
        (server, client)
    }

    /// Ends it as a client would.
    pub fn shut_down(mut self, client: &mut Client) -> ExitStatus {
        client.send(&["SHUTDOWN", "NOSAVE"]).unwrap();
        self.0.wait().unwrap()
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
