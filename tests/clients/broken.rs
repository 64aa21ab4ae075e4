//! Connections that break while they are answered: the buffers of replies are shared.

use crate::support::client::Client;
use crate::support::resp::request;
use crate::support::server::Builder;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn what_a_broken_connection_was_not_sent_reaches_nobody_else() {
    let server = Builder::forebay().start();
    let mut other = server.client();
    for round in 0..10 {
        let mut gone = TcpStream::connect(server.address()).expect("it listens");
        let mut sleeper = server.client();
        // It reads the request when the connection has been reset, and can write no answer.
        sleeper.send(&["DEBUG", "SLEEP", "0.05"]).expect("it reads");
        gone.write_all(&request(&["ECHO", "secret"])).expect("sent");
        let socket = socket2::SockRef::from(&gone);
        socket.set_linger(Some(Duration::ZERO)).expect("a socket");
        drop(gone);
        assert_eq!(other.text("ECHO mine"), "mine", "round {round}");
        let mut newcomer = Client::connect(server.address()).expect("it listens");
        assert_eq!(newcomer.text("ECHO new"), "new", "round {round}");
        assert_eq!(sleeper.read().expect("it slept").text(), Some("OK"));
    }
}
