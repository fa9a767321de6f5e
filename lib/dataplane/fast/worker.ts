/**
 * The worker of the fast path: a thread that runs one `PacketEngine` until it is told to stop.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import { loadX25519, PrivateKey, PublicKey } from "../../crypto/mod.ts";
import { addressOf, RawIo, serveAsWorker, systemClock, systemRandom } from "../../host/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { Device } from "../../wireguard/mod.ts";
import { PlaneGuards, PolicyPieces } from "../policy/mod.ts";
import { ProbeGate } from "../probes/mod.ts";
import { TransparentProxy } from "../proxy/mod.ts";
import { CommandReader } from "./command_ring.ts";
import { ENGINE_BYTES } from "./engine_memory.ts";
import type { EngineEnd } from "./engine_parts.ts";
import { PacketEngine } from "./packet_engine.ts";
import { ChannelRoom, obeyFrameCommand, PlainUnderlay } from "./frames/mod.ts";
import { FrameCountsReport } from "./frame_counts_report.ts";
import { isIndifferent, SealingCoordinator } from "./sealing/mod.ts";
import { selectBatchCipher, type SelectedCipher } from "./select_cipher.ts";
import { type PeerStats, SharedPeerStats } from "./shared_peer_stats.ts";
import {
  type Command,
  COUNTED_DROPS,
  parsePeerUpdate,
  parseProxyChange,
  plainEvent,
  type WorkerReport,
  type WorkerSetup,
  type WorkerSocket,
} from "./worker_protocol.ts";

const WASM_PAGE_BYTES = 65_536;
/** What is no packet's doing, or costs a look at all peers, is shown at most so late. */
const REFRESH_MS = 50;
/** For each millisecond that the look takes there are so many without: it takes 2 % of the time at most. */
const REFRESH_REST = 50;
/** Even so, and however long others kept the processor. */
const MAX_REFRESH_MS = 500;

/** Who asks may be anybody that knows an id. */
const MAX_PROBE_SOURCES = 1024;

/** There may be one for each connection or path, and none is about a peer. */
type PartCommand = Extract<
  Command,
  { kind: "answer-proxy" | "frames" | "policy" | "send-probe" | "change-probe-ids" }
>;
const PART_COMMANDS: ReadonlySet<string> = new Set<PartCommand["kind"]>([
  "answer-proxy",
  "frames",
  "policy",
  "send-probe",
  "change-probe-ids",
]);

serveAsWorker<WorkerSetup, WorkerReport>((setup, report) => {
  try {
    return { kind: "ended", end: new PacketWorker(setup, report).run() };
  } finally {
    new CommandReader(setup.commands).close();
  }
});

// It takes 20 ms at the first key, and the thread has nothing to do before its setup comes.
loadX25519();

/** The engine and its device, what the control thread tells them, and what it is shown of them. */
class PacketWorker {
  readonly #report: (report: WorkerReport) => void;
  readonly #selected: SelectedCipher;
  readonly #device: Device;
  readonly #probes = new ProbeGate();
  /** Who has asked or answered lately: what goes back leaves from the address of this host that was called. */
  readonly #probeSources = new Map<string, Endpoint>();
  readonly #proxy = new TransparentProxy();
  readonly #engine: PacketEngine;
  readonly #now: () => Millis;
  readonly #commands: CommandReader;
  readonly #peerStats: SharedPeerStats;
  readonly #drops: Float64Array;
  readonly #slots = new Map<string, number>();
  readonly #frameCounts: FrameCountsReport;
  readonly #coordinator: SealingCoordinator | undefined;
  readonly #guards = new PlaneGuards({ random: systemRandom, wall: systemClock.wall });
  readonly #policyPieces = new PolicyPieces();
  #refreshAt = 0;
  #usesGso = false;

  constructor(setup: WorkerSetup, report: (report: WorkerReport) => void) {
    const { mtuBytes, timers, tunFd, wakeFd } = setup;
    const io = RawIo.open();
    // One page is the cipher's own.
    const pages = Math.ceil(ENGINE_BYTES / WASM_PAGE_BYTES) + 1;
    const selected = this.#selected = selectBatchCipher(setup, pages);
    const { cipher } = selected;
    const device = new Device({
      random: systemRandom,
      wall: systemClock.wall,
      aead: cipher.aead,
      mtuBytes,
      timers,
    });
    // Until there is a socket.
    device.suspend();
    this.#report = report;
    this.#frameCounts = new FrameCountsReport(report);
    this.#device = device;
    this.#now = () => io.now();
    this.#commands = new CommandReader(setup.commands);
    this.#peerStats = new SharedPeerStats(setup.peerStats);
    this.#drops = new Float64Array(setup.drops);
    this.#coordinator = setup.sealing && new SealingCoordinator({
      ...setup.sealing,
      batches: device.batches,
      slotOf: ({ publicKey }) => this.#slots.get(publicKey.toString()),
      onPlain: (isPlain) => report({ kind: "plain", isPlain }),
    });
    this.#engine = new PacketEngine({
      io,
      cipher,
      base: addressOf(cipher.memory),
      device,
      proxy: this.#proxy,
      guards: this.#guards,
      probes: this.#probes,
      onProbe: (datagram, source) => this.#tellProbe(datagram, source),
      mtuBytes,
      tunFd,
      wakeFd,
      frames: {
        random: systemRandom,
        channelRoom: new ChannelRoom(setup.channelRoom),
        onPortEvent: (event) => this.#report({ kind: "port", event }),
        openPlain: (parts) =>
          new PlainUnderlay({ ...parts, onFailed: (...failure) => this.#tell(...failure) }),
      },
      coordinator: this.#coordinator,
      now: this.#now,
      onWake: () => this.#takeCommands(),
      onTurn: (touched) => this.#showTurn(touched),
      onDrop: (reason, count) => {
        const at = COUNTED_DROPS.indexOf(reason);
        if (at >= 0) this.#drops[at] = (this.#drops[at] ?? 0) + count;
      },
    });
    report({ kind: "ready", cipher: cipher.name, nativeProblem: selected.nativeProblem });
  }

  run(): EngineEnd {
    try {
      return this.#engine.run();
    } finally {
      this.#coordinator?.close();
      this.#engine.frames.close();
      this.#selected.close();
    }
  }

  /** Of a network of a plain underlay. */
  #tell(network: number, { message, hint }: Error & { readonly hint?: string }): void {
    this.#report({
      kind: "port",
      event: { kind: "underlay-failed", network, message, ...hint !== undefined && { hint } },
    });
  }

  /** @returns false to stop */
  #takeCommands(): boolean {
    for (let bytes = this.#commands.read(); bytes !== undefined; bytes = this.#commands.read()) {
      const command = JSON.parse(new TextDecoder().decode(bytes)) as Command;
      // It may hold a preshared key.
      bytes.fill(0);
      if (command.kind === "stop") return false;
      if (!isIndifferent(command)) this.#coordinator?.noteObeyed();
      if (isOfPart(command)) {
        this.#obeyOfPart(command);
        continue;
      }
      const peer = this.#obey(command);
      // Looking at all peers for each change of one would take the square of their number.
      if (peer === undefined) this.#refreshAt = 0;
      else this.#showPeer(peer);
    }
    return true;
  }

  #obeyOfPart(command: PartCommand): void {
    switch (command.kind) {
      case "answer-proxy":
        return this.#proxy.answer(this.#now(), command.id, command.answer);
      case "frames":
        return obeyFrameCommand(this.#engine.frames, this.#now(), command.command);
      case "send-probe": {
        const endpoint = this.#probeSources.get(command.endpoint) ?? Endpoint.parseZoned(command.endpoint);
        if (endpoint === undefined) return;
        return this.#engine.sendProbe(Uint8Array.fromBase64(command.datagram), endpoint);
      }
      case "change-probe-ids":
        return this.#probes.change(command.change);
      case "policy": {
        const policy = this.#policyPieces.take(command.command);
        if (policy === undefined) return;
        this.#guards.use(policy);
        this.#guards.attach(this.#device);
      }
    }
  }

  #tellProbe(datagram: Uint8Array, source: Endpoint): void {
    const text = source.toString();
    if (this.#probeSources.size >= MAX_PROBE_SOURCES) this.#probeSources.clear();
    this.#probeSources.set(text, source);
    this.#report({ kind: "probe", datagram, source: text });
  }

  /** @returns whose command it was, if one peer's */
  #obey(command: Exclude<Command, PartCommand | { kind: "stop" }>): PublicKey | undefined {
    const device = this.#device;
    switch (command.kind) {
      case "set-private-key":
        return void device.setPrivateKey(PrivateKey.parse(command.privateKey ?? ""));
      case "set-mtu":
        device.setMtu(command.mtuBytes);
        return void this.#engine.setMtu(command.mtuBytes);
      case "suspend":
        device.suspend();
        return this.#useSocket(undefined);
      case "use-socket":
        this.#useSocket(command.socket);
        return void device.resume(this.#now());
      case "change-proxy":
        return void this.#proxy.change(parseProxyChange(command.change));
      case "update-peer": {
        const update = parsePeerUpdate(command.update);
        if (update === undefined) return undefined;
        this.#slots.set(command.update.publicKey, command.slot);
        device.updatePeer(this.#now(), update);
        return update.publicKey;
      }
      default:
        return this.#obeyOfPeer(command);
    }
  }

  #obeyOfPeer(
    command: Extract<
      Command,
      { kind: "remove-peer" | "set-endpoint" | "set-path" | "set-path-mtu" | "initiate" }
    >,
  ): PublicKey | undefined {
    const publicKey = PublicKey.parse(command.publicKey);
    if (publicKey === undefined) return undefined;
    if (command.kind === "initiate") this.#device.initiateHandshake(this.#now(), publicKey);
    else if (command.kind === "remove-peer") {
      this.#slots.delete(command.publicKey);
      this.#device.removePeer(publicKey);
      this.#engine.frames.limits.set(command.publicKey, undefined);
    } else if (command.kind === "set-path-mtu") {
      this.#device.setPathMtu(publicKey, command.mtuBytes);
      this.#engine.frames.limits.set(command.publicKey, command.mtuBytes);
    } else if (command.kind === "set-path") {
      this.#device.setPath(this.#now(), publicKey, Endpoint.parseZoned(command.endpoint ?? ""));
    } else {
      const endpoint = Endpoint.parseZoned(command.endpoint);
      if (endpoint !== undefined) this.#device.setEndpoint(publicKey, endpoint);
    }
    return publicKey;
  }

  /** The control side closes the former socket, because it made it. */
  #useSocket(socket: WorkerSocket | undefined): undefined {
    const fd = this.#engine.useSocket(socket);
    if (fd !== undefined) this.#report({ kind: "socket-released", fd });
  }

  /** @returns in how many milliseconds it wants to look again at the latest */
  #showTurn(touched: Iterable<PeerStats & { readonly publicKey: PublicKey }>): number {
    const device = this.#device;
    if (this.#engine.hasGso !== this.#usesGso) {
      this.#usesGso = this.#engine.hasGso;
      this.#report({ kind: "gso", isUsed: this.#usesGso });
    }
    for (let event = device.pollEvent(); event !== undefined; event = device.pollEvent()) {
      this.#report({ kind: "event", event: plainEvent(event) });
      this.#showPeer(event.peer);
    }
    for (let asked = this.#proxy.pollQuestion(); asked !== undefined; asked = this.#proxy.pollQuestion()) {
      this.#report({ kind: "proxy", question: asked });
    }
    for (const peer of touched) this.#show(peer);
    const start = this.#now();
    const news = this.#guards.pollReport(start);
    if (news !== undefined) this.#report({ kind: "policy", report: news });
    const countsMs = this.#frameCounts.show(start, this.#engine.frames);
    const framesMs = Math.min(countsMs, this.#guards.reportIn(start));
    if (start < this.#refreshAt) return Math.min(framesMs, this.#refreshAt - start);
    for (const status of device.peerStatuses()) this.#show(status);
    const counts = {
      ...device.counters.snapshot(),
      ...this.#proxy.counters.snapshot(),
      ...this.#probes.counters.snapshot(),
    };
    for (const [reason, count] of Object.entries(counts)) {
      this.#drops[COUNTED_DROPS.indexOf(reason)] = count;
    }
    const end = this.#now();
    const restMs = Math.max(REFRESH_MS, REFRESH_REST * (end - start));
    this.#refreshAt = end + Math.min(MAX_REFRESH_MS, restMs);
    return framesMs;
  }

  #showPeer(publicKey: PublicKey): void {
    const status = this.#device.peerStatus(publicKey);
    if (status !== undefined) this.#show(status);
  }

  #show(stats: PeerStats & { readonly publicKey: PublicKey }): void {
    const slot = this.#slots.get(stats.publicKey.toString());
    if (slot !== undefined) this.#peerStats.write(slot, stats);
  }
}

function isOfPart(command: Exclude<Command, { kind: "stop" }>): command is PartCommand {
  return PART_COMMANDS.has(command.kind);
}
