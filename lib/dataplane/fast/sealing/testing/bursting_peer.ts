/**
 * A WireGuard peer for tests, on a socket of its own: it seals first, and then sends whole GSO batches.
 * @module
 */

import assert from "node:assert/strict";
import { type Millis, millis, SeededRandom, unixMillis } from "../../../../base/mod.ts";
import { type PrivateKey, type PublicKey, selectAead } from "../../../../crypto/mod.ts";
import { Cidr, Endpoint } from "../../../../net/mod.ts";
import { Device } from "../../../../wireguard/mod.ts";

// sys/socket.h, linux/udp.h
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const WAIT_US = 200_000n;

/** Sends to a port of this host. */
export class BurstingPeer implements Disposable {
  readonly #libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
    close: { parameters: ["i32"], result: "i32" },
  });
  readonly #fd: number;
  readonly #device: Device;
  readonly #publicKey: PublicKey;
  readonly #endpoint: Endpoint;
  readonly #prefix: Cidr;
  #aheadMs = 0;

  /** @param inner the other end's address inside the tunnel */
  constructor(privateKey: PrivateKey, publicKey: PublicKey, port: number, inner: string) {
    const { symbols: libc } = this.#libc;
    this.#fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
    const target = Uint8Array.of(AF_INET, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
    assert.ok(libc.connect(this.#fd, target, target.length) >= 0);
    this.#option(SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(BigInt64Array.of(0n, WAIT_US).buffer));
    this.#publicKey = publicKey;
    this.#endpoint = Endpoint.parse(`127.0.0.1:${port}`) ?? assert.fail();
    this.#prefix = Cidr.parse(`${inner}/32`) ?? assert.fail();
    const random = new SeededRandom(5);
    const wall = () => unixMillis(1_700_000_000_000 + this.#now());
    this.#device = new Device({ privateKey, random, wall, aead: selectAead() });
    const { endpoint, allowedIps } = { endpoint: this.#endpoint, allowedIps: [this.#prefix] };
    this.#device.setPeer(this.#now(), { publicKey, endpoint, allowedIps });
  }

  /** Makes a session, the next one if there is one. */
  shakeHands(): void {
    const received = new Uint8Array(2048);
    // One handshake may follow another at once for us, and nobody counts it as a flood.
    this.#aheadMs += 6_000;
    const before = this.#index;
    this.#device.initiateHandshake(this.#now(), this.#publicKey);
    for (let attempts = 0; attempts < 100 && this.#index === before; attempts++) {
      this.#flush();
      const length = Number(this.#libc.symbols.recv(this.#fd, received, 2048n, 0));
      if (length > 0) this.#device.handleDatagram(this.#now(), received.slice(0, length), this.#endpoint);
    }
    assert.notEqual(this.#index, before);
    this.#flush();
  }

  /** @returns packets, sealed */
  seal(packets: readonly Uint8Array[]): Uint8Array[] {
    return packets.map((packet) => {
      assert.equal(this.#device.handlePacket(this.#now(), packet), undefined);
      return this.#device.pollTransmit()?.datagram.slice() ?? assert.fail();
    });
  }

  /** Sends datagrams of one size, up to 64, at once. */
  send(datagrams: readonly Uint8Array[]): void {
    const segmentBytes = datagrams[0]?.length ?? 0;
    const bytes = new Uint8Array(segmentBytes * datagrams.length);
    for (const [i, datagram] of datagrams.entries()) bytes.set(datagram, i * segmentBytes);
    this.#option(SOL_UDP, UDP_SEGMENT, new Uint8Array(Int32Array.of(segmentBytes).buffer));
    assert.equal(
      Number(this.#libc.symbols.send(this.#fd, bytes, BigInt(bytes.length), 0)),
      bytes.length,
    );
  }

  [Symbol.dispose](): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }

  /** Of the session in use. */
  get #index(): number | undefined {
    return this.#device.batches.peerAt(this.#prefix.address.bytes)?.keypairs.current?.localIndex;
  }

  #flush(): void {
    for (let out = this.#device.pollTransmit(); out !== undefined; out = this.#device.pollTransmit()) {
      this.send([out.datagram.slice()]);
    }
  }

  #now(): Millis {
    return millis(performance.now() + this.#aheadMs);
  }

  #option(level: number, name: number, value: Uint8Array<ArrayBuffer>): void {
    assert.equal(this.#libc.symbols.setsockopt(this.#fd, level, name, value, value.length), 0);
  }
}
