/**
 * What arrives on a channel for services and forwarded connections, kept back until it is known who sends it.
 * @module
 */

import type { Channel, ChannelStream } from "../../channel/mod.ts";
import { FORWARD_TOPIC } from "../../forward/mod.ts";
import type { PeerId, ServiceRuntime } from "../../service/mod.ts";

/** The topic of the messages and streams of services. */
export const SERVICE_TOPIC = "service";

/** How many messages and streams may come before the peer is known, and how many bytes; with more the channel is closed. */
const MAX_EARLY = 64;
const MAX_EARLY_BYTES = 4 << 20;

/** Takes the streams that ask for a connection to something of this host. */
export type ForwardHandler = (peer: PeerId, header: Uint8Array, stream: ChannelStream) => void;

/** Hands what comes on a channel to services once its peer is known; made before anything is read from the channel. */
export class EarlyMessageGate {
  readonly #channel: Channel;
  #peer: PeerId | undefined;
  #early: ((peer: PeerId) => void)[] = [];
  #earlyBytes = 0;

  constructor(channel: Channel, services: Pick<ServiceRuntime, "handleMessage">, onForward: ForwardHandler) {
    this.#channel = channel;
    channel.attach(SERVICE_TOPIC, (bytes) => {
      const peer = this.#peer;
      if (peer !== undefined) return services.handleMessage(peer, bytes);
      const copy = bytes.slice();
      this.#keep(copy.length, (peer) => services.handleMessage(peer, copy));
    });
    channel.onStream(SERVICE_TOPIC, (stream, header) => {
      const copy = header.slice();
      this.#deliver(copy.length, (peer) => services.handleMessage(peer, copy, stream));
    });
    channel.onStream(FORWARD_TOPIC, (stream, header) => {
      const copy = header.slice();
      this.#deliver(copy.length, (peer) => onForward(peer, copy, stream));
    });
  }

  /** The peer is known. */
  open(peer: PeerId): void {
    this.#peer = peer;
    for (const handle of this.#early.splice(0)) handle(peer);
  }

  #deliver(bytes: number, handle: (peer: PeerId) => void): void {
    if (this.#peer === undefined) this.#keep(bytes, handle);
    else handle(this.#peer);
  }

  #keep(bytes: number, handle: (peer: PeerId) => void): void {
    this.#earlyBytes += bytes;
    const isTooMuch = this.#early.push(handle) > MAX_EARLY || this.#earlyBytes > MAX_EARLY_BYTES;
    if (!isTooMuch) return;
    this.#early = [];
    this.#channel.close("too much before the greeting");
  }
}
