/**
 * A node in a page: a member without a packet plane and without a listener, which dials by WebSocket and calls services.
 *
 * ```
 *   joinNetwork ─▶ MeshState ─▶ MessagePlane ─▶ webSocketDial ─▶ ws:// or wss:// of a leader or member
 *                      ▲            │  ▲
 *              MemoryStateStore     ▼  └─ LeaderCoordinator
 *                           MeshPeers, AdvertSync ─▶ NodeRuntime
 * ```
 *
 * These are the agent's own parts. What is not here needs the host: interface, resolver, discovery, forwarding, overlay
 * networks. Policies are not compiled here, so a page offers nothing: whoever provides a service decides who calls it.
 * @module
 */

import {
  type Environment,
  type Logger,
  memoryAccount,
  MemoryStateStore,
  silentLogger,
  type Timers,
  withTimeout,
} from "../../base/mod.ts";
import { type Channel, channelCounters } from "../../channel/mod.ts";
import { DEFAULT_DNS_ZONE } from "../../config/mod.ts";
import { IpAllocator } from "../../ipam/mod.ts";
import { type JoinParameters, JoinToken, type Member, type MeshOptions, MeshState } from "../../mesh/mod.ts";
import type { Endpoint } from "../../net/mod.ts";
import {
  type CallOptions,
  type EventHandler,
  NodeRuntime,
  peerId,
  type SubscribeOptions,
  type SubscriptionHandle,
} from "../../service/mod.ts";
import type { StreamListener } from "../../transport/mod.ts";
import { Authority } from "../authority/mod.ts";
import { InvalidTokenError, JoinRefusedError } from "../errors.ts";
import { joinNetwork } from "../join/mod.ts";
import { LeaderCoordinator } from "../leaders/mod.ts";
import { MessagePlane } from "../links/mod.ts";
import { MemberFinder } from "../member_finder.ts";
import { AdvertSync, asPeerId, EarlyMessageGate, MeshPeers } from "../peers/mod.ts";
import { pageCompressor } from "./page_compressor.ts";
import { pageEnvironment } from "./page_environment.ts";
import { type OpenSocket, webSocketDial } from "./web_socket_dial.ts";

/** A page that is gone, and did not say so, is removed after ten minutes. */
const AWAY_MS = 600_000;
/** How long a page that leaves waits for a leader. */
const LEAVE_TIMEOUT_MS = 2_000;
/** Whose memory those use together who are no members yet. */
const NEWCOMERS = peerId("newcomers");
/** Resets a stream that nothing here takes. */
const NOT_HERE = 1;

/** Who the page is, and what it takes of the browser. */
export interface PageNodeOptions {
  /** What others call it: letters, digits and hyphens. */
  readonly name: string;
  /** Opens WebSockets; the browser's own unless given. */
  readonly openSocket?: OpenSocket;
  /** Where messages of the log go; nowhere unless given. */
  readonly logger?: Logger;
}

/** One link of a page. */
export interface PageLink {
  /** The other member. */
  readonly name: string;
  /** Its URL, its endpoint, or through whom the link goes. */
  readonly at: string;
  /** Whether the link goes straight, by the URL that a leader states, or through another member. */
  readonly way: "direct" | "web" | "relay" | "tunnel";
  /** The latest round trip in milliseconds; undefined before the first. */
  readonly rttMs: number | undefined;
}

/**
 * A member of a network in a page. Its keys are in memory and end with the page; it is removed when it leaves, or ten
 * minutes after its page was closed.
 */
export class PageNode {
  readonly #mesh: MeshState;
  readonly #runtime: NodeRuntime;
  readonly #messages: MessagePlane;
  readonly #leaders: LeaderCoordinator;
  readonly #resources = new DisposableStack();
  readonly #timers: Timers;
  #isStopped = false;

  private constructor(mesh: MeshState, parts: PageParts) {
    const { clock, timers, random, log } = parts;
    this.#mesh = mesh;
    this.#timers = timers;
    const authority = new Authority(mesh);
    this.#resources.defer(() => authority.close());
    const members = new MemberFinder(mesh, DEFAULT_DNS_ZONE, () => this.#leaders.elected);
    const messages = () => this.#messages;
    const leaders = () => this.#leaders;
    const session = {
      get messages() {
        return messages();
      },
      get leaders() {
        return leaders();
      },
      health: { checker: { figures: () => undefined }, hasTunnel: () => false },
    };
    const peers = new MeshPeers(
      { mesh, authority, members },
      { session },
      (peer) =>
        this.#runtime.directory.advertsOf(peer).flatMap(({ services }) => services).map(({ path }) => path),
    );
    const runtime = this.#runtime = new NodeRuntime({
      ...{ clock, timers, random, log, links: peers, peers },
      compressor: pageCompressor,
      onAdvertChange: () => adverts.advertiseSoon(),
    });
    const adverts = new AdvertSync({ mesh, authority, timers, log }, runtime, () => {});
    this.#resources.defer(mesh.replica.subscribe(adverts));
    const gates = new WeakMap<Channel, EarlyMessageGate>();
    const openGate = ({ nodeId, channel }: { nodeId: typeof mesh.identity.id; channel: Channel }) =>
      gates.get(channel)?.open(asPeerId(nodeId));
    this.#messages = new MessagePlane({
      ...{ clock, timers, random, log },
      identity: mesh.identity,
      networkId: mesh.network.id,
      verifyingKey: mesh.network.verifyingKey,
      replica: mesh.replica,
      listener: new NoListener(),
      counters: channelCounters(),
      dial: parts.dial,
      endpoints: { channelEndpoints: (member) => channelEndpoints(member, mesh.bootstrap) },
      isWilling: () => false,
      tokenKey: () => undefined,
      serveJoin: () => Promise.resolve(),
      renew: () => false,
      onLeaderMessage: (nodeId, message) => this.#leaders.handleMessage(nodeId, message),
      onSuspicion: (from, about) => this.#leaders.handleSuspicion(from, about),
      onPathMessage: () => {},
      services: {
        prepare: (channel) => {
          const record = mesh.roster.recordByKey(channel.remoteStatic);
          const origin = record === undefined ? NEWCOMERS : asPeerId(record.nodeId);
          channel.limitMemory(memoryAccount(runtime.memory, origin));
          gates.set(
            channel,
            new EarlyMessageGate(channel, runtime, (_peer, _header, stream) => stream.reset(NOT_HERE)),
          );
        },
        handleLink: (link) => {
          openGate(link);
          runtime.handleLink(asPeerId(link.nodeId));
          this.#leaders.handleLink(link.nodeId);
        },
        handleSpareLink: openGate,
        handleLinkClosed: (nodeId) => {
          const peer = asPeerId(nodeId);
          runtime.handleLinkLost(peer, peers.channel(peer) === undefined);
          this.#leaders.handleLinkClosed(nodeId);
        },
      },
    });
    this.#leaders = new LeaderCoordinator({
      ...{ mesh, authority, clock, timers, log },
      messages: this.#messages,
      names: undefined,
      overlayEndpoints: { serve: () => ({ answer: { kind: "refused" } }) },
    });
    mesh.replica.deliverEvents();
    this.#messages.start();
    this.#leaders.start();
    adverts.start();
    this.#resources.defer(() => adverts.close());
  }

  /**
   * Joins the network that a token invites to, under new keys.
   * @throws InvalidTokenError when it is malformed, truncated or expired; UnreachableError when no leader answers;
   * JoinRefusedError when one says no
   */
  static async join(text: string, options: PageNodeOptions): Promise<PageNode> {
    const token = JoinToken.parse(text.trim());
    if (!(token instanceof JoinToken)) {
      throw new InvalidTokenError(`Cannot use that token: ${token.problem}`, {
        hint: "Copy the whole line that the leader printed.",
      });
    }
    const environment = pageEnvironment(options.logger ?? silentLogger);
    if (token.expiresAt <= environment.clock.wall()) {
      throw new InvalidTokenError("Cannot use that token: it has expired", { hint: "Ask for a new one." });
    }
    const host = { ...environment, addressPool: (cidr) => new IpAllocator(cidr) } satisfies MeshOptions;
    const store = new MemoryStateStore();
    const dial = webSocketDial(options.openSocket ?? ((url) => new WebSocket(url)));
    const wanted: JoinParameters = {
      name: options.name,
      ephemeralMs: AWAY_MS,
      ...{ endpoints: [], channelEndpoints: [], labels: {}, isRootless: true, relays: false },
    };
    const identity = MeshState.prepareJoin(store, environment.random);
    const admitted = await joinNetwork(token, identity, wanted, { ...environment, dial, search: NO_SEARCH });
    const mesh = MeshState.completeJoin(store, { ...host, admitted, token });
    if (!(mesh instanceof MeshState)) {
      throw new JoinRefusedError(`Cannot join: ${mesh.problem}`, { hint: "Ask for a new token." });
    }
    return new PageNode(mesh, { ...environment, dial });
  }

  /** What others call it. */
  get name(): string {
    return this.#mesh.record.name;
  }

  /** The links that it has now. */
  get links(): readonly PageLink[] {
    return this.#messages.links.all().map(({ nodeId, channel, way }) => ({
      name: this.#mesh.roster.get(nodeId)?.record.name ?? nodeId,
      at: channel.remoteAddress,
      way: way.kind,
      rttMs: channel.lastRttMs,
    }));
  }

  /** Calls an action, `math/add`, of whoever offers it. @throws CallError */
  async request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result> {
    return await this.#runtime.request<Result>(path, params, options);
  }

  /** Has a handler get the events of a topic, or of those that match a pattern. @throws InvalidTopicError */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle {
    return this.#runtime.subscribe(pattern, handler, options);
  }

  /** Leaves the network and closes its links; waits two seconds at most for a leader. Harmless when repeated. */
  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    await this.#runtime.close();
    await withTimeout(this.#timers, LEAVE_TIMEOUT_MS, this.#leaders.acts.leave().catch(() => {}));
    this.#resources.dispose();
    this.#leaders.close();
    await this.#messages.close();
  }
}

interface PageParts extends Environment {
  readonly dial: ReturnType<typeof webSocketDial>;
}

/** Where the token said that a leader is, and where a member says that it is, unless that is the page's own host. */
function channelEndpoints({ record, statement }: Member, bootstrap: MeshState["bootstrap"]): Endpoint[] {
  const told = bootstrap?.publicKey.equals(record.publicKey) ? bootstrap.endpoints : [];
  const stated = statement?.channelEndpoints ?? [];
  return [
    ...told,
    ...stated.filter(({ address }) => {
      const one = address.unmapped();
      return !one.isLoopback && !one.isLinkLocal && !one.isMulticast && !one.isUnspecified;
    }),
  ];
}

/** A page knows no network to look around in. */
const NO_SEARCH = {
  isAllowed: false,
  timeoutMs: 0,
  seek: () => Promise.resolve(),
  lanEndpoints: () => [],
  dhtEndpoints: () => [],
} as const;

/** A page is never dialled. */
class NoListener implements StreamListener {
  readonly localPort = 0;
  readonly #closed = Promise.withResolvers<undefined>();

  accept(): Promise<undefined> {
    return this.#closed.promise;
  }

  close(): void {
    this.#closed.resolve(undefined);
  }
}
