/**
 * The members and programs that services talk to: who they are, and the channels to them.
 * @module
 */

import type { Channel } from "../../channel/mod.ts";
import type { MeshState, NodeId } from "../../mesh/mod.ts";
import { Selector } from "../../policy/mod.ts";
import {
  type ClaimOutcome,
  isProgram,
  type MemberInfo,
  type PeerId,
  peerId,
  type PeerLinks,
  type PostOutcome,
  type ServicePeers,
  type ServiceStream,
  type TopicPath,
  type TopicPattern,
} from "../../service/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import type { Authority } from "../authority/mod.ts";
import type { LeaderCoordinator } from "../leaders/mod.ts";
import type { MessagePlane } from "../links/mod.ts";
import type { MemberFinder } from "../member_finder.ts";
import { SERVICE_TOPIC } from "./early_message_gate.ts";

/** A channel says something more often, unless its other end is away: 10 s of silence have it asked. */
const QUIET_MS = 12_000;

/** What tunnels say of members; a node without a packet plane knows nothing. */
export interface MemberHealth {
  readonly checker: {
    /** @returns undefined where nothing is known */
    figures(nodeId: NodeId): { readonly healthy: boolean } | undefined;
  };
  /** @returns whether packets between this host and a member arrive */
  hasTunnel(nodeId: NodeId): boolean;
}

/** The node with what is made anew after its keys have changed; undefined while it does not run. */
export interface RunningNode {
  readonly session: {
    readonly messages: MessagePlane;
    readonly health: MemberHealth;
    readonly leaders: Pick<LeaderCoordinator, "elected" | "claim">;
  } | undefined;
}

/** Finds members and the channels to them, which it dials on demand, and those to programs. */
export class MeshPeers implements PeerLinks, ServicePeers {
  readonly #mesh: MeshState;
  readonly #authority: Authority;
  readonly #members: MemberFinder;
  readonly #node: RunningNode;
  readonly #servicesOf: (peer: PeerId) => readonly string[];
  readonly #programs = new Map<PeerId, Channel>();

  /** @param servicesOf the paths of the services that a node offers */
  constructor(
    { mesh, authority, members }: Pick<AgentContext, "mesh" | "authority" | "members">,
    node: RunningNode,
    servicesOf: (peer: PeerId) => readonly string[],
  ) {
    this.#mesh = mesh;
    this.#authority = authority;
    this.#members = members;
    this.#node = node;
    this.#servicesOf = servicesOf;
  }

  get self(): PeerId {
    return asPeerId(this.#mesh.identity.id);
  }

  members(): readonly MemberInfo[] {
    return this.#mesh.roster.members().map(({ record: { nodeId, name, addresses, labels, roles } }) => {
      const id = asPeerId(nodeId);
      const isSelf = id === this.self;
      return {
        id,
        name,
        addresses: addresses.map(String),
        labels,
        roles,
        isSelf,
        isHealthy: isSelf || this.isHealthy(id),
      };
    });
  }

  nameOf(peer: PeerId): string | undefined {
    return this.#record(peer)?.name;
  }

  find(text: string): PeerId | undefined {
    const nodeId = this.#members.find(text);
    return nodeId && asPeerId(nodeId);
  }

  isHealthy(peer: PeerId): boolean {
    if (this.#record(peer) === undefined) return false;
    // A channel that is cut off stays open for half a minute, and its peer would be asked all the while.
    const { silentMs = Infinity } = this.channel(peer) ?? {};
    if (silentMs < QUIET_MS) return true;
    return this.#node.session?.health.checker.figures(asNodeId(peer))?.healthy ?? true;
  }

  isOperator(peer: PeerId): boolean {
    return this.#record(peer)?.roles.includes("leader") ?? false;
  }

  mayOffer(peer: PeerId, path: TopicPath): boolean {
    return this.#authority.mayOffer(asNodeId(peer), path);
  }

  mayPublish(peer: PeerId, topic: TopicPath): boolean {
    return this.#authority.mayPublish(asNodeId(peer), topic);
  }

  maySubscribe(peer: PeerId, pattern: TopicPattern): boolean {
    return this.#authority.maySubscribe(asNodeId(peer), pattern);
  }

  hearingRights(peer: PeerId): string {
    return this.#authority.hearingRights(asNodeId(peer));
  }

  mayJoinGroup(peer: PeerId, group: string): boolean {
    return this.#authority.mayJoinGroup(asNodeId(peer), group);
  }

  ownersOf(path: TopicPath): readonly string[] {
    return Array.from(this.#authority.ownersAbove(path), (nodeId) => this.nameOf(asPeerId(nodeId)) ?? nodeId);
  }

  async claim(path: TopicPath): Promise<ClaimOutcome> {
    try {
      return await this.#node.session?.leaders.claim(path) ?? "unanswered";
    } catch {
      // A full disk, or a node that stops: it is asked again.
      return "unanswered";
    }
  }

  selector(text: string): (peer: PeerId) => boolean {
    const selector = Selector.parse(text);
    return (peer) => {
      const record = this.#record(peer);
      if (record === undefined) return false;
      const { name, labels, addresses, roles } = record;
      return selector.matches({ name, labels, addresses, roles, services: this.#servicesOf(peer) });
    };
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
    return await this.#node.session?.messages.reach(asNodeId(peer)) ?? false;
  }

  openStream(peer: PeerId, header: Uint8Array): ServiceStream | undefined {
    const stream = this.channel(peer)?.openStream(SERVICE_TOPIC, header);
    return stream?.resetCode === undefined ? stream : undefined;
  }

  rttMs(peer: PeerId): number | undefined {
    return this.channel(peer)?.lastRttMs;
  }

  linked(): readonly PeerId[] {
    return this.#node.session?.messages.links.all().map(({ nodeId }) => asPeerId(nodeId)) ?? [];
  }

  /** @returns the open channel to a peer; undefined when there is none, or it is about to close */
  channel(peer: PeerId): Channel | undefined {
    const channel = isProgram(peer)
      ? this.#programs.get(peer)
      : this.#node.session?.messages.links.get(asNodeId(peer))?.channel;
    // What a closing channel does not take would be tried again and again without a pause.
    return channel?.isOpen ? channel : undefined;
  }

  /** @returns the address at which this host's programs reach a member; undefined where no tunnel to it has worked */
  tunnelAddress(peer: PeerId): string | undefined {
    const record = this.#record(peer);
    if (record === undefined || this.#node.session?.health.hasTunnel(record.nodeId) !== true) {
      return undefined;
    }
    return record.addresses[0]?.toString();
  }

  addProgram(peer: PeerId, channel: Channel): void {
    this.#programs.set(peer, channel);
  }

  removeProgram(peer: PeerId): void {
    this.#programs.delete(peer);
  }

  #record(peer: PeerId) {
    return this.#mesh.roster.get(asNodeId(peer))?.record;
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
