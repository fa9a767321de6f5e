/**
 * One end of a carrier: datagrams of a local socket go into a stream, and what comes from the stream goes to the socket.
 * @module
 */

import { type Clock, Counters, type Millis, millis } from "../../base/mod.ts";
import type { ChannelStream } from "../../channel/mod.ts";
import type { CarrierSocket, CarrierSocketOptions } from "../../dataplane/mod.ts";
import {
  FrameQueue,
  type FrameQueueBounds,
  FrameReader,
  HandshakeLimit,
  mayBeCarried,
} from "../../relay/mod.ts";

/** At 20 Mbit/s the slack waits for 50 ms; at 80 Mbit/s and more there is all of it. */
const QUEUE_BOUNDS: FrameQueueBounds = { slackBytes: 128 << 10, mostBytes: 512 << 10, mostMs: 50 };

/** What comes is sent on at once, so it is how much may be under way: 170 Mbit/s over a round trip of 100 ms. */
const WINDOW_BYTES: number = 2 << 20;

/** What is dropped, by reason. */
export const CARRIER_DROPS = [
  /** The stream had no room. */
  "carrier-full",
  /** It came to the local socket from elsewhere than its partner. */
  "carrier-foreign-source",
  /** Neither WireGuard's nor a question or answer of the path protocol. */
  "carrier-unknown-kind",
  /** More handshakes than the member at the other end may begin. */
  "carrier-handshake-rate",
] as const;

/** One of `CARRIER_DROPS`. */
export type CarrierDrop = (typeof CARRIER_DROPS)[number];

/** Where a pipe leads instead of its socket: the stream of who is at the other end of the relay. */
export interface PipePartner {
  readonly pipe: CarrierPipe;
  /** Asked for each piece of the stream. @returns whether it may go there */
  readonly mayForward: () => boolean;
  /** Is told what has gone there. */
  readonly onForwarded: (datagrams: number, bytes: number) => void;
}

/** How many bytes one end has carried; each number grows alone. */
export interface CarriedBytes {
  readonly sent: number;
  readonly received: number;
}

/** How a pipe is made. */
export interface CarrierPipeOptions {
  /** @throws SocketError, HostError when there is no socket */
  readonly openSocket: (options: CarrierSocketOptions) => CarrierSocket;
  readonly clock: Clock;
  /** Of the partner on the loopback. */
  readonly peerPort: number;
  /** Is shown each datagram of the local socket first. @returns whether it was for itself */
  readonly intercept?: (datagram: Uint8Array) => boolean;
}

/** Made with its socket; it carries from `join` until `close`, or until the stream ends. */
export class CarrierPipe {
  readonly socket: CarrierSocket;
  readonly drops: Counters<CarrierDrop> = new Counters(CARRIER_DROPS);
  readonly #queue = new FrameQueue(QUEUE_BOUNDS);
  readonly #reader = new FrameReader();
  readonly #clock: Clock;
  readonly #handshakes = new HandshakeLimit();
  readonly #closed = Promise.withResolvers<void>();
  #stream: ChannelStream | undefined;
  #partner: PipePartner | undefined;
  /** The partner, while a piece of the stream is read that goes there. */
  #target: CarrierPipe | undefined;
  #forwarded = 0;
  /** When the piece that is read came. */
  #now: Millis = millis(0);
  #isWriting = false;
  #isClosed = false;
  #sent = 0;
  #received = 0;

  constructor({ openSocket, clock, peerPort, intercept = () => false }: CarrierPipeOptions) {
    this.#clock = clock;
    this.socket = openSocket({
      peerPort,
      onDatagram: (datagram) => {
        if (!intercept(datagram)) this.#send(datagram);
      },
      onTurn: () => void this.#write(),
    });
  }

  /** Settles when it carries nothing any more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get carried(): CarriedBytes {
    return { sent: this.#sent, received: this.#received };
  }

  /** @returns what was dropped, by reason, zeros included */
  report(): Record<CarrierDrop, number> {
    return { ...this.drops.snapshot(), "carrier-foreign-source": this.socket.foreign };
  }

  /** Carries from now on. @param first what has been read of the stream already */
  join(stream: ChannelStream, first: Uint8Array = new Uint8Array()): void {
    if (this.#isClosed) return stream.reset(0);
    this.#stream = stream;
    stream.setWindow(WINDOW_BYTES);
    void this.#read(stream, first);
    void this.#write();
  }

  /** Sends what comes from the stream to another pipe from now on, and no more to the socket. */
  forwardTo(partner: PipePartner): void {
    this.#partner = partner;
  }

  /** Sends it to the socket again, if it went to `pipe`. */
  stopForwardingTo(pipe: CarrierPipe): void {
    if (this.#partner?.pipe === pipe) this.#partner = undefined;
  }

  /** Ends the stream and closes the socket. Harmless when repeated. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stream?.reset(0);
    this.socket.close();
    this.#closed.resolve();
  }

  #send(datagram: Uint8Array): void {
    if (!mayBeCarried(datagram, 0, datagram.length)) return this.drops.count("carrier-unknown-kind");
    this.#enqueue(this.#clock.now(), datagram);
  }

  #enqueue(now: Millis, datagram: Uint8Array): void {
    if (!this.#queue.push(now, datagram)) return this.drops.count("carrier-full");
    this.#sent += datagram.length;
  }

  async #write(): Promise<void> {
    const stream = this.#stream;
    if (this.#isWriting || stream === undefined) return;
    this.#isWriting = true;
    while (!this.#queue.isEmpty && !this.#isClosed) {
      if (!await stream.write(this.#queue.take())) this.close();
    }
    this.#isWriting = false;
  }

  async #read(stream: ChannelStream, first: Uint8Array): Promise<void> {
    for (let bytes: Uint8Array | undefined = first; bytes !== undefined; bytes = await stream.read()) {
      if (this.#isClosed || !this.#readPiece(bytes)) break;
    }
    this.close();
  }

  /** @returns false when the stream is none of datagrams */
  #readPiece(bytes: Uint8Array): boolean {
    const partner = this.#partner;
    const target = this.#target = partner?.mayForward() ? partner.pipe : undefined;
    const before = this.#received;
    this.#forwarded = 0;
    this.#now = this.#clock.now();
    const isRead = this.#reader.read(bytes, this.#deliver);
    if (target === undefined) this.socket.flush();
    else {
      void target.#write();
      partner?.onForwarded(this.#forwarded, this.#received - before);
    }
    return isRead;
  }

  readonly #deliver = (datagram: Uint8Array): void => {
    if (!mayBeCarried(datagram, 0, datagram.length)) return this.drops.count("carrier-unknown-kind");
    if (!this.#handshakes.allows(this.#now, datagram[0])) {
      return this.drops.count("carrier-handshake-rate");
    }
    this.#received += datagram.length;
    if (this.#target === undefined) return this.socket.send(datagram);
    this.#forwarded++;
    this.#target.#enqueue(this.#now, datagram);
  };
}
