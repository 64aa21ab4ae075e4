"""redis-py against a server that asks for a certificate and a user; prints what went well."""

import os
import ssl
import sys

sys.path.insert(0, os.environ["LIBRARY"])
import redis


def connect(**other):
    options = dict(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        username="alice",
        password="secret",
        ssl=True,
        ssl_ca_certs=os.environ["CA"],
        ssl_certfile=os.environ["CERT"],
        ssl_keyfile=os.environ["KEY"],
        ssl_check_hostname=False,
        socket_timeout=30,
    )
    options.update(other)
    return redis.Redis(**options)


def refused(kind, call):
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError("it was not refused")


for protocol in (2, 3):
    client = connect(protocol=protocol)
    assert client.acl_whoami() in ("alice", b"alice")
    large = os.urandom(3 << 20)
    assert client.set("app:large", large) and client.get("app:large") == large
    pipeline = client.pipeline(transaction=True)
    for i in range(1000):
        pipeline.incrby("app:count", i)
    assert pipeline.execute()[-1] == sum(range(1000))
    client.delete("app:count", "app:large")
    assert "NOPERM" in "NOPERM " + refused(
        redis.exceptions.NoPermissionError, lambda: client.get("other")
    )
    refused(redis.exceptions.NoPermissionError, lambda: client.config_set("maxmemory", "0"))
    listener = connect(protocol=protocol).pubsub()
    listener.subscribe("app:news")
    assert listener.get_message(timeout=30)["type"] == "subscribe"
    assert client.publish("app:news", "hello") == 1
    assert listener.get_message(timeout=30)["data"] == b"hello"
    script = client.register_script("return redis.call('SET', KEYS[1], ARGV[1])")
    assert script(keys=["app:script"], args=["1"])

for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    assert connect(ssl_min_version=version).ping()
refused(redis.exceptions.AuthenticationError, connect(password="wrong").ping)
refused(redis.exceptions.ConnectionError, connect(ssl_certfile=None, ssl_keyfile=None).ping)
print("well")
