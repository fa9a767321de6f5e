import assert from "node:assert/strict";
import { PresharedKey, PrivateKey } from "../crypto/mod.ts";
import { Cidr, Endpoint } from "../net/mod.ts";
import { encodeErrnoAnswer, encodeGetAnswer, UAPI_ERRNO } from "./mod.ts";

const privateKey = PrivateKey.fromBytes(new Uint8Array(32).fill(0x48));
const { publicKey } = PrivateKey.fromBytes(new Uint8Array(32).fill(1));

Deno.test("encodeGetAnswer() leaves out what there is none of", () => {
  const nothing = { privateKey: undefined, listenPort: 0, fwmark: 0, peers: [] };
  assert.equal(encodeGetAnswer(nothing), "errno=0\n\n");
});

Deno.test("encodeGetAnswer() tells everything, in the order of the specification", () => {
  const cidrs = ["10.0.0.0/8", "fd00::/64"].map((text) => Cidr.parse(text)).filter((cidr) =>
    cidr !== undefined
  );
  const peer = {
    publicKey,
    presharedKey: PresharedKey.none(),
    endpoint: Endpoint.parse("[2001:db8::1]:51820"),
    lastHandshakeAt: 1_700_000_000_250,
    rxBytes: 92,
    txBytes: 148,
    persistentKeepaliveSeconds: 25,
    allowedIps: cidrs,
  };
  const silent = { ...peer, endpoint: undefined, lastHandshakeAt: undefined, allowedIps: [] };
  const text = encodeGetAnswer({ privateKey, listenPort: 51820, fwmark: 16, peers: [peer, silent] });
  const key = publicKey.bytes.toHex();
  assert.equal(
    text,
    `private_key=${privateKey.exposeBytes().toHex()}
listen_port=51820
fwmark=16
public_key=${key}
preshared_key=${"00".repeat(32)}
protocol_version=1
endpoint=[2001:db8::1]:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=250000000
tx_bytes=148
rx_bytes=92
persistent_keepalive_interval=25
allowed_ip=10.0.0.0/8
allowed_ip=fd00::/64
public_key=${key}
preshared_key=${"00".repeat(32)}
protocol_version=1
last_handshake_time_sec=0
last_handshake_time_nsec=0
tx_bytes=148
rx_bytes=92
persistent_keepalive_interval=25
errno=0

`,
  );
});

Deno.test("encodeErrnoAnswer() ends the answer", () => {
  assert.equal(encodeErrnoAnswer(UAPI_ERRNO.NONE), "errno=0\n\n");
  assert.equal(encodeErrnoAnswer(UAPI_ERRNO.EINVAL), "errno=-22\n\n");
});
