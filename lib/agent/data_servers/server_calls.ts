/**
 * What members ask each other about servers of collections: leaders whether one can run there, hosts and leaders how it is,
 * and everybody for a collection or queue to be made.
 * @module
 */

import { WeftError } from "../../base/mod.ts";
import {
  type CollectionRequest,
  DataError,
  type LogHealth,
  type Opened,
  type QueueSpec,
} from "../../data/mod.ts";
import type { MemberRecord } from "../../mesh/mod.ts";
import {
  ActionError,
  type AnyActionDefinition,
  CallError,
  type CallOptions,
  isProgram,
  type PeerId,
  type ServiceDefinition,
} from "../../service/mod.ts";
import { isProgramPath } from "./server_entry.ts";
import type { ServerState } from "./server_process.ts";

/** The service of every member. */
export const NATS_SERVICE = "$nats";

/** How a host's server is. */
export interface ServerStatus {
  /** The server's own name. */
  readonly serverName: string;
  readonly state: ServerState;
  readonly version?: string;
  /** Of the program that is there now, where it is another one. */
  readonly installed?: string;
  readonly sinceMs?: number;
  readonly restarts?: number;
  readonly problem?: string;
  /** What its host hears from the servers. */
  readonly health?: LogHealth;
}

/** What servers keep. */
export type KeptKind = "collection" | "queue";
/** One of them that is to be made. */
export type KeptRequest = CollectionRequest | QueueSpec;

const MAKE_ACTIONS: Readonly<Record<KeptKind, string>> = { collection: "make", queue: "makeQueue" };

/** What answers. */
export interface NatsServiceParts {
  readonly isLeader: (caller: string) => boolean;
  probe(program: string | undefined): Promise<unknown>;
  status(): Promise<ServerStatus>;
  /** @returns the names of all that servers keep; undefined where nothing is kept by servers */
  kept(): Promise<readonly string[] | undefined>;
  /** @returns undefined where nothing is kept by servers */
  open(kind: KeptKind, request: KeptRequest): Promise<Opened | undefined>;
}

/** So many collections and queues a member has made at one host, until that starts again. */
const MAX_MADE = 16;
const MAKE_MS = 20_000;
const MAX_TEXT_LENGTH = 512;
/** More servers are not told of. */
const MAX_SERVERS = 8;
/** More of what they keep is not told of: it is something. */
const MAX_KEPT = 16;

/** @returns the service */
export function natsService({ isLeader, probe, status, kept, open }: NatsServiceParts): ServiceDefinition {
  const made = new Map<string, Set<string>>();
  const making = (kind: KeptKind): AnyActionDefinition => ({
    idempotent: true,
    handler: async (params: unknown, { caller }) => {
      const name = `${kind} ${String(fieldsOf(params)["name"]).slice(0, MAX_TEXT_LENGTH)}`;
      const of = made.get(`${caller}`) ?? new Set();
      if (!of.has(name) && of.size >= MAX_MADE) {
        throw new ActionError("TooLarge", `A member has ${MAX_MADE} collections and queues made at most`);
      }
      const opened = await told(() => open(kind, params as KeptRequest));
      if (opened === undefined) {
        throw new ActionError("OwnerAway", "This node keeps nothing by servers");
      }
      made.set(`${caller}`, of.add(name));
      return opened;
    },
  });
  return {
    path: NATS_SERVICE,
    description: "The server of collections of this node",
    actions: {
      probe: {
        idempotent: true,
        handler: async (params: unknown, { caller }) => {
          checkLeader(caller, isLeader);
          const { program } = fieldsOf(params);
          if (program !== undefined && !(typeof program === "string" && isProgramPath(program))) {
            throw refused("Nobody for that program");
          }
          return await told(() => probe(program as string | undefined));
        },
      },
      status: { idempotent: true, handler: () => status() },
      kept: {
        idempotent: true,
        handler: async (_: unknown, { caller }) => {
          checkLeader(caller, isLeader);
          return { names: (await told(kept))?.slice(0, MAX_KEPT) };
        },
      },
      [MAKE_ACTIONS.collection]: making("collection"),
      [MAKE_ACTIONS.queue]: making("queue"),
    },
  };
}

/**
 * Has one of the hosts make a collection or queue, or open it.
 * @throws DataError with code `OwnerAway` when none of them answers, or as the one that does says
 */
export async function makeAtHosts(
  hosts: readonly MemberRecord[],
  kind: KeptKind,
  request: KeptRequest,
  call: (path: string, params: unknown, options: CallOptions) => Promise<unknown>,
): Promise<Opened> {
  let cause: unknown;
  for (const { nodeId } of hosts) {
    try {
      const options = { node: nodeId, timeoutMs: MAKE_MS, retries: 0 };
      const { owner } = fieldsOf(await call(`${NATS_SERVICE}/${MAKE_ACTIONS[kind]}`, request, options));
      if (typeof owner === "string") return { owner, isHere: false };
    } catch (error) {
      cause = error;
      const code = error instanceof CallError ? error.code : "";
      if (
        code === "InvalidCollection" || code === "InvalidQueue" || code === "TooLarge" ||
        code === "NotOwner" || code === "Refused"
      ) {
        throw new DataError(code, error instanceof Error ? error.message : code, { cause: error });
      }
    }
  }
  throw new DataError("OwnerAway", `Cannot make ${request.name}: none of the servers' members answers`, {
    hint: "`weft data status` shows how they are.",
    cause,
  });
}

/** Never throws. @returns what a host says of its server, who may say anything */
export function readStatus(answer: unknown): ServerStatus | undefined {
  const { serverName, state, version, installed, sinceMs, restarts, problem, health } = fieldsOf(answer);
  const isState = state === "starting" || state === "running" || state === "failed";
  if (!isText(serverName) || !isState) return undefined;
  const { leader, copies, behind } = fieldsOf(health);
  const isHealth = isText(leader) && isTexts(behind);
  return {
    ...{ serverName, state },
    ...isText(version) && { version },
    ...isText(installed) && { installed },
    ...isCount(sinceMs) && { sinceMs: Math.round(sinceMs) },
    ...isCount(restarts) && { restarts },
    ...isText(problem) && { problem },
    ...isHealth && { health: { leader, ...isTexts(copies) && { copies }, behind } },
  };
}

/** Never throws. @returns what a host says that the servers keep, who may say anything */
export function readKept(answer: unknown): readonly string[] | undefined {
  const { names } = fieldsOf(answer);
  return isTexts(names, MAX_KEPT) ? names : undefined;
}

/** @throws ActionError with code `Refused` when somebody else asks than a leader's agent */
function checkLeader(caller: PeerId | undefined, isLeader: (caller: string) => boolean): void {
  if (caller !== undefined && (isProgram(caller) || !isLeader(caller))) throw refused("Leaders alone");
}

/** Has callers told what has failed, without what made it fail. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WeftError)) throw error;
    const code = error instanceof DataError ? error.code : "Refused";
    throw new ActionError(code, error.message, { retryable: false, cause: error });
  }
}

function refused(who: string): ActionError {
  return new ActionError("Refused", `${who} may ask that`);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>>
    : {};
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT_LENGTH;
}

function isTexts(value: unknown, most = MAX_SERVERS): value is readonly string[] {
  return Array.isArray(value) && value.length <= most && value.every(isText);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
