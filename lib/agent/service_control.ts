/**
 * What may be asked of a running agent about services, whoever asks: the control socket, the library, a test.
 * @module
 */

import type { BroadcastMode, CallMode, EventStream, PublishReport, ServiceReport } from "../service/mod.ts";

/** A service, and whose. */
export interface ServiceChange {
  /** As `GET /services` shows it. */
  readonly path: string;
  /** A name, id or address; this node unless told. */
  readonly node?: string;
}

/** A call, as the library's `request` takes it. */
export interface CallRequest {
  /** `service/action`. */
  readonly path: string;
  /** Whatever JSON can say; absent for none. */
  readonly params?: unknown;
  /** Milliseconds until it fails with `Timeout`; 10,000 unless told. */
  readonly timeoutMs?: number;
  readonly mode?: CallMode;
  /** The one node that has to answer, by name, id or address. */
  readonly node?: string;
}

/** An event, as the library's `publish` takes it. */
export interface PublishRequest {
  readonly topic: string;
  /** Whatever JSON can say; absent for none. */
  readonly data?: unknown;
  /** Whether it is kept as the topic's last one. */
  readonly retain?: boolean;
  readonly mode?: BroadcastMode;
}

/** A TCP service of this machine that the mesh is to reach at a port of this node. */
export interface OfferRequest {
  /** In the mesh, 1 to 65535. */
  readonly port: number;
  /** Where the service is; 127.0.0.1 unless told. */
  readonly hostname?: string;
  /** The same port unless told. */
  readonly targetPort?: number;
  /** A selector such as `role=web`; every member unless told. */
  readonly allow?: string;
}

/** An offer, until it is closed. */
export interface OpenOffer {
  readonly port: number;
  /** Ends it, and its connections. Harmless when repeated. */
  close(): Promise<void>;
}

/** What the status says of services. */
export interface ServicesReport {
  /** How many services are known, wherever they run. */
  readonly services: number;
  /** Those that offer them, one for each service: those that run on a node that answers, and all others. */
  readonly providers: { readonly healthy: number; readonly unhealthy: number };
  /** Calls that wait for an answer, and calls of others that run here. */
  readonly calls: { readonly pending: number; readonly running: number };
  /** Programs of this machine that are attached. */
  readonly programs: number;
  /** Messages that could not be read. */
  readonly rejected: number;
  /** Providers that are spared because they failed. */
  readonly openBreakers: number;
}

/** The operations. Failures are WeftErrors: a `CallError` by its own code, `InvalidTopic`, `InvalidRequest`. */
export interface ServiceControl {
  /** @returns all services that are known, sorted by path */
  listServices(): readonly ServiceReport[];
  /** Turns the calls of a service away until it is resumed. @returns whether it was running */
  pauseService(change: ServiceChange): Promise<boolean>;
  /** @returns whether it was paused */
  resumeService(change: ServiceChange): Promise<boolean>;
  /** @returns what the handler has answered, a ReadableStream when it streams @throws CallError */
  call(request: CallRequest, signal: AbortSignal): Promise<unknown>;
  publish(request: PublishRequest): Promise<PublishReport>;
  /** @param options.past whether events that were kept come first @throws InvalidTopicError */
  subscribe(pattern: string, options: { readonly past: boolean }): EventStream;
  /** @returns the name of a publisher; this node's own when undefined */
  publisherName(peer: string | undefined): string;
  /** Lets the mesh reach a TCP service of this machine. */
  offer(request: OfferRequest): OpenOffer;
}
