/**
 * Frames of overlay networks to and from members without a packet plane, over their channels. What is lost is lost, as on
 * any network: nothing waits for room, and nothing is sent again.
 * @module
 */

import { type Clock, Counters, TokenBucket, type TokenBucketLimits } from "../../base/mod.ts";
import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import type { Link, LinkObserver } from "../links/mod.ts";

/** The topic of the packets. */
export const FRAME_TOPIC = "frames";

/** While more waits on a link, whatever it is, frames for it are dropped: gossip and calls come first. */
const MAX_QUEUED_BYTES: number = 512 << 10;
/** The same for all links together. */
const MAX_QUEUED_TOTAL_BYTES: number = 16 << 20;
/** The longest IP packet, and the headers before it. */
const MAX_PACKET_BYTES = 66_000;
/** Looking at a packet costs as much as that of so many bytes. */
const PACKET_COST_BYTES = 512;
/** What one member may send, and all together: bytes, with `PACKET_COST_BYTES` a packet. */
const ORIGIN_LIMITS: TokenBucketLimits = { burst: 8 << 20, perSecond: 48 << 20 };
const TOTAL_LIMITS: TokenBucketLimits = { burst: 16 << 20, perSecond: 96 << 20 };

/** What is dropped, by reason. */
export type FrameChannelDrop =
  | "frames-no-link"
  | "frames-link-full"
  | "frames-links-full"
  | "frames-early"
  | "frames-too-long"
  | "frames-rate-of-member"
  | "frames-rate";

/** What is kept for one channel. */
interface Carrier {
  /** Unknown until the channel has become a link. */
  nodeId: NodeId | undefined;
  readonly bucket: TokenBucket;
}

/** Carries packets by links. */
export class FrameChannels implements LinkObserver {
  readonly counters: Counters<FrameChannelDrop> = new Counters<FrameChannelDrop>([
    "frames-no-link",
    "frames-link-full",
    "frames-links-full",
    "frames-early",
    "frames-too-long",
    "frames-rate-of-member",
    "frames-rate",
  ]);
  readonly #clock: Clock;
  readonly #onPacket: (nodeId: NodeId, packet: Uint8Array) => void;
  readonly #carriers = new WeakMap<Channel, Carrier>();
  readonly #links = new Map<NodeId, { readonly channel: Channel; queuedBytes: number }>();
  readonly #total: TokenBucket;
  /** What waited on links when each was last looked at. */
  #queuedBytes = 0;

  /** @param onPacket is handed what a member has sent, valid until it returns */
  constructor(clock: Clock, onPacket: (nodeId: NodeId, packet: Uint8Array) => void) {
    this.#clock = clock;
    this.#onPacket = onPacket;
    this.#total = new TokenBucket(clock, TOTAL_LIMITS);
  }

  prepare(channel: Channel): void {
    const carrier: Carrier = { nodeId: undefined, bucket: new TokenBucket(this.#clock, ORIGIN_LIMITS) };
    this.#carriers.set(channel, carrier);
    channel.attach(FRAME_TOPIC, (packet) => this.#receive(carrier, packet));
  }

  handleLink({ nodeId, channel }: Link): void {
    const carrier = this.#carriers.get(channel);
    if (carrier === undefined) return;
    carrier.nodeId = nodeId;
    this.#forget(nodeId);
    this.#links.set(nodeId, { channel, queuedBytes: 0 });
    channel.closed.then(() => {
      if (this.#links.get(nodeId)?.channel === channel) this.#forget(nodeId);
    });
  }

  /** What arrives until it closes is the member's. */
  handleSpareLink({ nodeId, channel }: Link): void {
    const carrier = this.#carriers.get(channel);
    if (carrier !== undefined) carrier.nodeId = nodeId;
  }

  /** The link may have given way to another one, which stays. */
  handleLinkClosed(nodeId: NodeId): void {
    if (this.#links.get(nodeId)?.channel.isOpen === false) this.#forget(nodeId);
  }

  /** Sends a packet, which is copied. What does not fit is dropped and counted, the newest. @returns whether it was taken */
  send(nodeId: NodeId, packet: Uint8Array): boolean {
    const link = this.#links.get(nodeId);
    if (link === undefined) return this.#drop("frames-no-link");
    if (packet.length > MAX_PACKET_BYTES) return this.#drop("frames-too-long");
    const { channel } = link;
    if (this.#look(link) + packet.length > MAX_QUEUED_BYTES) return this.#drop("frames-link-full");
    if (this.#queuedBytes + packet.length > MAX_QUEUED_TOTAL_BYTES) {
      // Links that nothing was sent on for a while are emptier than they were.
      for (const other of this.#links.values()) this.#look(other);
      if (this.#queuedBytes + packet.length > MAX_QUEUED_TOTAL_BYTES) return this.#drop("frames-links-full");
    }
    if (channel.post(FRAME_TOPIC, packet)) return true;
    return this.#drop("frames-link-full");
  }

  #receive({ nodeId, bucket }: Carrier, packet: Uint8Array): void {
    if (nodeId === undefined) return void this.#drop("frames-early");
    if (packet.length > MAX_PACKET_BYTES) return void this.#drop("frames-too-long");
    const cost = PACKET_COST_BYTES + packet.length;
    // What is refused costs nothing, so that whoever sends too much gets through what is allowed.
    if (bucket.spend(0) > 0) return void this.#drop("frames-rate-of-member");
    if (this.#total.spend(0) > 0) return void this.#drop("frames-rate");
    bucket.spend(cost);
    this.#total.spend(cost);
    this.#onPacket(nodeId, packet);
  }

  #look(link: { readonly channel: Channel; queuedBytes: number }): number {
    const { queuedBytes } = link.channel;
    this.#queuedBytes += queuedBytes - link.queuedBytes;
    return link.queuedBytes = queuedBytes;
  }

  #forget(nodeId: NodeId): void {
    this.#queuedBytes -= this.#links.get(nodeId)?.queuedBytes ?? 0;
    this.#links.delete(nodeId);
  }

  #drop(reason: FrameChannelDrop): false {
    this.counters.count(reason);
    return false;
  }
}
