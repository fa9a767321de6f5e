/**
 * What a `Node` stands on, whichever way it is in the mesh.
 * @module
 */

import type { DialRefusal, Duplex } from "../../forward/mod.ts";
import type { ServiceRuntime } from "../../service/mod.ts";
import type { IncomingConnection, ListenOptions, PortListener } from "./stream_forwarder.ts";

/** What a node stands on: an agent of its own, or the machine's. */
export interface NodeParts {
  readonly runtime: ServiceRuntime;
  readonly name: string;
  readonly closed: Promise<void>;
  dial(host: string, port: number, signal: AbortSignal): Promise<Duplex | DialRefusal>;
  listen(
    port: number,
    accept: (connection: IncomingConnection) => void,
    options?: ListenOptions,
  ): PortListener;
  stop(): Promise<void>;
}
