/**
 * An engine to be tested: on system calls in memory, with a peer, on a clock that stands still.
 * @module
 */

import assert from "node:assert/strict";
import { type Millis, millis, SeededRandom, unixMillis } from "../../../base/mod.ts";
import { type BatchCipher, PrivateKey, selectAead, WasmBatchCipher } from "../../../crypto/mod.ts";
import { POLLIN } from "../../../host/mod.ts";
import { Cidr, Endpoint } from "../../../net/mod.ts";
import { Device } from "../../../wireguard/mod.ts";
import { PlaneGuards } from "../../policy/mod.ts";
import { ProbeGate } from "../../probes/mod.ts";
import { TransparentProxy } from "../../proxy/mod.ts";
import { ENGINE_BYTES } from "../engine_memory.ts";
import type { EngineEnd } from "../engine_parts.ts";
import { PacketEngine } from "../packet_engine.ts";
import { VIRTIO_HEADER_BYTES, type VirtioHeader } from "../superpacket.ts";
import { ChannelRoom, PlainUnderlay } from "../frames/mod.ts";
import type { PortEvent } from "../../frames/mod.ts";
import { FAKE_BASE, FAKE_TUN_FD, FAKE_UDP_FD, FAKE_WAKE_FD, FakeCalls } from "./fake_calls.ts";
import { makeSuperpacket } from "./superpackets.ts";

/** How much memory the cipher of a harness has. */
export const HARNESS_PAGES: number = Math.ceil(ENGINE_BYTES / 65_536) + 1;
const MTU_BYTES = 1420;
const hereEndpoint = endpoint("192.0.2.1:51820");
export const peerEndpoint: Endpoint = endpoint("192.0.2.2:51820");
const PLAIN_HEADER: VirtioHeader = { flags: 0, gsoType: 0, gsoSize: 0, checksumStart: 0, checksumOffset: 0 };

function endpoint(text: string): Endpoint {
  return Endpoint.parse(text) ?? assert.fail(text);
}

/** An engine and a peer of it, which opens what the engine sends; their time stands still unless it is moved. */
export class EngineHarness {
  readonly random: SeededRandom;
  readonly calls: FakeCalls;
  readonly device: Device;
  readonly proxy: TransparentProxy = new TransparentProxy();
  readonly peer: Device;
  /** Nothing is asked before a policy is set. */
  readonly guards: PlaneGuards = new PlaneGuards({
    random: new SeededRandom(7),
    wall: () => 1_700_000_000_000,
  });
  /** No id is waited for before one is added. */
  readonly probes: ProbeGate = new ProbeGate();
  /** Datagrams of the path protocol that were handed on. */
  readonly asked: { readonly datagram: Uint8Array; readonly source: string }[] = [];
  readonly engine: PacketEngine;
  readonly drops: Record<string, number> = {};
  now: Millis = millis(1000);
  /** Packets that the peer got. */
  readonly arrived: Uint8Array[] = [];
  wakes = 0;
  /** What the control side asks for after a turn that has carried something. */
  onCommand: () => void = () => {};
  /** What the engine has told of ports. */
  readonly portEvents: PortEvent[] = [];

  /** @param options.hasGso whether batches are sent as such */
  constructor(
    options: { readonly seed?: number; readonly cipher?: BatchCipher; readonly hasGso?: boolean } = {},
  ) {
    const { seed = 1, cipher = new WasmBatchCipher(HARNESS_PAGES), hasGso = true } = options;
    const random = this.random = new SeededRandom(seed);
    this.calls = new FakeCalls(cipher.memory);
    const wall = () => unixMillis(1_700_000_000_000 + this.now);
    const [mine, theirs] = [PrivateKey.generate(random), PrivateKey.generate(random)];
    this.device = new Device({ privateKey: mine, random, wall, aead: cipher.aead, mtuBytes: MTU_BYTES });
    this.peer = new Device({ privateKey: theirs, random, wall, aead: selectAead(), mtuBytes: MTU_BYTES });
    const cidrs = (texts: readonly string[]) => texts.map((text) => Cidr.parse(text) ?? assert.fail(text));
    this.device.setPeer(this.now, {
      publicKey: theirs.publicKey,
      endpoint: peerEndpoint,
      allowedIps: cidrs(["10.200.0.2/32", "fd01:0204::/32"]),
    });
    this.peer.setPeer(this.now, {
      publicKey: mine.publicKey,
      endpoint: hereEndpoint,
      allowedIps: cidrs(["10.200.0.1/32", "fd01:0203::/32"]),
    });
    this.engine = new PacketEngine({
      guards: this.guards,
      probes: this.probes,
      onProbe: (datagram, source) => void this.asked.push({ datagram, source: source.toString() }),
      io: this.calls,
      cipher,
      base: FAKE_BASE,
      device: this.device,
      proxy: this.proxy,
      mtuBytes: MTU_BYTES,
      tunFd: FAKE_TUN_FD,
      wakeFd: FAKE_WAKE_FD,
      frames: {
        random,
        onPortEvent: (event) => this.portEvents.push(event),
        channelRoom: new ChannelRoom(ChannelRoom.memory()),
        openPlain: (parts) =>
          new PlainUnderlay({ ...parts, onFailed: (_network, error) => assert.fail(error.message) }),
      },
      now: () => this.now,
      onWake: () => {
        this.onCommand();
        return ++this.wakes < 0;
      },
      onTurn: () => Infinity,
      onDrop: (reason, count) => this.drops[reason] = (this.drops[reason] ?? 0) + count,
    });
    this.engine.useSocket({ fd: FAKE_UDP_FD, family: 6, hasGso });
  }

  /** Lets the engine carry what waits, then stops it. @returns how it ended */
  run(): EngineEnd {
    // Negative ones are commands that let it go on.
    this.wakes = -1_000_000;
    let polls = 0;
    this.calls.onPoll = () => {
      if (polls++ === 0) return new Map([[FAKE_TUN_FD, POLLIN], [FAKE_UDP_FD, POLLIN]]);
      this.wakes = 0;
      return new Map([[FAKE_WAKE_FD, POLLIN]]);
    };
    return this.engine.run();
  }

  /** Hands the engine's datagrams to the peer and the peer's to the engine until both are silent. */
  settle(): void {
    for (let rounds = 0; rounds < 20; rounds++) {
      this.run();
      const sends = this.calls.sends.splice(0);
      for (const datagram of sends.flatMap(({ datagrams }) => datagrams)) {
        const outcome = this.peer.handleDatagram(this.now, datagram, hereEndpoint);
        if (outcome.kind === "packet") this.arrived.push(outcome.packet.slice());
      }
      for (let out = this.peer.pollTransmit(); out !== undefined; out = this.peer.pollTransmit()) {
        this.calls.receives.push({ bytes: out.datagram.slice(), source: peerEndpoint });
      }
      if (sends.length === 0 && this.calls.receives.length === 0) return;
    }
    assert.fail("they never fall silent");
  }

  /** Makes a session. */
  greet(): void {
    this.device.initiateHandshake(this.now, this.peer.publicKey);
    this.settle();
    assert.ok(this.peer.peerStatus(this.device.publicKey)?.hasSession);
  }

  /** @returns packets of the peer, sealed */
  sealed(packets: readonly Uint8Array[]): Uint8Array[] {
    return packets.map((packet) => {
      assert.equal(this.peer.handlePacket(this.now, packet), undefined);
      return this.peer.pollTransmit()?.datagram.slice() ?? assert.fail();
    });
  }
}

/** A frame as the TUN gives it. */
export function frame(packet: Uint8Array, header: VirtioHeader = PLAIN_HEADER): Uint8Array {
  const out = new Uint8Array(VIRTIO_HEADER_BYTES + packet.length);
  const view = new DataView(out.buffer);
  view.setUint8(0, header.flags);
  view.setUint8(1, header.gsoType);
  view.setUint16(4, header.gsoSize, true);
  view.setUint16(6, header.checksumStart, true);
  view.setUint16(8, header.checksumOffset, true);
  out.set(packet, VIRTIO_HEADER_BYTES);
  return out;
}

/** An IPv4 packet of UDP; `from` and `to` are the last bytes of 10.200.0.0/24. */
export function ipPacket(from: number, to: number, lengthBytes = 100): Uint8Array {
  const { packet } = makeSuperpacket({
    protocol: "udp",
    version: 4,
    payloadBytes: lengthBytes - 28,
    gsoSize: 1400,
  });
  packet[15] = from;
  packet[19] = to;
  return packet;
}
