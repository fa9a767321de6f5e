/**
 * A name server: its zone, its sockets, and the handle on both.
 * @module
 */

import { type Counters, type Logger, silentLogger } from "../base/mod.ts";
import {
  Authority,
  type DnsCounter,
  dnsCounters,
  DomainName,
  Forwarder,
  reverseOrigins,
  SearchGuard,
} from "../dns/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../host/mod.ts";
import { Endpoint, type IpAddress } from "../net/mod.ts";
import { dialTcp, listenTcp, openUdp, PortInUseError, type StreamListener } from "../transport/mod.ts";
import { DEFAULT_DNS_ZONE, type DnsConfig, parseZone } from "./dns_config.ts";
import { DnsHandle } from "./dns_handle.ts";
import { QueryService } from "./query_service.ts";
import { TcpService } from "./tcp_service.ts";
import { bindSocket, UdpFrontend, type UnservedSocket } from "./udp_frontend.ts";
import { UpstreamSockets } from "./upstream_sockets.ts";

/** One member may keep half of a worker busy, not all of it. */
const QUERIES_PER_SECOND = 100_000;
const DIAL_TIMEOUT_MS = 1500;
/** A port that is free for UDP may be taken for TCP. */
const MAX_PORT_ATTEMPTS = 8;
const DEFAULT_SERVER_LABEL = "ns";

/**
 * A DNS server for one zone and the names of addresses, over UDP and TCP.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Endpoint, IpAddress } from "../net/mod.ts";
 * import { DnsServer } from "./dns_server.ts";
 * const loopback = new Endpoint(IpAddress.fromBytes(Uint8Array.of(127, 0, 0, 1)), 0);
 * await using handle = await new DnsServer({ listen: [loopback] }).start();
 * handle.add({ name: "db", type: "A", data: "10.200.0.9" });
 * assert.equal(handle.list()[0]?.name, "db.weft.internal.");
 * ```
 */
export class DnsServer {
  readonly #config: DnsConfig;
  readonly #logger: Logger;
  readonly #zone: DomainName;
  readonly #name: DomainName;

  /** Opens nothing before `start`. @throws InvalidRecordError when the zone, the name or a suffix is none */
  constructor(config: DnsConfig, logger: Logger = silentLogger) {
    this.#config = config;
    this.#logger = logger;
    this.#zone = parseZone(config.zone ?? DEFAULT_DNS_ZONE);
    const { name = DEFAULT_SERVER_LABEL } = config;
    this.#name = name.endsWith(".") ? parseZone(name) : parseZone(`${name}.${this.#zone}`);
    config.forward?.forEach(({ suffix }) => parseZone(suffix));
  }

  /**
   * Opens the sockets and begins to answer.
   * @throws PortInUseError, SocketError; then nothing is left open
   */
  async start(): Promise<DnsHandle> {
    const { cidrs = [], listen } = this.#config;
    const counters = dnsCounters();
    const authority = new Authority({
      origins: [this.#zone, ...cidrs.flatMap(reverseOrigins)],
      server: this.#name,
      // RFC 1912 §2.2 wants it to grow; a server that starts again is later than it was.
      serial: Math.floor(systemClock.wall() / 1000),
    });
    await using stack = new AsyncDisposableStack();
    const endpoints: Endpoint[] = [];
    const sockets: UnservedSocket[] = [];
    const service = this.#service(authority, counters, () => endpoints.map(({ address }) => address));
    stack.defer(() => service.close());
    const tcp = new TcpService(service, systemTimers, this.#config.limits?.tcp);
    stack.defer(() => tcp.close());
    for (const endpoint of listen) {
      const { socket, listener } = this.#openBoth(endpoint);
      const serving = tcp.serve(listener);
      stack.defer(() => socket.close());
      stack.defer(() => {
        listener.close();
        // The port is free when the `accept` under way has ended: the next server may be about to open it.
        return serving;
      });
      endpoints.push(new Endpoint(endpoint.address, socket.port));
      sockets.push(socket);
    }
    const mayFallBack = (this.#config.sockets ?? "auto") === "auto";
    const frontend = await UdpFrontend.serve({ sockets, endpoints, service, mayFallBack, log: this.#logger });
    stack.defer(() => frontend.close());
    service.probeUpstreams();
    this.#logger.debug("serving names", { zone: `${this.#zone}`, endpoints: endpoints.join(", ") });
    return new DnsHandle({ authority, service, frontend, endpoints, resources: stack.move() });
  }

  /** Opens the same port for UDP and TCP; when any will do, one that is free for both. */
  #openBoth(
    { address, port }: Endpoint,
  ): { readonly socket: UnservedSocket; readonly listener: StreamListener } {
    for (let attempt = 1;; attempt++) {
      const socket = bindSocket(new Endpoint(address, port), this.#config.sockets ?? "auto");
      try {
        return { socket, listener: listenTcp({ address, port: socket.port }) };
      } catch (error) {
        socket.close();
        if (port !== 0 || attempt === MAX_PORT_ATTEMPTS || !(error instanceof PortInUseError)) throw error;
      }
    }
  }

  #service(
    authority: Authority,
    counters: Counters<DnsCounter>,
    ownAddresses: () => readonly IpAddress[],
  ): QueryService {
    const { forward = [], searched = [], clients, limits = {} } = this.#config;
    const routes = forward.map(({ suffix, servers }) => ({ suffix: parseZone(suffix), servers }));
    const forwarder = new Forwarder<never>({
      routes,
      probes: true,
      counters,
      random: systemRandom,
      ...limits.forward && { limits: limits.forward },
    });
    const domains = searched.flatMap((name) => DomainName.parse(name) ?? []);
    return new QueryService({
      authority,
      guard: new SearchGuard(authority, domains),
      forwarder,
      counters,
      clock: systemClock,
      timers: systemTimers,
      upstream: new UpstreamSockets({
        openUdp: () => openUdp({ port: 0 }),
        dialTcp: (server, signal) => dialTcp(server, { timeoutMs: DIAL_TIMEOUT_MS, signal }),
      }, counters),
      clients,
      queriesPerSecond: limits.queriesPerSecond ?? QUERIES_PER_SECOND,
      ownAddresses,
    });
  }
}
