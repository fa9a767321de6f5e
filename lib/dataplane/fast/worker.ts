/**
 * The worker of the fast path: a thread that runs one `PacketEngine` until it is told to stop.
 * @module
 */

import type { Millis } from "../../base/mod.ts";
import {
  type BatchCipher,
  PublicKey,
  selectAead,
  selectCipherTier,
  WasmBatchCipher,
} from "../../crypto/mod.ts";
import { addressOf, RawIo, serveAsWorker, systemClock, systemRandom } from "../../host/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { Device } from "../../wireguard/mod.ts";
import { CommandReader } from "./command_ring.ts";
import { ENGINE_BYTES, type EngineEnd, PacketEngine } from "./packet_engine.ts";
import { PlainBatchCipher } from "./plain_batch_cipher.ts";
import { SharedPeerStats } from "./shared_peer_stats.ts";
import {
  type Command,
  COUNTED_DROPS,
  parsePeerUpdate,
  parsePrivateKey,
  plainEvent,
  type WorkerReport,
  type WorkerSetup,
} from "./worker_protocol.ts";

const WASM_PAGE_BYTES = 65_536;
/** What is no packet's doing, or costs a look at all peers, is shown at most so late. */
const REFRESH_MS = 50;
/** For each millisecond that the look takes there are so many without: it takes 2 % of the time at most. */
const REFRESH_REST = 50;
/** Even so, and however long others kept the processor. */
const MAX_REFRESH_MS = 500;

serveAsWorker<WorkerSetup, WorkerReport>((setup, report) => {
  try {
    return { kind: "ended", end: runWorker(setup, report) };
  } finally {
    new CommandReader(setup.commands).close();
  }
});

function runWorker(setup: WorkerSetup, report: (report: WorkerReport) => void): EngineEnd {
  const io = RawIo.open();
  const now = (): Millis => io.now();
  const cipher = selectCipher(setup);
  const device = new Device({
    random: systemRandom,
    wall: systemClock.wall,
    aead: cipher.aead,
    mtuBytes: setup.mtuBytes,
    timers: setup.timers,
  });
  // Until there is a socket.
  device.suspend();
  const peerStats = new SharedPeerStats(setup.peerStats);
  const drops = new Float64Array(setup.drops);
  const commands = new CommandReader(setup.commands);
  const slots = new Map<string, number>();
  let refreshAt = 0;
  let usesGso = false;
  const onReleased = (fd: number | undefined): void => {
    if (fd !== undefined) report({ kind: "socket-released", fd });
  };
  /** Shows one peer; looking at all of them for each event of one would take the square of their number. */
  const show = (publicKey: PublicKey | undefined): void => {
    const status = publicKey && device.peerStatus(publicKey);
    const slot = publicKey && slots.get(publicKey.toString());
    if (status !== undefined && slot !== undefined) peerStats.write(slot, status);
  };

  const engine = new PacketEngine({
    io,
    cipher,
    base: addressOf(cipher.memory),
    device,
    mtuBytes: setup.mtuBytes,
    tunFd: setup.tunFd,
    wakeFd: setup.wakeFd,
    now,
    onWake: () => {
      for (let bytes = commands.read(); bytes !== undefined; bytes = commands.read()) {
        const command = JSON.parse(new TextDecoder().decode(bytes)) as Command;
        // It may hold a preshared key.
        bytes.fill(0);
        if (command.kind === "stop") return false;
        obey({ device, engine, slots, onReleased }, now(), command);
        if ("publicKey" in command) show(PublicKey.parse(command.publicKey));
        else refreshAt = 0;
      }
      return true;
    },
    onTurn: (touched) => {
      if (engine.hasGso !== usesGso) {
        usesGso = engine.hasGso;
        report({ kind: "gso", isUsed: usesGso });
      }
      for (let event = device.pollEvent(); event !== undefined; event = device.pollEvent()) {
        report({ kind: "event", event: plainEvent(event) });
        show(event.peer);
      }
      for (const peer of touched) {
        const slot = slots.get(peer.publicKey.toString());
        if (slot !== undefined) peerStats.write(slot, peer);
      }
      const start = now();
      if (start < refreshAt) return refreshAt - start;
      for (const status of device.peerStatuses()) {
        const slot = slots.get(status.publicKey.toString());
        if (slot !== undefined) peerStats.write(slot, status);
      }
      for (const [reason, count] of Object.entries(device.counters.snapshot())) {
        drops[COUNTED_DROPS.indexOf(reason)] = count;
      }
      const end = now();
      const restMs = Math.max(REFRESH_MS, REFRESH_REST * (end - start));
      refreshAt = end + Math.min(MAX_REFRESH_MS, restMs);
      return Infinity;
    },
    onDrop: (reason, count) => {
      const at = COUNTED_DROPS.indexOf(reason);
      if (at >= 0) drops[at] = (drops[at] ?? 0) + count;
    },
  });
  report({ kind: "ready", cipher: cipher.name });
  return engine.run();
}

/** The fastest batch cipher that the runtime can run, else plain code over the best AEAD. */
function selectCipher({ cipher, joinsUdp }: WorkerSetup): BatchCipher {
  // One page is the cipher's own.
  const pages = Math.ceil(ENGINE_BYTES / WASM_PAGE_BYTES) + 1;
  const tier = cipher === "baseline" ? cipher : selectCipherTier(systemClock.now);
  try {
    return new WasmBatchCipher(pages, { tier, joinsUdp });
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return new PlainBatchCipher(selectAead(), pages);
  }
}

interface Commanded {
  readonly device: Device;
  readonly engine: PacketEngine;
  readonly slots: Map<string, number>;
  /** The control side closes the former socket, because it made it. */
  readonly onReleased: (fd: number | undefined) => void;
}

function obey(
  { device, engine, slots, onReleased }: Commanded,
  now: Millis,
  command: Exclude<Command, { kind: "stop" }>,
): void {
  switch (command.kind) {
    case "update-peer": {
      const update = parsePeerUpdate(command);
      if (update === undefined) break;
      slots.set(command.publicKey, command.slot);
      device.updatePeer(now, update);
      break;
    }
    case "set-private-key":
      device.setPrivateKey(parsePrivateKey(command));
      break;
    case "set-mtu":
      device.setMtu(command.mtuBytes);
      engine.setMtu(command.mtuBytes);
      break;
    case "suspend":
      device.suspend();
      onReleased(engine.useSocket(undefined));
      break;
    case "use-socket":
      onReleased(engine.useSocket(command.socket));
      device.resume(now);
      break;
    default:
      obeyOfPeer({ device, slots }, now, command);
  }
}

function obeyOfPeer(
  { device, slots }: Pick<Commanded, "device" | "slots">,
  now: Millis,
  command: Extract<Command, { kind: "remove-peer" | "set-endpoint" | "initiate" }>,
): void {
  const publicKey = PublicKey.parse(command.publicKey);
  if (publicKey === undefined) return;
  if (command.kind === "initiate") device.initiateHandshake(now, publicKey);
  else if (command.kind === "remove-peer") {
    slots.delete(command.publicKey);
    device.removePeer(publicKey);
  } else {
    const endpoint = Endpoint.parseZoned(command.endpoint);
    if (endpoint !== undefined) device.setEndpoint(publicKey, endpoint);
  }
}
