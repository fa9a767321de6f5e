/**
 * The fast packet plane, as the control thread sees it.
 * @module
 */

import { type UnixMillis, unixMillis, utf8Bytes } from "../../base/mod.ts";
import type { PrivateKey, PublicKey } from "../../crypto/mod.ts";
import { HostError, type OffloadTun, type OffloadUdp, WakeUp } from "../../host/mod.ts";
import { type Cidr, type Endpoint, PrefixTrie } from "../../net/mod.ts";
import type { PeerStatus, ProtocolTimers, WireGuardPeerConfig } from "../../wireguard/mod.ts";
import type { PacketPlane, PlaneEnd, PlaneObserver } from "../packet_plane.ts";
import { commandMemory, CommandWriter } from "./command_ring.ts";
import { boardMemory, MAX_PEERS, PeerBoard } from "./peer_board.ts";
import {
  type Command,
  COUNTED_DROPS,
  dropMemory,
  parseEvent,
  setPeerCommand,
  type WorkerReport,
  type WorkerSetup,
} from "./worker_protocol.ts";

/** How long the control thread waits for room in the ring before it looks again whether the worker lives. */
const ROOM_WAIT_MS = 100;

/** What the plane is made of; it closes `tun` and `udp` when it ends. */
export interface FastPlaneParts {
  readonly privateKey: PrivateKey;
  readonly tun: OffloadTun;
  readonly udp: OffloadUdp;
  readonly mtuBytes: number;
  readonly timers?: Partial<ProtocolTimers>;
  readonly observer: PlaneObserver;
}

interface Mirrored {
  readonly config: WireGuardPeerConfig;
  readonly slot: number;
  readonly prefixes: Map<string, Cidr>;
}

/** Runs a worker and speaks for it. Peers are mirrored here, so that nobody waits for the worker's answer. */
export class FastPlane implements PacketPlane {
  readonly kind = "fast";
  readonly ended: Promise<PlaneEnd>;
  /** How the worker seals, for the status. */
  readonly kernel: string;
  readonly #parts: FastPlaneParts;
  readonly #wakeUp: WakeUp;
  readonly #commands: CommandWriter;
  readonly #board: PeerBoard;
  readonly #drops: Float64Array;
  readonly #peers = new Map<string, Mirrored>();
  readonly #owners = new PrefixTrie<Mirrored>();
  readonly #freeSlots: number[] = [];
  #nextSlot = 0;
  #isClosed = false;

  private constructor(parts: FastPlaneParts, worker: StartedWorker) {
    this.#parts = parts;
    this.kernel = worker.kernel;
    this.#wakeUp = worker.wakeUp;
    this.#commands = new CommandWriter(worker.setup.commands);
    this.#board = new PeerBoard(worker.setup.board);
    this.#drops = new Float64Array(worker.setup.drops);
    const { promise, resolve } = Promise.withResolvers<PlaneEnd>();
    this.ended = promise.finally(() => this.#release());
    worker.follow((report) => {
      if (report.kind === "ended") resolve(report.end === "stopped" ? "closed" : "interface-gone");
      else if (report.kind === "failed") resolve("worker-failed");
      else if (report.kind === "event") {
        const event = parseEvent(report.event);
        if (event !== undefined) parts.observer(event);
      }
    });
  }

  /**
   * Starts the worker.
   * @throws HostError when it does not come up; `tun` and `udp` stay the caller's then
   */
  static async open(parts: FastPlaneParts): Promise<FastPlane> {
    return new FastPlane(parts, await startWorker(parts));
  }

  setPeer(config: WireGuardPeerConfig): void {
    if (config.publicKey.equals(this.#parts.privateKey.publicKey)) return;
    const key = config.publicKey.toString();
    const known = this.#peers.get(key);
    const slot = known?.slot ?? this.#freeSlots.pop() ?? this.#nextSlot++;
    if (slot >= MAX_PEERS) throw new RangeError(`Cannot add a peer: ${MAX_PEERS} are the most`);
    if (known !== undefined) this.#forgetPrefixes(known);
    const mirrored: Mirrored = { config, slot, prefixes: new Map() };
    for (const cidr of config.allowedIps) {
      this.#owners.insert(cidr, mirrored)?.prefixes.delete(cidr.toString());
      mirrored.prefixes.set(cidr.toString(), cidr);
    }
    this.#peers.set(key, mirrored);
    this.#send(setPeerCommand(slot, config));
  }

  removePeer(publicKey: PublicKey): void {
    const key = publicKey.toString();
    const known = this.#peers.get(key);
    if (known === undefined) return;
    this.#peers.delete(key);
    this.#forgetPrefixes(known);
    this.#freeSlots.push(known.slot);
    this.#send({ kind: "remove-peer", publicKey: key });
  }

  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void {
    this.#send({ kind: "set-endpoint", publicKey: publicKey.toString(), endpoint: endpoint.toString() });
  }

  initiateHandshake(publicKey: PublicKey): void {
    this.#send({ kind: "initiate", publicKey: publicKey.toString() });
  }

  peerStatus(publicKey: PublicKey): PeerStatus | undefined {
    const mirrored = this.#peers.get(publicKey.toString());
    return mirrored && this.#statusOf(mirrored);
  }

  peerStatuses(): readonly PeerStatus[] {
    return [...this.#peers.values()].map((mirrored) => this.#statusOf(mirrored));
  }

  drops(): Readonly<Record<string, number>> {
    return Object.fromEntries(COUNTED_DROPS.map((reason, i) => [reason, this.#drops[i] ?? 0]));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#send({ kind: "stop" });
    this.#isClosed = true;
  }

  #statusOf({ config, slot, prefixes }: Mirrored): PeerStatus {
    const figures = this.#board.read(slot);
    return {
      publicKey: config.publicKey,
      endpoint: figures.endpoint ?? config.endpoint,
      allowedIps: [...prefixes.values()],
      persistentKeepaliveSeconds: config.persistentKeepaliveSeconds ?? 0,
      lastHandshakeAt: figures.lastHandshakeAt === undefined ? undefined : wall(figures.lastHandshakeAt),
      rxBytes: figures.rxBytes,
      txBytes: figures.txBytes,
      hasSession: figures.hasSession,
    };
  }

  #forgetPrefixes({ prefixes }: Mirrored): void {
    for (const cidr of prefixes.values()) this.#owners.remove(cidr);
  }

  #send(command: Command): void {
    if (this.#isClosed) return;
    const bytes = utf8Bytes(JSON.stringify(command));
    while (!this.#commands.tryWrite(bytes)) {
      this.#wakeUp.wake();
      this.#commands.waitForRoom(ROOM_WAIT_MS);
    }
    bytes.fill(0);
    this.#wakeUp.wake();
  }

  /** Nobody uses the descriptors any more. */
  #release(): void {
    this.#isClosed = true;
    this.#wakeUp.close();
    this.#parts.tun.close();
    this.#parts.udp.close();
  }
}

interface StartedWorker {
  readonly setup: WorkerSetup;
  readonly wakeUp: WakeUp;
  readonly kernel: string;
  follow(listener: (report: WorkerReport) => void): void;
}

async function startWorker(parts: FastPlaneParts): Promise<StartedWorker> {
  const { privateKey, tun, udp, mtuBytes, timers = {} } = parts;
  const wakeUp = new WakeUp();
  const setup: WorkerSetup = {
    privateKey: privateKey.exposeBytes().slice(),
    mtuBytes,
    timers,
    tunFd: tun.fd,
    udp: { fd: udp.fd, family: udp.family, hasGso: udp.offloads.gso },
    wakeFd: wakeUp.fd,
    commands: commandMemory(),
    board: boardMemory(),
    drops: dropMemory(),
  };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    type: "module",
    name: "weft-packets",
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
    if (data.kind === "ready") resolve(data.kernel);
    else if (data.kind === "failed") {
      reject(new HostError(`Cannot start the fast packet plane: ${data.message}`));
    }
  };
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new HostError(`Cannot start the fast packet plane: ${event.message}`));
  };
  worker.postMessage(setup);
  setup.privateKey.fill(0);
  try {
    const kernel = await promise;
    return {
      setup,
      wakeUp,
      kernel,
      follow: (listener) => {
        worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => listener(data);
        worker.onerror = (event) => {
          event.preventDefault();
          listener({ kind: "failed", message: event.message });
        };
      },
    };
  } catch (error) {
    worker.terminate();
    wakeUp.close();
    throw error;
  }
}

function wall(value: number): UnixMillis {
  return unixMillis(value);
}
