/**
 * One queue as a service at `queue/NAME`, which its owner offers. Who may push and work is asked as of a topic,
 * `queue:NAME`: publishing is pushing, hearing is working.
 * @module
 */

import type { Clock } from "../../../base/mod.ts";
import {
  type AnyActionDefinition,
  type CallContext,
  isProgram,
  type MessagePolicy,
  type PeerId,
  type ServiceDefinition,
  TopicPath,
  TopicPattern,
} from "../../../service/mod.ts";
import { DataError } from "../../errors.ts";
import type { QueueEngine, QueueSpec } from "../../queue_engine.ts";
import {
  checkVersions,
  type CommitRights,
  committerOf,
  lengthOf,
  originOf,
  overRate,
} from "../commit_rights.ts";
import { told } from "../failure.ts";
import type { RightsPeers } from "../key_rights.ts";
import { readCommit, readFields } from "../requests.ts";
import {
  readHolder,
  readLeaseMs,
  readLeases,
  readLetters,
  readMessages,
  readNumbers,
  readSettlements,
  readTake,
} from "./queue_requests.ts";
import type { TakeWaits } from "./take_waits.ts";

/** The first segment of the paths of queues. */
export const QUEUE_PATH = "queue";
/** The network of topics that queues belong to. */
export const QUEUE_NETWORK = "queue";

/** Requests of workers wait, each in a call. */
const CONCURRENT_CALLS = 4_096;

/** What the queues of one node share. */
export interface QueueServiceParts {
  readonly engine: QueueEngine;
  readonly peers: RightsPeers;
  readonly policy: MessagePolicy;
  readonly clock: Clock;
  readonly waits: TakeWaits;
  /** Who may commit what. */
  readonly rights: CommitRights;
  /** The version of the schema of a collection of this node; undefined for none. */
  readonly versionOf: (collection: string) => number | undefined;
}

/** @returns the path of a queue's service */
export function queuePath(queue: string): string {
  return `${QUEUE_PATH}/${queue}`;
}

/** @returns the service of a queue */
export function queueService(parts: QueueServiceParts, spec: QueueSpec): ServiceDefinition {
  const service = new QueueActions(parts, spec.name);
  const action = (
    allow: string | undefined,
    handler: (params: unknown, context: CallContext) => unknown,
    idempotent = false,
  ): AnyActionDefinition => ({
    idempotent,
    ...allow !== undefined && { allow },
    handler: (params: unknown, context) => told(() => handler(params, context)),
  });
  const works = (handler: (params: unknown, context: CallContext) => unknown, idempotent = false) =>
    action(spec.work, (params, context) => {
      service.checkWork(context.caller);
      return handler(params, context);
    }, idempotent);
  return {
    path: queuePath(spec.name),
    description: "A queue",
    concurrency: CONCURRENT_CALLS,
    actions: {
      push: action(spec.push, (params, context) => service.push(params, context)),
      describe: works(() => service.describe(), true),
      take: works((params, context) => service.take(params, context)),
      renew: works((params, context) => service.renew(params, context), true),
      settle: works((params, context) => service.settle(params, context)),
      // Under an id it happens once.
      commit: works((params, context) => service.commit(params, context)),
      dead: works((params) => service.dead(params), true),
      retry: works(async (params) => ({ retried: await service.retry(params) })),
      discard: works(async (params) => ({ discarded: await service.discard(params) })),
    },
  };
}

class QueueActions {
  readonly #parts: QueueServiceParts;
  readonly #name: string;
  readonly #topic: TopicPath;
  readonly #pattern: TopicPattern;

  constructor(parts: QueueServiceParts, name: string) {
    this.#parts = parts;
    this.#name = name;
    this.#topic = TopicPath.parse(`${QUEUE_NETWORK}:${name}`);
    this.#pattern = TopicPattern.parse(`${QUEUE_NETWORK}:${name}`);
  }

  /** @throws DataError with code `Refused` */
  checkWork(caller: PeerId | undefined): void {
    if (!this.#mayWork(caller)) throw this.#refused("work on");
  }

  describe() {
    return this.#parts.engine.describe(this.#name);
  }

  async push(params: unknown, context: CallContext) {
    const messages = readMessages(readFields(params), originOf(context));
    this.#checkPush(context.caller, messages.reduce((sum, { value }) => sum + lengthOf(value), 0));
    return await this.#parts.engine.push(this.#name, messages);
  }

  async take(params: unknown, context: CallContext) {
    const fields = readFields(params);
    const holder = readHolder(fields, originOf(context));
    const { keep, waitMs, ...request } = readTake(fields);
    const { engine, waits } = this.#parts;
    if (keep !== undefined) await engine.keepOnly(this.#name, holder, keep);
    return await waits.take(engine, this.#name, { holder, ...request }, {
      ...{ caller: context.caller, waitMs, signal: context.signal },
      // The network may have changed its mind meanwhile.
      isAllowed: () => this.#mayWork(context.caller),
    });
  }

  renew(params: unknown, context: CallContext) {
    const fields = readFields(params);
    const holder = readHolder(fields, originOf(context));
    return this.#parts.engine.renew(this.#name, holder, readLeases(fields), readLeaseMs(fields));
  }

  async settle(params: unknown, context: CallContext) {
    const fields = readFields(params);
    const holder = readHolder(fields, originOf(context));
    const settlements = readSettlements(fields);
    const { engine } = this.#parts;
    // A worker that ends may have been given what it has never heard of.
    if (fields["leases"] !== undefined) await engine.keepOnly(this.#name, holder, readLeases(fields));
    return await engine.settle(this.#name, holder, settlements);
  }

  async commit(params: unknown, context: CallContext) {
    const fields = readFields(params);
    const holder = readHolder(fields, originOf(context));
    const [lease = ""] = readLeases({ leases: [fields["lease"]] });
    const commit = readCommit(fields, "", committerOf(context, this.#parts.peers.self));
    checkVersions(fields, this.#parts);
    this.#parts.rights.check(commit, context.caller);
    return await this.#parts.engine.commit(this.#name, holder, lease, commit);
  }

  dead(params: unknown) {
    return this.#parts.engine.deadLetters(this.#name, readLetters(readFields(params ?? {})));
  }

  retry(params: unknown) {
    return this.#parts.engine.retry(this.#name, readNumbers(readFields(params ?? {})));
  }

  discard(params: unknown) {
    return this.#parts.engine.discard(this.#name, readNumbers(readFields(params ?? {})));
  }

  #mayWork(caller: PeerId | undefined): boolean {
    const { peers, policy } = this.#parts;
    if (this.#isOwn(caller)) return true;
    return peers.maySubscribe(caller, this.#pattern) &&
      policy.mayHear(peers.self, caller, this.#topic.toString());
  }

  /** Decides, and counts what is pushed. @throws DataError with code `Refused`, ActionError with code `Overloaded` */
  #checkPush(caller: PeerId | undefined, lengthBytes: number): void {
    if (this.#isOwn(caller)) return;
    const { peers, policy } = this.#parts;
    if (!peers.mayPublish(caller, this.#topic)) throw this.#refused("push to");
    const refusal = policy.admitEvent("in", caller, peers.self, this.#topic.toString(), lengthBytes);
    if (refusal === undefined) return;
    throw refusal.kind === "over-rate" ? overRate("messages") : this.#refused("push to");
  }

  /** The owner, and the programs that are attached to it. */
  #isOwn(caller: PeerId | undefined): caller is undefined {
    return caller === undefined || isProgram(caller) || caller === this.#parts.peers.self;
  }

  #refused(what: string): DataError {
    return new DataError("Refused", `${this.#name} is not for the caller to ${what}`);
  }
}
