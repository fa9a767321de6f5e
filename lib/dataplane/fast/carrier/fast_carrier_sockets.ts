/**
 * The sockets of all carriers of a node, behind one wait.
 * @module
 */

import {
  addressOf,
  type DescriptorWait,
  HostError,
  type OffloadUdp,
  openLoopbackUdp,
  RawIo,
  waitForDescriptor,
} from "../../../host/mod.ts";
import type { Endpoint } from "../../../net/mod.ts";
import { type CarrierSocket, type CarrierSocketOptions, loopbackEndpoint } from "../../carrier/mod.ts";
import { MAX_READY } from "../engine_memory.ts";
import { ReadySet } from "../frames/mod.ts";
import {
  GroReceiver,
  GsoSender,
  MAX_SEND_BYTES,
  MAX_SEND_SEGMENTS,
  RECEIVE_ROOM_BYTES,
  RECEIVER_AREA_BYTES,
  SENDER_AREA_BYTES,
} from "../udp/mod.ts";

/** So many carriers one node has at most: those that it has opened, and those of others. */
const MAX_SOCKETS = 512;
/** So often a socket is received from before the event loop and the others have their turn. */
const MAX_ROUNDS = 4;
const WASM_PAGE_BYTES = 65_536;

// What stands where in the memory.
const READY_AT = 0;
const RECEIVER_AT: number = aligned(READY_AT + (MAX_READY + 1) * 16);
const BATCH_AT: number = aligned(RECEIVER_AT + RECEIVER_AREA_BYTES);
const SENDERS_AT: number = aligned(BATCH_AT + MAX_SEND_BYTES);
const SENDER_PLACE_BYTES: number = aligned(SENDER_AREA_BYTES);
const RECEIVE_AT: number = aligned(SENDERS_AT + MAX_SOCKETS * SENDER_PLACE_BYTES);
const MEMORY_BYTES: number = RECEIVE_AT + RECEIVE_ROOM_BYTES;

function aligned(at: number): number {
  return Math.ceil(at / 64) * 64;
}

/** Opens sockets; its memory and its wait are there while there is one. */
export class FastCarrierSockets {
  #loop: CarrierLoop | undefined;

  /** @throws HostError when there is no socket to be had, or no foreign functions */
  open(options: CarrierSocketOptions): CarrierSocket {
    const loop = this.#loop ??= new CarrierLoop(() => this.#loop = undefined);
    return loop.open(options);
  }
}

/** Calls, memory and the wait of the sockets that there are. */
class CarrierLoop {
  readonly io: RawIo = RawIo.open();
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({
    initial: Math.ceil(MEMORY_BYTES / WASM_PAGE_BYTES),
  });
  readonly base: number = addressOf(this.memory);
  readonly bytes: Uint8Array = new Uint8Array(this.memory.buffer);
  readonly #onEmpty: () => void;
  readonly #receiver: GroReceiver;
  readonly #ready: ReadySet;
  readonly #sockets: (FastCarrierSocket | undefined)[] = [];
  #count = 0;
  #wait: DescriptorWait | undefined;
  /** Whose datagrams stand in the batch. */
  #sending: FastCarrierSocket | undefined;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
    const { io, memory, base } = this;
    this.#receiver = new GroReceiver({ io, memory, base, area: RECEIVER_AT, fd: -1, receiveAt: RECEIVE_AT });
    this.#ready = new ReadySet({ io, memory, base, readyAt: READY_AT });
  }

  open(options: CarrierSocketOptions): CarrierSocket {
    const free = this.#sockets.indexOf(undefined);
    const slot = free < 0 ? this.#sockets.length : free;
    const udp = openLoopbackUdp();
    const area = SENDERS_AT + slot * SENDER_PLACE_BYTES;
    const socket = new FastCarrierSocket(this, { udp, slot, area }, options);
    if (!this.#ready.add(udp.fd, slot)) {
      udp.close();
      throw new HostError("Cannot wait for a carrier's socket: the kernel has no descriptor left");
    }
    this.#sockets[slot] = socket;
    this.#count++;
    if (this.#wait === undefined) void this.#run();
    return socket;
  }

  close(slot: number, udp: OffloadUdp): void {
    this.#ready.remove(udp.fd);
    udp.close();
    this.#sockets[slot] = undefined;
    if (--this.#count > 0) return;
    this.#onEmpty();
    this.#wait?.close();
  }

  /** Makes the batch that of `socket`. */
  claim(socket: FastCarrierSocket): void {
    if (this.#sending === socket) return;
    this.#sending?.flush();
    this.#sending = socket;
  }

  async #run(): Promise<void> {
    // It closes the set with itself.
    const wait = this.#wait = waitForDescriptor(this.#ready.descriptor);
    while (!wait.isClosed) {
      await wait.wait();
      if (wait.isClosed) break;
      const count = this.#ready.poll();
      for (let i = 0; i < count; i++) this.#serve(this.#sockets[this.#ready.token(i)]);
    }
    this.io.unload();
  }

  #serve(socket: FastCarrierSocket | undefined): void {
    if (socket === undefined) return;
    const receiver = this.#receiver;
    for (let round = 0; round < MAX_ROUNDS && !socket.isClosed; round++) {
      const count = receiver.receive(socket.fd);
      for (let i = 0; i < count; i++) this.#take(socket, i);
      if (count === 0 || receiver.isDrained) break;
    }
    socket.handleTurn();
  }

  #take(socket: FastCarrierSocket, index: number): void {
    const receiver = this.#receiver;
    if (!socket.hears(receiver.source(index))) return socket.countForeign(receiver.datagrams(index));
    const end = receiver.at(index) + receiver.lengthBytes(index);
    const segmentBytes = Math.max(1, receiver.segmentBytes(index));
    for (let at = receiver.at(index); at < end; at += segmentBytes) {
      socket.handleDatagram(this.bytes.subarray(at, Math.min(at + segmentBytes, end)));
    }
  }
}

/** What the loop gives a socket. */
interface Place {
  readonly udp: OffloadUdp;
  readonly slot: number;
  readonly area: number;
}

class FastCarrierSocket implements CarrierSocket {
  readonly endpoint: Endpoint;
  foreign = 0;
  readonly #loop: CarrierLoop;
  readonly #place: Place;
  readonly #options: CarrierSocketOptions;
  readonly #sender: GsoSender;
  readonly #peer: Endpoint;
  #isClosed = false;
  // Of the batch, while it is this one's: its length, and that of its datagrams.
  #length = 0;
  #segmentBytes = 0;

  constructor(loop: CarrierLoop, place: Place, options: CarrierSocketOptions) {
    this.#loop = loop;
    this.#place = place;
    this.#options = options;
    this.#peer = loopbackEndpoint(options.peerPort);
    this.endpoint = loopbackEndpoint(place.udp.port);
    const { io, memory, base } = loop;
    const { udp: { fd, family, offloads }, area } = place;
    const sending = { fd, family, hasGso: offloads.gso, onDrop: () => {} };
    this.#sender = new GsoSender({ io, memory, base, area, ...sending });
  }

  get fd(): number {
    return this.#place.udp.fd;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  hears(source: Endpoint): boolean {
    return source.equals(this.#peer);
  }

  countForeign(datagrams: number): void {
    this.foreign += datagrams;
  }

  handleDatagram(datagram: Uint8Array): void {
    if (!this.#isClosed) this.#options.onDatagram(datagram);
  }

  handleTurn(): void {
    this.#options.onTurn();
  }

  send(datagram: Uint8Array): void {
    const { length } = datagram;
    if (this.#isClosed || length === 0 || length > MAX_SEND_BYTES) return;
    this.#loop.claim(this);
    // Datagrams of a batch have one size, and only the last may be shorter.
    const isFull = this.#length + length > MAX_SEND_BYTES ||
      this.#length >= MAX_SEND_SEGMENTS * this.#segmentBytes;
    if (this.#length > 0 && (length > this.#segmentBytes || isFull)) this.flush();
    if (this.#length === 0) this.#segmentBytes = length;
    this.#loop.bytes.set(datagram, BATCH_AT + this.#length);
    this.#length += length;
    if (length < this.#segmentBytes) this.flush();
  }

  flush(): void {
    const length = this.#length;
    this.#length = 0;
    if (length > 0 && !this.#isClosed) this.#sender.send(BATCH_AT, length, this.#segmentBytes, this.#peer);
  }

  close(): void {
    if (this.#isClosed) return;
    this.flush();
    this.#isClosed = true;
    this.#loop.close(this.#place.slot, this.#place.udp);
  }
}
