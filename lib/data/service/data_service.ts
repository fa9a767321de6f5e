/**
 * `$data`: the service by which programs of a node open, drop and move its collections and queues. Members may ask nothing.
 * @module
 */

import { ActionError, isProgram, type PeerId, type ServiceDefinition } from "../../service/mod.ts";
import type { CollectionModel } from "../collection_schema.ts";
import type { CollectionSpec } from "../engine.ts";
import type { QueueSpec } from "../queue_engine.ts";
import type { CollectionMover } from "./collection_mover.ts";
import { told } from "./failure.ts";
import type { Opened } from "./ownership.ts";
import { readFields } from "./requests.ts";

/** The path of the service. */
export const DATA_SERVICE = "$data";

/** A collection, and what a program says of its values. */
export interface CollectionRequest extends CollectionSpec {
  /** What its values are like; of one that is spread, nobody keeps it. */
  readonly model?: CollectionModel;
}

/** A collection as a program opens it. */
export interface OpenRequest extends CollectionRequest {
  /** How it is to be spread. */
  readonly shards?: unknown;
}

/** A collection that was opened. */
export interface OpenedCollection extends Opened {
  /** Whether it is spread, with this node as its home. */
  readonly isSharded?: boolean;
}

/** What programs of a node may have done. What they send is checked by it. */
export interface ProgramRequests {
  open(request: OpenRequest): Promise<OpenedCollection>;
  drop(name: string): Promise<boolean>;
  openQueue(spec: QueueSpec): Promise<Opened>;
  dropQueue(name: string): Promise<boolean>;
}

/** @returns the service */
export function dataService(
  host: ProgramRequests,
  mover: Pick<CollectionMover, "start" | "abort" | "report">,
): ServiceDefinition {
  const guarded = (work: (params: unknown) => Promise<unknown>, idempotent = true) => ({
    idempotent,
    handler: (params: unknown, { caller }: { readonly caller: PeerId | undefined }) => {
      if (caller === undefined || isProgram(caller)) return told(() => work(params));
      throw new ActionError("Refused", "Only programs of this machine may ask that");
    },
  });
  const nameOf = (params: unknown) => String(readFields(params)["name"]);
  const read = <T>(params: unknown) => readFields(params) as unknown as T;
  return {
    path: DATA_SERVICE,
    description: "The collections and queues that this node owns",
    actions: {
      open: guarded((params) => host.open(read(params))),
      drop: guarded(async (params) => ({ dropped: await host.drop(nameOf(params)) }), false),
      // It may take longer than a call: who asks is told how far it is.
      move: guarded((params) => mover.start(nameOf(params), readFields(params)["to"])),
      abortMove: guarded(async (params) => ({ aborted: await mover.abort(nameOf(params)) })),
      moving: guarded((params) => mover.report(nameOf(params))),
      openQueue: guarded((params) => host.openQueue(read(params))),
      dropQueue: guarded(async (params) => ({ dropped: await host.dropQueue(nameOf(params)) }), false),
    },
  };
}
