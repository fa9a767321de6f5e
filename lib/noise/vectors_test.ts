import assert from "node:assert/strict";
import { decodeHex, type RandomSource } from "../base/mod.ts";
import { PresharedKey, PrivateKey, PublicKey } from "../crypto/mod.ts";
import { CipherState } from "./cipher_state.ts";
import { HandshakeState } from "./handshake_state.ts";
import { type HandshakePattern, withPresharedKey } from "./patterns.ts";
import * as patterns from "./testing/patterns.ts";

interface Vector {
  readonly protocol_name: string;
  readonly init_prologue: string;
  readonly init_static?: string;
  readonly init_ephemeral: string;
  readonly init_remote_static?: string;
  readonly init_psks?: readonly string[];
  readonly resp_prologue: string;
  readonly resp_static?: string;
  readonly resp_ephemeral?: string;
  readonly resp_remote_static?: string;
  readonly resp_psks?: readonly string[];
  readonly handshake_hash: string;
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[];
}

const file = new URL("../../tests/vectors/noise_25519_chachapoly_blake2s.json", import.meta.url);

const hex = (text: string): Uint8Array => decodeHex(text) ?? assert.fail(`no hexadecimal: ${text}`);
const fixed = (text: string | undefined): RandomSource => ({ fill: (out) => out.set(hex(text ?? "")) });

function findPattern(protocolName: string): HandshakePattern | undefined {
  const [, base, position] = /^Noise_([A-Z]{2})(?:psk(\d))?_25519_ChaChaPoly_BLAKE2s$/.exec(protocolName) ??
    [];
  const found = (patterns as Record<string, unknown>)[base ?? ""] as HandshakePattern | undefined;
  return found === undefined || position === undefined ? found : withPresharedKey(found, Number(position));
}

function handshake(
  vector: Vector,
  pattern: HandshakePattern,
  role: "initiator" | "responder",
): HandshakeState {
  const side = role === "initiator" ? "init" : "resp";
  const localStatic = vector[`${side}_static`];
  const remoteStatic = vector[`${side}_remote_static`];
  const psk = vector[`${side}_psks`]?.[0];
  return new HandshakeState({
    pattern,
    role,
    prologue: hex(vector[`${side}_prologue`]),
    random: fixed(vector[`${side}_ephemeral`]),
    ...(localStatic === undefined ? {} : { localStatic: PrivateKey.fromBytes(hex(localStatic)) }),
    ...(remoteStatic === undefined ? {} : { remoteStatic: PublicKey.fromBytes(hex(remoteStatic)) }),
    ...(psk === undefined ? {} : { presharedKey: PresharedKey.fromBytes(hex(psk)) }),
  });
}

function runVector(vector: Vector, pattern: HandshakePattern): void {
  const initiator = handshake(vector, pattern, "initiator");
  const responder = handshake(vector, pattern, "responder");
  let ciphers: { send: CipherState; receive: CipherState }[] = [];
  vector.messages.forEach(({ payload, ciphertext }, i) => {
    const [writer, reader] = i % 2 === 0 ? [initiator, responder] : [responder, initiator];
    if (i < pattern.messages.length) {
      const message = writer.writeMessage(hex(payload));
      assert.equal(message.toHex(), ciphertext);
      assert.equal(reader.readMessage(message)?.toHex(), payload);
      return;
    }
    if (ciphers.length === 0) {
      assert.equal(initiator.handshakeHash.toHex(), vector.handshake_hash);
      ciphers = [initiator.split(), responder.split()].map((keys) => ({
        send: new CipherState(keys.send),
        receive: new CipherState(keys.receive),
      }));
    }
    const message = ciphers[i % 2]?.send.encrypt(new Uint8Array(0), hex(payload)) ?? assert.fail();
    assert.equal(message.toHex(), ciphertext);
    assert.equal(ciphers[1 - i % 2]?.receive.decrypt(new Uint8Array(0), message)?.toHex(), payload);
  });
}

Deno.test("HandshakeState passes every published vector whose pattern is implemented", () => {
  const vectors: readonly Vector[] = JSON.parse(Deno.readTextFileSync(file)).vectors;
  const ran = new Set<string>();
  for (const vector of vectors) {
    const pattern = findPattern(vector.protocol_name);
    if (pattern === undefined) continue;
    runVector(vector, pattern);
    ran.add(pattern.name);
  }
  for (const name of ["IKpsk2", "XX", "NK", "IK", "NN", "XXpsk3", "NNpsk0", "KK"]) {
    assert.ok(ran.has(name), name);
  }
});
