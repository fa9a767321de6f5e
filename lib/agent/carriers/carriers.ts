/**
 * The carriers of a node: those that it has opened, and those that others have opened to it.
 * @module
 */

import { withTimeout } from "../../base/mod.ts";
import type { Channel, ChannelStream } from "../../channel/mod.ts";
import { idBytes, type NodeId } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import type { Link, LinkObserver } from "../links/mod.ts";
import { type CarriedBytes, CARRIER_DROPS, type CarrierDrop, CarrierPipe } from "./carrier_pipe.ts";
import {
  ACCEPTED,
  CARRIER_BOUNDS,
  CARRIER_REFUSALS,
  type CarrierParts,
  CarrierServer,
} from "./carrier_server.ts";

/** The topic of the streams; their header is the id of the member that is meant, 16 bytes. */
export const CARRIER_TOPIC = "carrier";

/** How long the other end may take to accept: its relay's thread may have to start first. */
const OPEN_TIMEOUT_MS = 10_000;
/** How many streams may come on a channel before it is known whose it is. */
const MAX_EARLY = 4;

/** A way to a member over a stream. */
export interface Carrier {
  /** Over whose link; the member itself, or one that relays. */
  readonly via: NodeId;
  /** To whom. */
  readonly target: NodeId;
  /** Where the packet plane is to send, on the loopback. */
  readonly endpoint: Endpoint;
  /** Settles when it carries nothing any more: it was closed, the link has ended, or the relay. */
  readonly closed: Promise<void>;
  readonly carried: CarriedBytes;
  /** Harmless when repeated. */
  close(): void;
}

interface OpenCarrier extends Carrier {
  readonly pipe: CarrierPipe;
}

/** What a channel is to carriers. */
interface CarrierChannel {
  nodeId: NodeId | undefined;
  early: ((nodeId: NodeId) => void)[];
}

/** Opens carriers and serves them. */
export class Carriers implements LinkObserver {
  /** Is told of each carrier of this node that has ended, however it did. */
  onClosed: (carrier: Carrier) => void = () => {};
  readonly #parts: CarrierParts;
  readonly #server: CarrierServer;
  readonly #channels = new WeakMap<Channel, CarrierChannel>();
  readonly #links = new Map<NodeId, Link>();
  readonly #open = new Map<string, Promise<OpenCarrier | undefined>>();
  readonly #pipes = new Set<CarrierPipe>();
  /** Of carriers that have ended. */
  readonly #drops = new Map<CarrierDrop, number>();

  constructor(parts: CarrierParts) {
    this.#parts = parts;
    this.#server = new CarrierServer(parts, (pipe) => addDrops(this.#drops, pipe));
  }

  prepare(channel: Channel): void {
    const known: CarrierChannel = { nodeId: undefined, early: [] };
    this.#channels.set(channel, known);
    channel.onStream(CARRIER_TOPIC, (stream, header) => {
      const copy = header.slice();
      const handle = (nodeId: NodeId) => this.#server.handleStream(nodeId, copy, stream);
      if (known.nodeId !== undefined) handle(known.nodeId);
      else if (known.early.push(handle) > MAX_EARLY) {
        known.early.pop();
        stream.reset(CARRIER_REFUSALS["too-many"]);
      }
    });
  }

  handleLink(link: Link): void {
    this.#links.set(link.nodeId, link);
    this.handleSpareLink(link);
  }

  /** Its streams are served; this node opens none on it. */
  handleSpareLink({ nodeId, channel }: Link): void {
    const known = this.#channels.get(channel);
    if (known === undefined) return;
    known.nodeId = nodeId;
    for (const handle of known.early.splice(0)) handle(nodeId);
  }

  /** The streams of the link have ended with it. */
  handleLinkClosed(nodeId: NodeId): void {
    if (this.#links.get(nodeId)?.channel.isOpen === false) this.#links.delete(nodeId);
  }

  /**
   * Opens a carrier, or gives the one that there is.
   *
   * By another member than `target` it uses the leg of `target`'s relay session with this node, which is bound to whoever
   * has bound it last: a carrier is to be closed when its leg works by UDP.
   * @param via whom there is a link to: `target`, or a member that relays
   * @returns undefined when there is no link of its own to `via` or no plane, or the other end refuses
   */
  async open(via: NodeId, target: NodeId): Promise<Carrier | undefined> {
    const key = `${via} ${target}`;
    const known = this.#open.get(key);
    if (known !== undefined) return await known;
    if (this.#open.size >= CARRIER_BOUNDS.total) return undefined;
    const opening = this.#openNew(via, target);
    this.#open.set(key, opening);
    const carrier = await opening.catch((error) => {
      this.#parts.log.warn("cannot open a carrier", { peer: via, error });
      return undefined;
    });
    const forget = () => {
      if (this.#open.get(key) === opening) this.#open.delete(key);
    };
    if (carrier === undefined) forget();
    else void carrier.closed.then(forget).then(() => this.onClosed(carrier));
    return carrier;
  }

  /** Whether this node's link to a member leads through a proxy, so that nothing else leads there, UDP least of all. */
  isByProxy(nodeId: NodeId): boolean {
    const link = this.#links.get(nodeId);
    if (link?.dialler !== "us" || link.way.kind !== "direct") return false;
    const { endpoint } = link.way;
    return endpoint.zone === 0 && link.channel.remoteAddress !== endpoint.toString();
  }

  /** How many carriers there are: opened by this node, and by others. */
  get counts(): { readonly own: number; readonly served: number } {
    return { own: this.#pipes.size, served: this.#server.carriers.length };
  }

  /** @returns what was dropped at this node's ends, by reason, zeros included */
  drops(): Record<CarrierDrop, number> {
    const counts = new Map<CarrierDrop, number>(
      CARRIER_DROPS.map((reason) => [reason, this.#drops.get(reason) ?? 0]),
    );
    for (const pipe of [...this.#pipes, ...this.#server.carriers.map((carrier) => carrier.pipe)]) {
      addDrops(counts, pipe);
    }
    return Object.fromEntries(counts) as Record<CarrierDrop, number>;
  }

  /** Ends the carriers of a member, which is one no more; or all. */
  close(nodeId?: NodeId): void {
    this.#server.close(nodeId);
    if (nodeId === undefined) { for (const pipe of [...this.#pipes]) pipe.close(); }
  }

  async #openNew(via: NodeId, target: NodeId): Promise<OpenCarrier | undefined> {
    const { planePort, openSocket, clock, timers } = this.#parts;
    const peerPort = planePort();
    const link = this.#links.get(via);
    if (peerPort === undefined || !link?.channel.isOpen) return undefined;
    // What a member copies for messages is little, and the tunnel is what is to be carried.
    if (link.way.kind === "relay" || link.way.kind === "tunnel") return undefined;
    const stream = link.channel.openStream(CARRIER_TOPIC, idBytes(target));
    // Nobody is kept waiting for the socket: it is there before the other end is.
    let pipe: CarrierPipe;
    try {
      pipe = new CarrierPipe({ openSocket, clock, peerPort });
    } catch (error) {
      stream.reset(CARRIER_REFUSALS.failed);
      throw error;
    }
    this.#pipes.add(pipe);
    void stream.closed.then(() => pipe.close());
    void pipe.closed.then(() => {
      this.#pipes.delete(pipe);
      addDrops(this.#drops, pipe);
    });
    const rest = await withTimeout(timers, OPEN_TIMEOUT_MS, accepted(stream));
    if (rest === undefined) {
      stream.reset(0);
      pipe.close();
      return undefined;
    }
    pipe.join(stream, rest);
    return {
      via,
      target,
      pipe,
      endpoint: pipe.socket.endpoint,
      closed: pipe.closed,
      get carried() {
        return pipe.carried;
      },
      close: () => pipe.close(),
    };
  }
}

/** @returns what came behind the word of acceptance; undefined when there is none */
async function accepted(stream: ChannelStream): Promise<Uint8Array | undefined> {
  let bytes: Uint8Array | undefined = new Uint8Array();
  while (bytes !== undefined && bytes.length < ACCEPTED.length) {
    const more: Uint8Array | undefined = await stream.read();
    bytes = more && Uint8Array.from([...bytes, ...more]);
  }
  if (bytes === undefined || bytes[0] !== ACCEPTED[0] || bytes[1] !== ACCEPTED[1]) return undefined;
  return bytes.subarray(ACCEPTED.length);
}

function addDrops(counts: Map<CarrierDrop, number>, pipe: CarrierPipe): void {
  for (const [reason, count] of Object.entries(pipe.report())) {
    counts.set(reason as CarrierDrop, (counts.get(reason as CarrierDrop) ?? 0) + count);
  }
}
