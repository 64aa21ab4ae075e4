// ioredis against a server that asks for a certificate and a user; prints what went well.
"use strict";

const assert = require("assert");
const crypto = require("crypto");
const fs = require("fs");
const Redis = require(process.env.LIBRARY + "/node_modules/ioredis");

function connect(more = {}, tls = {}) {
  const client = new Redis({
    host: "127.0.0.1",
    port: Number(process.env.PORT),
    username: "alice",
    password: "secret",
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    tls: {
      ca: fs.readFileSync(process.env.CA),
      cert: fs.readFileSync(process.env.CERT),
      key: fs.readFileSync(process.env.KEY),
      checkServerIdentity: () => undefined,
      ...tls,
    },
    ...more,
  });
  // What fails is seen in the answers.
  client.on("error", () => {});
  return client;
}

async function main() {
  const client = connect();
  assert.strictEqual(await client.acl("WHOAMI"), "alice");
  const large = crypto.randomBytes(3 << 20);
  await client.set("app:large", large);
  assert.ok(large.equals(await client.getBuffer("app:large")));
  let pipeline = client.multi();
  for (let i = 0; i < 1000; i += 1) pipeline = pipeline.incrby("app:count", i);
  const answers = await pipeline.exec();
  assert.strictEqual(answers[999][1], 499500);
  await client.del("app:count", "app:large");
  await assert.rejects(client.get("other"), /NOPERM/);
  const listener = connect();
  const heard = new Promise((resolve) => listener.on("message", (_, text) => resolve(text)));
  await listener.subscribe("app:news");
  assert.strictEqual(await client.publish("app:news", "hello"), 1);
  assert.strictEqual(await heard, "hello");
  client.defineCommand("put", { numberOfKeys: 1, lua: "return redis.call('SET', KEYS[1], ARGV[1])" });
  assert.strictEqual(await client.put("app:script", "1"), "OK");
  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    const one = connect({}, { minVersion: version, maxVersion: version });
    assert.strictEqual(await one.ping(), "PONG");
    one.disconnect();
  }
  const wrong = connect({ password: "wrong" });
  await assert.rejects(wrong.get("app:large"));
  const stranger = connect({}, { cert: undefined, key: undefined });
  await assert.rejects(stranger.ping());
  for (const one of [client, listener, wrong, stranger]) one.disconnect();
  console.log("well");
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
