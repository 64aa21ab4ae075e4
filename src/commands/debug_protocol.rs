//! DEBUG PROTOCOL: one reply of each type, for client libraries under test.

use engine::{Args, CmdResult, CommandError, Cx};
use resp::Proto;

const NO_SUCH_TYPE: CommandError = CommandError::fixed(
    &"ERR Wrong protocol type name. Please use one of the following: string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);
const BIG: &[u8] = b"1234567999999999999999999999999999999";

/// The reply of the type that is named.
#[expect(
    clippy::approx_constant,
    reason = "3.141 is what the reference answers, no constant of mathematics"
)]
pub fn run(cx: &mut Cx<'_>, args: Args<'_>) -> CmdResult {
    let name = String::from_utf8_lossy(&args[2]).to_ascii_lowercase();
    let reply = &mut cx.client.reply;
    let resp3 = reply.proto == Proto::Resp3;
    match name.as_str() {
        "string" => reply.bulk(b"Hello World"),
        "integer" => reply.int(12345),
        "double" => reply.double(3.141),
        "null" => reply.null(),
        "array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.int(n));
        }
        "set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.int(n));
        }
        "map" => {
            reply.map(3);
            for n in 0..3 {
                reply.int(n);
                reply.bool(n == 1);
            }
        }
        "attrib" => {
            if resp3 {
                reply.raw(b"|1\r\n");
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.int(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        "push" if !resp3 => {
            return Err(CommandError::fixed(
                &"ERR RESP2 is not supported by this command",
            ));
        }
        "push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.int(42);
            // Clients that pass over pushes wait for a reply.
            reply.bulk(b"Some real reply following the push reply");
        }
        "verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        "bignum" if resp3 => reply.raw(&[b"(", BIG, b"\r\n"].concat()),
        "bignum" => reply.bulk(BIG),
        "true" => reply.bool(true),
        "false" => reply.bool(false),
        _ => return Err(NO_SUCH_TYPE),
    }
    Ok(())
}
