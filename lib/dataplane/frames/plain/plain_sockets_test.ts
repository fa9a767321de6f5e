import assert from "node:assert/strict";
import { UdpPortTakenError, UnfitInterfaceError } from "../../../host/mod.ts";
import { PlainSockets } from "./plain_sockets.ts";

const LOOPBACK = { kind: "plain", localAddress: "127.0.0.1" } as const;

/** A port that is free now. */
function freePort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { addr } = socket;
  socket.close();
  return addr.transport === "udp" ? addr.port : assert.fail();
}

Deno.test({
  name: "PlainSockets gives networks that can share a socket the same one, and closes it with the last",
  ignore: Deno.build.os !== "linux",
  fn() {
    const port = freePort();
    const underlay = { ...LOOPBACK, port };
    const sockets = new PlainSockets();
    const [a, b] = [
      sockets.acquire(underlay, { kind: "udp", port: 1 }),
      sockets.acquire(underlay, { kind: "udp", port: 2 }),
    ];
    assert.deepEqual(a.receivers, b.receivers);
    assert.deepEqual(a.ipv4?.fds, b.ipv4?.fds);
    assert.equal(new Set(a.ipv4?.fds).size, 8);
    assert.equal(a.ipv6, undefined);
    const inGroup = sockets.acquire({ ...underlay, group: "239.1.1.1", interfaceName: "lo" }, {
      kind: "udp",
      port,
    });
    assert.deepEqual(inGroup.receivers[0], a.receivers[0]);
    assert.equal(inGroup.receivers.length, 2, "one more is bound to the group");
    const others = () => new PlainSockets().acquire(underlay, { kind: "udp", port });
    assert.throws(others, UdpPortTakenError);
    a.release();
    a.release();
    inGroup.release();
    assert.throws(others, UdpPortTakenError);
    b.release();
    others().release();
  },
});

Deno.test({
  name: "PlainSockets leaves nothing open when something fails",
  ignore: Deno.build.os !== "linux",
  fn() {
    const port = freePort();
    const sockets = new PlainSockets();
    const wrong = { ...LOOPBACK, port, group: "239.1.1.1", interfaceName: "no-such-one" };
    assert.throws(() => sockets.acquire(wrong, { kind: "udp", port }), { code: "NoInterface" });
    sockets.acquire({ ...LOOPBACK, port }, { kind: "udp", port }).release();
    assert.throws(() => sockets.acquire(LOOPBACK, { kind: "link" }), UnfitInterfaceError);
    // No address of this host (RFC 5737 §3).
    const elsewhere = { ...LOOPBACK, localAddress: "203.0.113.9", port };
    assert.throws(() => sockets.acquire(elsewhere, { kind: "udp", port }), {
      hint: /address that this host has/,
    });
  },
});
