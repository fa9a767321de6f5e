/**
 * The links that services use: channels to members, and to programs of this machine.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import type { NodeId } from "../../mesh/mod.ts";
import {
  isProgram,
  type PeerId,
  peerId,
  type PeerLinks,
  type PostOutcome,
  type ServiceStream,
} from "../../service/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import { SERVICE_TOPIC } from "./early_message_gate.ts";

/** Finds the channel to a peer, and dials members on demand. */
export class ServiceLinks implements PeerLinks {
  readonly #messages: () => MessagePlane | undefined;
  readonly #programs = new Map<PeerId, Channel>();

  /** @param messages the message plane, which is another one after the node's keys have changed */
  constructor(messages: () => MessagePlane | undefined) {
    this.#messages = messages;
  }

  post(peer: PeerId, message: Uint8Array): PostOutcome {
    const channel = this.channel(peer);
    if (channel === undefined) return "no-link";
    return channel.post(SERVICE_TOPIC, message) ? "queued" : "congested";
  }

  async drained(peer: PeerId): Promise<void> {
    await this.channel(peer)?.drained();
  }

  async reach(peer: PeerId): Promise<boolean> {
    if (isProgram(peer)) return this.channel(peer) !== undefined;
    return await this.#messages()?.reach(asNodeId(peer)) ?? false;
  }

  openStream(peer: PeerId, header: Uint8Array): ServiceStream | undefined {
    const stream = this.channel(peer)?.openStream(SERVICE_TOPIC, header);
    return stream?.resetCode === undefined ? stream : undefined;
  }

  rttMs(peer: PeerId): number | undefined {
    return this.channel(peer)?.lastRttMs;
  }

  linked(): readonly PeerId[] {
    return this.#messages()?.links.all().map(({ nodeId }) => asPeerId(nodeId)) ?? [];
  }

  /** @returns the channel to a peer; undefined when there is none, or it takes its leave */
  channel(peer: PeerId): Channel | undefined {
    const channel = isProgram(peer)
      ? this.#programs.get(peer)
      : this.#messages()?.links.get(asNodeId(peer))?.channel;
    // What can't be said on it would be tried again and again without a pause.
    return channel?.isOpen ? channel : undefined;
  }

  /** A program has come. */
  addProgram(peer: PeerId, channel: Channel): void {
    this.#programs.set(peer, channel);
  }

  /** A program has gone. */
  removeProgram(peer: PeerId): void {
    this.#programs.delete(peer);
  }
}

/** @returns a node as services call it */
export function asPeerId(nodeId: NodeId): PeerId {
  return peerId(nodeId);
}

/** @returns the node that services call so */
export function asNodeId(peer: PeerId): NodeId {
  return peer as string as NodeId;
}
