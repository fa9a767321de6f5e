/**
 * What arrives on a channel for services before it is known who is at its other end.
 * @module
 */

import type { Channel, ChannelStream } from "../../channel/mod.ts";
import type { PeerId } from "../../service/mod.ts";

/** The topic of everything that services say. */
export const SERVICE_TOPIC = "service";

/** Whoever says more before it is a member is sent away: messages and streams, and their bytes. */
const MAX_EARLY = 64;
const MAX_EARLY_BYTES = 4 << 20;

/** Where messages and streams go. */
export interface ServiceReceiver {
  handleMessage(peer: PeerId, bytes: Uint8Array): void;
  handleStream(peer: PeerId, header: Uint8Array, stream: ChannelStream): void;
  /** A stream that asks for a connection to something of this host. */
  handleForward(peer: PeerId, header: Uint8Array, stream: ChannelStream): void;
}

/** Holds what one channel says until its peer is known; made before anything is read from the channel. */
export class EarlyMessageGate {
  readonly #channel: Channel;
  readonly #receiver: ServiceReceiver;
  #peer: PeerId | undefined;
  #early: ((peer: PeerId) => void)[] = [];
  #earlyBytes = 0;

  /** @param forwardTopic of streams that ask for connections */
  constructor(channel: Channel, forwardTopic: string, receiver: ServiceReceiver) {
    this.#channel = channel;
    this.#receiver = receiver;
    channel.attach(SERVICE_TOPIC, (bytes) => {
      const peer = this.#peer;
      if (peer !== undefined) return receiver.handleMessage(peer, bytes);
      const copy = bytes.slice();
      this.#wait(copy.length, (peer) => receiver.handleMessage(peer, copy));
    });
    channel.onStream(SERVICE_TOPIC, (stream, header) => {
      const copy = header.slice();
      this.#whenOpen(copy.length, (peer) => this.#receiver.handleStream(peer, copy, stream));
    });
    channel.onStream(forwardTopic, (stream, header) => {
      const copy = header.slice();
      this.#whenOpen(copy.length, (peer) => this.#receiver.handleForward(peer, copy, stream));
    });
  }

  /** It is known who is there. */
  open(peer: PeerId): void {
    this.#peer = peer;
    for (const handle of this.#early.splice(0)) handle(peer);
  }

  #whenOpen(bytes: number, handle: (peer: PeerId) => void): void {
    if (this.#peer === undefined) this.#wait(bytes, handle);
    else handle(this.#peer);
  }

  #wait(bytes: number, handle: (peer: PeerId) => void): void {
    this.#earlyBytes += bytes;
    const isTooMuch = this.#early.push(handle) > MAX_EARLY || this.#earlyBytes > MAX_EARLY_BYTES;
    if (!isTooMuch) return;
    this.#early = [];
    this.#channel.close("too much before the greeting");
  }
}
