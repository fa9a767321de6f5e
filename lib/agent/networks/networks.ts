/**
 * The overlay networks of a running node: what there is, what this host carries of it, and what leaders are asked.
 * @module
 */

import type { NetworkReport, OverlayEndpointReport } from "../../api/mod.ts";
import { sleep, WeftError } from "../../base/mod.ts";
import type { FramePlane, PortEvent } from "../../dataplane/mod.ts";
import type { DriverRegistry } from "../../../drivers/mod.ts";
import {
  isAboutStatement,
  type MemberAnswer,
  type MemberRecord,
  type MemberRequest,
  type NodeId,
} from "../../mesh/mod.ts";
import {
  ENDPOINT_KIND,
  type EndpointConfig,
  endpointKey,
  InvalidEndpointError,
  NETWORK_KIND,
  NotInitializedManagerError,
  readEndpointConfig,
  UnknownNetworkError,
} from "../../overlay/mod.ts";
import type { AgentContext } from "../agent_context.ts";
import { DriverTable } from "./driver_table.ts";
import { EndpointActs } from "./endpoint_acts.ts";
import { alreadyAsked, EndpointRequests } from "./endpoint_requests.ts";
import { FrameChannels } from "./frame_channels.ts";
import { type HostDevices, hostDevices } from "./host_devices.ts";
import { LocalEndpoints } from "./local_endpoints.ts";
import { LocalOptions } from "./local_options.ts";
import { EntrySigner, NetworkActs } from "./network_acts.ts";
import { GATEWAY_ENDPOINT, type KnownNetwork, NetworkBook, requireEndpoint } from "./network_book.ts";
import { endpointReport, networkReport, type ReportSources } from "./network_reports.ts";
import { isOwn } from "./desired_frames.ts";
import { OwnNeeds } from "./own_needs.ts";
import { NetworkSync } from "./network_sync.ts";
import { type HostInterface, underlayAddress, underlayInterface } from "./underlay_place.ts";

/** What changes together is carried out together. */
const PAUSE_MS = 5;
const PAUSE_FACTOR = 4;
/** So often and so long the device of an endpoint that is asked for again waits for its former one. */
const [MAX_WAITS, WAIT_MS] = [100, 20];

/** What it is made of. */
export interface NetworksParts {
  readonly context: Pick<
    AgentContext,
    "mesh" | "store" | "options" | "clock" | "timers" | "log" | "endpoints"
  >;
  readonly drivers: DriverRegistry;
  /** @returns the first answer of a leader; undefined when none answers */
  readonly askLeaders: (request: MemberRequest) => Promise<MemberAnswer | undefined>;
  /** Those of this host unless given. */
  readonly devices?: HostDevices;
  /** @returns the addresses of this host's interfaces */
  readonly hostInterfaces?: () => readonly HostInterface[];
}

/** Carries frames, once it is started. */
export interface RunningFrames {
  readonly frames: FramePlane;
  /** Whether it takes superpackets with virtio headers. */
  readonly hasHeader: boolean;
}

/** From the start of the agent to its end. */
export class Networks {
  readonly book: NetworkBook;
  /** What leaders do with networks. */
  readonly acts: NetworkActs;
  /** What leaders do with endpoints. */
  readonly endpointActs: EndpointActs;
  /** Packets to and from members without a packet plane. */
  readonly channels: FrameChannels;
  readonly #parts: NetworksParts;
  readonly #context: NetworksParts["context"];
  readonly #options: LocalOptions;
  readonly #requests: EndpointRequests;
  readonly #drivers: DriverTable;
  readonly #unsubscribe: () => void;
  /** Endpoints that are asked for now. */
  readonly #pending = new Set<string>();
  readonly #needs: OwnNeeds;
  #lastNumber = 0;
  /** How long the last sync took. */
  #tookMs = 0;
  #running:
    | (RunningFrames & {
      readonly local: LocalEndpoints;
      readonly sync: NetworkSync;
      readonly devices: HostDevices;
    })
    | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  /** @throws StateError when what is stored of this host's endpoints is damaged */
  constructor(parts: NetworksParts) {
    this.#parts = parts;
    const { mesh, store, clock, timers } = this.#context = parts.context;
    this.#drivers = new DriverTable(parts.drivers);
    this.#options = new LocalOptions(store);
    this.channels = new FrameChannels(clock, (nodeId, packet) => {
      this.#running?.frames.receiveFromChannel(nodeId, packet);
    });
    const book = this.book = new NetworkBook(mesh);
    const signer = new EntrySigner(mesh, book);
    const common = {
      mesh,
      book,
      clock,
      driverOf: (type: string) => this.#drivers.require(type),
      meshMtuBytes: this.#context.options.mtuBytes,
    };
    this.acts = new NetworkActs(common, signer);
    this.endpointActs = new EndpointActs(common, signer);
    this.#requests = new EndpointRequests({ ...parts, mesh, book, timers, acts: this.endpointActs });
    this.#needs = new OwnNeeds({
      ...this.#context,
      book,
      requests: this.#requests,
      ownId: () => this.#ownId,
      underlayAddress: (network) => this.#underlayAddress(network),
      isPending: (key) => this.#pending.has(key),
    });
    this.#unsubscribe = mesh.replica.subscribe({
      handleEntryEvent: ({ kind, key }) => {
        if (kind !== NETWORK_KIND && kind !== ENDPOINT_KIND) return;
        book.forgetEntry(kind, key);
        this.#syncSoon();
      },
      handleRosterEvent: (event) => {
        // Where a member is changes nothing of what it has.
        if (!isAboutStatement(event)) book.forget();
        this.#syncSoon();
      },
    });
  }

  /** Begins to carry frames, and makes the devices of this host's endpoints. */
  start(running: RunningFrames): void {
    const { mesh, clock, timers, log, options } = this.#context;
    const nextPort = () => ++this.#lastNumber;
    const devices = this.#parts.devices ?? hostDevices(this.#context);
    const local = new LocalEndpoints({
      open: devices.open,
      clock,
      timers,
      log,
      nextPort,
      onChange: () => this.#syncSoon(),
    });
    const sync = new NetworkSync({
      ...running,
      book: this.book,
      local,
      ownId: () => mesh.identity.id,
      ownAddresses: () => mesh.record.addresses.map(String),
      isRootless: options.rootless,
      isOnLink: (type) => this.#drivers.get(type)?.capabilities.transport.kind === "link",
      isRootlessMember: ({ nodeId }) => mesh.roster.get(nodeId)?.statement?.isRootless ?? false,
      mtuOf: (network) => this.#mtuOf(network),
      interfaceOf: ({ definition }) => underlayInterface(definition, this.#hostInterfaces()),
      optionsOf: (key) => this.#options.get(key),
      nextNumber: nextPort,
    });
    this.#running = { ...running, local, sync, devices };
    this.#context.endpoints.overlayDevices = () => local.deviceNames;
    this.#sync();
  }

  /** Something has happened at a port of the plane. */
  handlePortEvent(event: PortEvent): void {
    const local = this.#running?.local;
    if (event.kind === "channel-packet") return void this.channels.send(event.nodeId as NodeId, event.packet);
    if (local === undefined) return;
    if (event.kind === "port-released") local.handleReleased(event.port);
    else if (event.kind === "underlay-failed") this.#running?.sync.handleFailure(event.network, event);
    else if (event.kind === "loop") local.handleLoop(event.port, event.blockedMs);
    else if (event.kind === "port-gone" && local.handleGone(event.port)) this.#syncSoon();
  }

  /** What time alone brings about. @param isElected whether this node is the elected leader */
  lookAfter(isElected: boolean): void {
    if (isElected) this.endpointActs.lookAfter();
    this.#forgetOptions();
    if (this.#running !== undefined) this.#needs.look();
    this.#running?.sync.retry();
  }

  /** @param isBrief whether endpoints of other hosts are left out */
  reports(isBrief = false): readonly NetworkReport[] {
    const sources = this.#sources();
    return Array.from(this.book.networks.values(), (network) => networkReport(network, sources, isBrief));
  }

  /** @returns what is said of one network @throws UnknownNetworkError */
  report(text: string): NetworkReport {
    return networkReport(this.require(text), this.#sources());
  }

  /** @param text a name or an id @throws UnknownNetworkError */
  require(text: string): KnownNetwork {
    const network = this.book.find(text);
    if (network !== undefined) return network;
    throw new UnknownNetworkError(`Cannot find the network ${JSON.stringify(text)}: there is none`, {
      hint: "`weft network list` shows all.",
    });
  }

  /**
   * Has an endpoint signed for this node and makes its device, or neither.
   * @throws WeftError that says what is wrong
   */
  async addEndpoint(config: EndpointConfig): Promise<OverlayEndpointReport> {
    const running = this.#running;
    if (running === undefined) throw notRunning();
    const network = this.require(config.networkId);
    const { definition } = network;
    const wanted = readEndpointConfig(config, definition);
    const key = endpointKey({ network: definition.name, name: wanted.name });
    if (wanted.name === GATEWAY_ENDPOINT) {
      throw new InvalidEndpointError(
        `Cannot make the endpoint ${key}: the name is that of the network's gateway`,
      );
    }
    const before = this.book.endpoint({ network: definition.name, name: wanted.name });
    const wasOwn = before !== undefined && isOwn(before, this.#ownId);
    const optionsBefore = wasOwn ? this.#options.get(key) : undefined;
    if (this.#pending.has(key)) throw alreadyAsked(key);
    this.#pending.add(key);
    try {
      // Others may tell of it before the leader does, and this process may end before that.
      if (!wasOwn) this.#options.set(key, config.options ?? {});
      await this.#requests.add(network, wanted, this.#underlayAddress(network));
      this.#options.set(key, config.options ?? {});
      this.#sync();
      for (let waits = 0; waits < MAX_WAITS && running.local.isWaiting(key); waits++) {
        await sleep(this.#context.timers, WAIT_MS, new AbortController().signal);
      }
      const failure = running.local.failure(key);
      if (failure === undefined) return this.#endpointReport(definition.name, wanted.name);
      if (wasOwn) this.#options.set(key, optionsBefore);
      else await this.#takeBack(definition.name, wanted.name);
      throw failure instanceof WeftError ? failure : new InvalidEndpointError(
        `Cannot make the endpoint ${key}: ${failure instanceof Error ? failure.message : failure}`,
        { cause: failure },
      );
    } finally {
      this.#pending.delete(key);
      this.#syncSoon();
    }
  }

  /** @throws WeftError that says what is wrong */
  async removeEndpoint(network: string, name: string): Promise<OverlayEndpointReport> {
    const known = this.require(network);
    const endpoint = requireEndpoint(known, name);
    const report = endpointReport(known, endpoint, this.#sources());
    await this.#requests.remove(known, endpoint);
    this.#sync();
    return report;
  }

  /** @throws WeftError that says what is wrong */
  async moveEndpoint(network: string, name: string, to: MemberRecord): Promise<OverlayEndpointReport> {
    const known = this.require(network);
    await this.#requests.move(known, requireEndpoint(known, name), to);
    this.#sync();
    return this.#endpointReport(known.definition.name, name);
  }

  /** Takes everything back from the plane and the host; what is signed stays. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    this.#cancelTimer?.();
    const running = this.#running;
    if (running === undefined) return;
    const closed = running.local.close();
    running.sync.close();
    await closed;
    running.devices[Symbol.dispose]();
    this.#context.endpoints.overlayDevices = () => new Set();
    this.#running = undefined;
  }

  get #ownId(): NodeId {
    return this.#context.mesh.identity.id;
  }

  /** Much that changes takes a fifth of this thread at most. */
  #syncSoon(): void {
    if (this.#cancelTimer !== undefined || this.#isClosed || this.#running === undefined) return;
    const { timers, clock, log } = this.#context;
    this.#cancelTimer = timers.setTimer(Math.max(PAUSE_MS, PAUSE_FACTOR * this.#tookMs), () => {
      this.#cancelTimer = undefined;
      const startedAt = clock.now();
      try {
        this.#sync();
        this.#needs.look();
      } catch (error) {
        log.error("cannot follow overlay networks", { error });
      }
      this.#tookMs = clock.now() - startedAt;
    });
  }

  #sync(): void {
    if (!this.#isClosed) this.#running?.sync.sync();
  }

  async #takeBack(network: string, name: string): Promise<void> {
    const known = this.book.networks.get(network);
    const endpoint = known?.endpoints.get(name);
    this.#options.set(endpointKey({ network, name }), undefined);
    // It may be somebody else's by now, which a leader could remove as well.
    if (known === undefined || endpoint?.owner?.nodeId !== this.#ownId) return;
    try {
      await this.#requests.remove(known, endpoint);
    } catch (error) {
      this.#context.log.warn("cannot take an endpoint back", { endpoint: `${network}/${name}`, error });
    }
    this.#sync();
  }

  /** Of endpoints that are gone, or another host's now. */
  #forgetOptions(): void {
    for (const key of this.#options.keys) {
      const [network = "", name = ""] = key.split("/");
      const known = this.book.endpoint({ network, name });
      if (known?.owner?.nodeId !== this.#ownId && !this.#pending.has(key)) this.#options.set(key, undefined);
    }
  }

  #endpointReport(network: string, name: string): OverlayEndpointReport {
    const known = this.require(network);
    return endpointReport(known, requireEndpoint(known, name), this.#sources());
  }

  #sources(): ReportSources {
    const { mesh: { roster } } = this.#context;
    const running = this.#running;
    return {
      ownId: this.#ownId,
      nameOf: (nodeId) => roster.recordById(nodeId)?.name,
      identifierName: (type) => this.#drivers.get(type)?.capabilities.identifier.name,
      mtuOf: (network) => this.#mtuOf(network),
      optionsOf: (key) => this.#options.get(key),
      stateOf: (key) => running?.local.state(key),
      portCounts: (key) => {
        const port = running?.sync.portOf(key);
        return port === undefined ? undefined : running?.frames.portCounts(port);
      },
      failureOf: (name) => running?.sync.failures.get(name),
      networkCounts: (name) => {
        const number = running?.sync.numberOfNetwork(name);
        return number === undefined ? undefined : running?.frames.networkCounts(number);
      },
    };
  }

  #mtuOf({ definition }: KnownNetwork): number | undefined {
    const { options, mesh } = this.#context;
    return this.#drivers.mtuOf(definition, options.mtuBytes, mesh.cidr.family);
  }

  #underlayAddress({ definition }: KnownNetwork) {
    if (definition.plain === undefined) return undefined;
    const { endpoints } = this.#context;
    const stated = endpoints.own().endpoints.map(({ address }) => address);
    return underlayAddress(definition, this.#hostInterfaces(), stated, endpoints.overlay);
  }

  #hostInterfaces(): readonly HostInterface[] {
    const devices = this.#running?.local.deviceNames;
    const all = this.#parts.hostInterfaces?.() ?? Deno.networkInterfaces();
    return all.filter(({ name }) =>
      devices?.has(name) !== true && name !== this.#context.options.interfaceName
    );
  }
}

function notRunning(): NotInitializedManagerError {
  return new NotInitializedManagerError("Cannot do that now: overlay networks are not running", {
    hint: "The agent starts or stops; run the same again in a moment.",
    retryable: true,
  });
}
