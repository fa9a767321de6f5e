/**
 * The fast packet plane, as the control thread sees it.
 * @module
 */

import { utf8Bytes } from "../../base/mod.ts";
import type { PresharedKey, PrivateKey, PublicKey } from "../../crypto/mod.ts";
import {
  Netlink,
  type OffloadTun,
  PreparedWorker,
  type StartedWorker,
  startWorker,
  WakeUp,
} from "../../host/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import {
  checkPathMtu,
  configUpdate,
  type PeerStatus,
  PROTOCOL_TIMERS,
  type WireGuardPeerConfig,
  type WireGuardPeerUpdate,
} from "../../wireguard/mod.ts";
import type {
  ListenFailure,
  ListenOptions,
  Offload,
  PlaneEnd,
  PlaneOptions,
  WireGuardPlane,
} from "../packet_plane.ts";
import { type PlanePolicy, policyCommands } from "../policy/mod.ts";
import { checkProbe, checkProbeIds, type ProbeIdChange } from "../probes/mod.ts";
import type { ProxyAnswer, ProxyChange } from "../proxy/mod.ts";
import { FastFrames } from "./fast_frames.ts";
import { ChannelRoom } from "./frames/mod.ts";
import { MirroredPeers } from "./mirrored_peers.ts";
import { commandMemory, CommandWriter } from "./command_ring.ts";
import { peerStatsMemory, SharedPeerStats } from "./shared_peer_stats.ts";
import { openPlaneSocket, PlaneSockets, superpacketBounds } from "./udp/mod.ts";
import { SealingWorkers } from "./sealing/mod.ts";
import {
  changeProbeIdsCommands,
  changeProxyCommands,
  type Command,
  COUNTED_DROPS,
  parseEvent,
  updatePeerCommands,
  type WorkerReport,
  type WorkerSetup,
} from "./worker_protocol.ts";

/** How long the control thread waits for room in the ring before it looks again whether the worker lives. */
const ROOM_WAIT_MS = 100;

const WORKER = { url: new URL("./worker.ts", import.meta.url), name: "weft-packets" };

/** How packets are to be carried by an interface that is there. */
type FastPlaneOptions = Omit<PlaneOptions, "interfaceName" | "choice">;

/**
 * Runs a worker and speaks for it. Peers are mirrored here, so that nobody waits for the worker's answer; statistics are
 * read from memory that it writes.
 */
export class FastPlane implements WireGuardPlane {
  readonly kind = "fast";
  readonly frames: FastFrames;
  readonly ended: Promise<PlaneEnd>;
  readonly engine: string;
  readonly #tun: OffloadTun;
  readonly #log: PlaneOptions["log"];
  readonly #wakeUp: WakeUp;
  readonly #commands: CommandWriter;
  readonly #drops: Float64Array;
  readonly #peers: MirroredPeers;
  readonly #sockets: PlaneSockets;
  /** The workers beside the first one. */
  readonly #sealing: SealingWorkers | undefined;
  #privateKey: PrivateKey | undefined;
  #usesGso = false;
  #localPort = 0;
  #isClosed = false;

  private constructor(
    tun: OffloadTun,
    {
      mtuBytes,
      observer,
      onProxyQuestion = () => {},
      onPortEvent = () => {},
      onPolicyReport = () => {},
      onProbe = () => {},
      log,
    }: FastPlaneOptions,
    { setup, wakeUp, worker, workers }: {
      readonly setup: WorkerSetup;
      readonly wakeUp: WakeUp;
      readonly worker: StartedWorker<WorkerReport>;
      readonly workers: SealingWorkers | undefined;
    },
  ) {
    this.#tun = tun;
    this.#log = log;
    boundSuperpackets(tun.name, mtuBytes);
    this.engine = worker.ready.cipher;
    const { nativeProblem } = worker.ready;
    if (nativeProblem !== undefined) log.warn("machine code does not seal here", { why: nativeProblem });
    this.frames = new FastFrames({
      send: (command) => this.#send({ kind: "frames", command }),
      channelRoom: setup.channelRoom,
      onPortEvent,
    });
    this.#wakeUp = wakeUp;
    this.#sealing = workers;
    this.#sockets = new PlaneSockets((fd) => workers?.uses(fd) === true);
    if (workers !== undefined) workers.onSocketReleased = (fd) => this.#sockets.closeUnused(fd);
    this.#commands = new CommandWriter(setup.commands);
    this.#peers = new MirroredPeers(new SharedPeerStats(setup.peerStats));
    this.#drops = new Float64Array(setup.drops);
    const { promise, resolve } = Promise.withResolvers<PlaneEnd>();
    this.ended = promise.finally(async () => {
      await this.#sealing?.close();
      this.#release();
    });
    worker.follow((report) => {
      if (report.kind === "ended") resolve(report.end === "stopped" ? "closed" : "interface-gone");
      else if (report.kind === "failed") resolve("worker-failed");
      else if (report.kind === "socket-released") this.#sockets.noteReleased(report.fd);
      else if (report.kind === "plain") tun.queues?.spread(report.isPlain);
      else if (report.kind === "gso") this.#noteGso(report.isUsed);
      else if (report.kind === "proxy") onProxyQuestion(report.question);
      else if (report.kind === "probe") {
        const source = Endpoint.parseZoned(report.source);
        if (source !== undefined) onProbe(report.datagram, source);
      } else if (report.kind === "policy") onPolicyReport(report.report);
      else if (report.kind === "port" || report.kind === "frame-counts") this.frames.handleReport(report);
      else if (report.kind === "event") {
        const event = parseEvent(report.event);
        if (event !== undefined) observer(event);
      }
    });
  }

  /**
   * Starts the worker; it has no key, no socket and no peers yet.
   * @param tun closed when the plane ends, or does not come up
   * @throws HostError when it does not
   */
  static async open(tun: OffloadTun, options: FastPlaneOptions): Promise<FastPlane> {
    const { mtuBytes, timers = {}, cipher = "auto" } = options;
    using stack = new DisposableStack();
    stack.defer(() => tun.close());
    const wakeUp = stack.adopt(new WakeUp(), (each) => each.close());
    const sealing = SealingWorkers.share(tun);
    const setup: WorkerSetup = {
      mtuBytes,
      timers,
      tunFd: tun.fd,
      cipher,
      joinsUdp: tun.offloads.uso,
      wakeFd: wakeUp.fd,
      commands: commandMemory(),
      peerStats: peerStatsMemory(),
      drops: new SharedArrayBuffer(COUNTED_DROPS.length * 8),
      channelRoom: ChannelRoom.memory(),
      sealing,
    };
    const starting = startWorker<WorkerReport>({
      ...WORKER,
      prepared: options.prepared,
      what: "the fast packet plane",
      setup,
      release: () => {
        new CommandWriter(setup.commands).tryWrite(encodeCommand({ kind: "stop" }));
        wakeUp.wake();
      },
    });
    // All at once, because each takes its time; the others have nothing to do yet.
    const joining = SealingWorkers.open({
      tun,
      mtuBytes,
      sessionLifeMs: timers.rejectAfterTimeMs ?? PROTOCOL_TIMERS.rejectAfterTimeMs,
      cipher,
      firstWakeFd: wakeUp.fd,
      wakeFirst: () => wakeUp.wake(),
      log: options.log,
    }, sealing);
    const [first, others] = await Promise.allSettled([starting, joining]);
    const workers = others.status === "fulfilled" ? others.value : undefined;
    if (first.status === "rejected") {
      await workers?.close();
      throw first.reason;
    }
    const plane = new FastPlane(tun, options, { setup, wakeUp, worker: first.value, workers });
    stack.move();
    return plane;
  }

  /** Begins to load what the worker runs, which takes longer than all else of `open`. */
  static prepare(): PreparedWorker {
    return new PreparedWorker(WORKER.url, WORKER.name);
  }

  get privateKey(): PrivateKey | undefined {
    return this.#privateKey;
  }

  get workers(): number {
    return 1 + (this.#sealing?.count ?? 0);
  }

  get offloads(): readonly Offload[] {
    const { tso, uso } = this.#tun.offloads;
    const gro = this.#sockets.current?.offloads.gro ?? false;
    const on = { tso, uso, gso: this.#usesGso, gro };
    return (["tso", "uso", "gso", "gro"] as const).filter((name) => on[name]);
  }

  get localPort(): number {
    return this.#localPort;
  }

  setPrivateKey(key: PrivateKey | undefined): void {
    this.#privateKey = key;
    // A peer with the device's own key goes.
    if (key !== undefined) this.removePeer(key.publicKey);
    this.#send({ kind: "set-private-key", privateKey: key?.exposeBytes().toBase64() });
  }

  setMtu(mtuBytes: number): void {
    boundSuperpackets(this.#tun.name, mtuBytes);
    this.#send({ kind: "set-mtu", mtuBytes });
  }

  canListen(options: ListenOptions): ListenFailure | undefined {
    const socket = openPlaneSocket(options);
    if (typeof socket === "string") return socket;
    socket.close();
    return undefined;
  }

  listen(options: ListenOptions): ListenFailure | undefined {
    const socket = openPlaneSocket(options);
    if (typeof socket === "string") return socket;
    if (this.#isClosed) {
      socket.close();
      return undefined;
    }
    const { fd, family, offloads: { gso: hasGso } } = socket;
    this.#sockets.use(socket);
    this.#localPort = socket.port;
    this.#send({ kind: "use-socket", socket: { fd, family, hasGso } });
    return undefined;
  }

  setMark(mark: number): boolean {
    return this.#sockets.current?.setMark(mark) ?? true;
  }

  suspend(): void {
    this.#localPort = 0;
    this.#send({ kind: "suspend" });
  }

  setPeer(config: WireGuardPeerConfig): void {
    this.updatePeer(configUpdate(config));
  }

  updatePeer(update: WireGuardPeerUpdate): void {
    if (this.#privateKey?.publicKey.equals(update.publicKey)) return;
    const slot = this.#peers.update(update);
    for (const command of updatePeerCommands(slot, update)) this.#send(command);
  }

  removePeer(publicKey: PublicKey): void {
    if (this.#peers.remove(publicKey)) this.#send({ kind: "remove-peer", publicKey: publicKey.toString() });
  }

  setEndpoint(publicKey: PublicKey, endpoint: Endpoint): void {
    this.#send({ kind: "set-endpoint", publicKey: publicKey.toString(), endpoint: endpoint.toString() });
  }

  initiateHandshake(publicKey: PublicKey): void {
    this.#send({ kind: "initiate", publicKey: publicKey.toString() });
  }

  setPath(publicKey: PublicKey, endpoint: Endpoint | undefined): void {
    this.#send({ kind: "set-path", publicKey: publicKey.toString(), endpoint: endpoint?.toString() });
  }

  setPathMtu(publicKey: PublicKey, mtuBytes: number | undefined): void {
    checkPathMtu(mtuBytes);
    this.#send({ kind: "set-path-mtu", publicKey: publicKey.toString(), mtuBytes });
  }

  sendProbe(datagram: Uint8Array, endpoint: Endpoint): void {
    checkProbe(datagram);
    this.#send({ kind: "send-probe", datagram: datagram.toBase64(), endpoint: endpoint.toString() });
  }

  changeProbeIds(change: ProbeIdChange): void {
    checkProbeIds(change);
    for (const command of changeProbeIdsCommands(change)) this.#send(command);
  }

  changeProxy(change: ProxyChange): void {
    for (const command of changeProxyCommands(change)) this.#send(command);
  }

  answerProxy(id: number, answer: ProxyAnswer): void {
    this.#send({ kind: "answer-proxy", id, answer });
  }

  setPolicy(policy: PlanePolicy): void {
    for (const command of policyCommands(policy)) this.#send({ kind: "policy", command });
  }

  presharedKey(publicKey: PublicKey): PresharedKey | undefined {
    return this.#peers.presharedKey(publicKey);
  }

  peerStatus(publicKey: PublicKey): PeerStatus | undefined {
    return this.#peers.status(publicKey);
  }

  peerStatuses(): readonly PeerStatus[] {
    return this.#peers.statuses();
  }

  drops(): Readonly<Record<string, number>> {
    const others = this.#sealing?.drops();
    return Object.fromEntries(
      COUNTED_DROPS.map((reason, i) => [reason, (this.#drops[i] ?? 0) + (others?.get(reason) ?? 0)]),
    );
  }

  close(): void {
    if (this.#isClosed) return;
    this.#send({ kind: "stop" });
    this.#isClosed = true;
  }

  #send(command: Command): void {
    if (this.#isClosed) return;
    this.#sealing?.send(command);
    const bytes = encodeCommand(command);
    while (!this.#commands.tryWrite(bytes)) {
      // The worker has ended; that is told when this turn is over.
      if (this.#commands.isClosed) break;
      this.#wakeUp.wake();
      this.#commands.waitForRoom(ROOM_WAIT_MS);
    }
    bytes.fill(0);
    this.#wakeUp.wake();
  }

  /** Without a socket there are none either, which is nobody's fault. */
  #noteGso(isUsed: boolean): void {
    if (!isUsed && this.#usesGso && this.#localPort !== 0) {
      this.#log.warn("the path takes no GSO batches, so each datagram is sent by itself", {
        interface: this.#tun.name,
      });
    }
    this.#usesGso = isUsed;
  }

  /** Nobody uses the descriptors any more. */
  #release(): void {
    this.#isClosed = true;
    this.#wakeUp.close();
    this.#tun.close();
    this.#sockets.close();
  }
}

function encodeCommand(command: Command): Uint8Array {
  return utf8Bytes(JSON.stringify(command));
}

/** Tells the host's kernel; where it will not listen, longer superpackets take two sends. */
function boundSuperpackets(interfaceName: string, mtuBytes: number): void {
  try {
    using netlink = Netlink.open();
    netlink.setSuperpacketBytes(interfaceName, superpacketBounds(mtuBytes));
  } catch {
    // The interface may live in another namespace by now.
  }
}
