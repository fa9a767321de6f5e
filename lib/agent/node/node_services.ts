/**
 * What a node of the mesh does with services and events, and whom it knows.
 * @module
 */

import {
  type Collection,
  type CollectionOptions,
  DataClient,
  type Document,
  type EngineName,
  type MoveStatus,
  type Queue,
  type QueueOptions,
  type Transaction,
  type TransactionOptions,
  type TransactionState,
} from "../../data/mod.ts";
import type { JsonValue } from "../../query/mod.ts";
import { systemClock, systemRandom, systemTimers } from "../../host/mod.ts";
import type {
  CallOptions,
  ClientOptions,
  EventHandler,
  EventStream,
  LocalService,
  MemberChange,
  MemberInfo,
  Middleware,
  PublishOptions,
  PublishReport,
  ServiceClient,
  ServiceDefinition,
  ServiceReport,
  ServiceRequirement,
  ServiceRuntime,
  SubscribeOptions,
  SubscriptionHandle,
  WaitOptions,
} from "../../service/mod.ts";

/** Services, events and members, as a program has them: what each `Node` does. */
export abstract class NodeServices {
  readonly #services: ServiceRuntime;
  readonly #data: DataClient;

  /**
   * @internal
   * @param services of this program
   */
  constructor(services: ServiceRuntime) {
    this.#services = services;
    this.#data = new DataClient({
      request: (path, params, options) => services.request(path, params, options),
      ...{ clock: systemClock, timers: systemTimers, random: systemRandom },
    });
  }

  /**
   * Adds a service and starts it, at a path that is nobody's or this member's. While no leader answers who could say so, it
   * runs on this node alone.
   * @throws ServiceNotGrantedError when the path is somebody else's; the hint says what a leader does
   * @throws InvalidServiceError, InvalidTopicError, InvalidSelectorError, and what its hooks throw
   */
  addService(definition: ServiceDefinition): Promise<LocalService> {
    return this.#services.addService(definition);
  }

  /** Stops a service and takes it away. @returns whether there was one */
  removeService(path: string): Promise<boolean> {
    return this.#services.removeService(path);
  }

  /**
   * Has calls and events of this program go through middleware from now on: those that it makes, and those that its services
   * and subscriptions get. What was there before is around what comes later; that of a service, then that of an action, is
   * inside.
   */
  use(...middleware: readonly Middleware[]): void {
    this.#services.use(...middleware);
  }

  /**
   * A service as its callers see it: `node.service<typeof math>("math").request("add", { a: 1, b: 2 })`.
   * @param path the service's, as its definition says
   * @param options what its calls have in common
   */
  service<Service extends ServiceDefinition>(
    path: Service["path"],
    options?: ClientOptions,
  ): ServiceClient<Service> {
    return this.#services.client<Service>(path, options);
  }

  /** All services that are known, wherever they run; or the one at a path. */
  services(path?: string): readonly ServiceReport[] {
    return this.#services.report(path);
  }

  /**
   * Calls an action, here if it is here, else wherever it runs.
   * @param path `service/action`
   * @param params undefined, bytes, or whatever JSON can say
   * @returns what the handler has answered; a `ReadableStream` when it streams; with mode `all` a list of `CallAnswer`. Its
   *   type is what the caller says it is, `request<number>("math/add", { a: 1, b: 2 })`, and nobody checks that: `unknown`
   *   unless it is said. `service` has the types of a definition.
   * @throws CallError with a `code`, InvalidTopicError
   */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** The same, of a type that the caller says. */
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#services.request(path, params, options);
  }

  /** All members of the network, this node among them, by name. @throws CallError when the machine's agent does not answer */
  members(): Promise<readonly MemberInfo[]> {
    return this.#services.members();
  }

  /** Looks a member up. @param name its name or id @returns undefined when there is none */
  async member(name: string): Promise<MemberInfo | undefined> {
    const members = await this.members();
    return members.find((member) => member.name === name) ?? members.find(({ id }) => id === name);
  }

  /**
   * Tells of each member that joins, leaves, changes, answers no more or answers again.
   * @returns what ends it
   */
  onMemberChange(handler: (change: MemberChange) => void): SubscriptionHandle {
    return this.#services.onMemberChange(handler);
  }

  /**
   * Waits until somebody who answers runs each of these services.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "shop", stateDir });
   * const waiting = node.waitFor("stock", { version: "^1.2", timeoutMs: 5_000 });
   * await node.addService({ path: "stock", version: "1.4.0", actions: { take: () => 1 } });
   * await waiting;
   * assert.equal(await node.request("stock/take", {}, { version: "^1.2" }), 1);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param services a path, or several, each with a range of versions where that matters
   * @throws CallError with code `Timeout`, which names those that are missing and why, or `Canceled`; InvalidTopicError,
   *   InvalidServiceError
   */
  waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    options?: WaitOptions,
  ): Promise<void> {
    return this.#services.waitFor(services, options);
  }

  /**
   * Publishes an event to whoever listens.
   * @returns once it is on its way
   * @throws InvalidTopicError, CallError with code `InvalidParams`, `PayloadTooLarge`, or `Refused` when this member may not
   *   publish to the topic
   */
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishReport> {
    return this.#services.publish(topic, data, options);
  }

  /**
   * Subscribes to events. Others learn of it within a moment: what is published before `await subscription.ready` may be
   * missed. Data are shared among the handlers of this program: leave them as they are.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "shop", stateDir });
   * const paid = Promise.withResolvers<string | undefined>();
   * node.subscribe("orders/{id}/paid", ({ params }) => paid.resolve(params.id));
   * await node.publish("orders/42/paid", { euros: 7 });
   * assert.equal(await paid.promise, "42");
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param pattern a topic in which `{name}` and `*` stand for one segment, and `>` at the end for one or more
   * @throws InvalidTopicError, InvalidServiceError
   */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle {
    return this.#services.subscribe(pattern, handler, options);
  }

  /** Events to read in a loop; who reads too slowly loses the oldest. @throws InvalidTopicError */
  on(pattern: string, options?: SubscribeOptions): EventStream {
    return this.#services.on(pattern, options);
  }

  /**
   * Opens a collection of values by key, wherever its owner is. When it is nobody's, the node of this program makes it and
   * owns it: its values are in that node's state directory, on the disk before a write is answered, and gone with it.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * type Order = { id: number; status: string; total: number };
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "shop", stateDir });
   * const orders = await node.collection<Order>("orders", { key: "id", index: ["status"] });
   * const { revision } = await orders.post({ id: 7, status: "open", total: 120 });
   * await orders.patch(7, { status: "paid" }, { ifRevision: revision });
   * assert.deepEqual(await orders.get(7), { id: 7, status: "paid", total: 120 });
   * assert.deepEqual(await orders.query("select id from orders where status = paid"), [{ id: 7 }]);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param name a letter, then letters, digits, `_` and `-`
   * @throws DataError with code `InvalidCollection` when it is there with another key, `OwnerAway` when its owner does not
   *   answer, or no leader who could say whose it is
   */
  collection<Value extends Document = Document>(
    name: string,
    options: CollectionOptions<Value>,
  ): Promise<Collection<Value>> {
    return this.#data.collection(name, options);
  }

  /**
   * Opens a queue: messages that programs push, and that workers on whichever nodes handle, each at least once. One that is
   * nobody's is made, and this program's node owns it: its messages are in the node's state directory. What the options do
   * not say stays as it is.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "post", stateDir });
   * const mails = await node.queue<{ to: string }>("mails", { maxAttempts: 5 });
   * const sent = await node.collection<{ id: string; to: string }>("sent", { key: "id" });
   * await mails.push({ to: "ann" }, { id: "welcome-ann" });
   * const { promise: handled, resolve } = Promise.withResolvers<void>();
   * const worker = mails.work(async (message) => {
   *   // What is written and that the message is done happen together, and once.
   *   await message.commit((tx) => tx.put(sent, { id: `${message.number}`, to: message.value.to }));
   *   resolve();
   * }, { concurrency: 4 });
   * await handled;
   * await worker.stop();
   * assert.deepEqual(await sent.query("select to from sent"), [{ to: "ann" }]);
   * assert.equal((await mails.push({ to: "ann" }, { id: "welcome-ann" })).isRepeated, true);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param name a letter, then letters, digits, `_` and `-`
   * @throws DataError with code `InvalidQueue` when a limit is none, `OwnerAway` when its owner does not answer, or no
   *   leader who could say whose it is
   */
  queue<Value extends JsonValue = JsonValue>(
    name: string,
    options?: QueueOptions<Value>,
  ): Promise<Queue<Value>> {
    return this.#data.queue(name, options);
  }

  /**
   * Reads and writes several entries, of one or more collections, as a whole or not at all. When somebody else
   * has changed meanwhile what it has read, the body runs again, until the deadline.
   *
   * @example
   * ```ts
   * import assert from "node:assert/strict";
   * import { Node } from "@weft/mesh";
   * type Account = { id: string; euros: number };
   * const stateDir = await Deno.makeTempDir();
   * const node = await Node.lead({ name: "bank", stateDir });
   * const accounts = await node.collection<Account>("accounts", { key: "id" });
   * for (const id of ["ann", "bob"]) await accounts.put({ id, euros: 100 });
   * await node.transaction(async (tx) => {
   *   const [ann, bob] = [await tx.get(accounts, "ann"), await tx.get(accounts, "bob")];
   *   await tx.put(accounts, { id: "ann", euros: (ann?.euros ?? 0) - 30 });
   *   await tx.put(accounts, { id: "bob", euros: (bob?.euros ?? 0) + 30 });
   * }, { id: "payment-1" });
   * assert.equal((await accounts.get("bob"))?.euros, 130);
   * await node.stop();
   * await Deno.remove(stateDir, { recursive: true });
   * ```
   * @param body reads and writes by what it is given alone; what it throws, the transaction fails with
   * @returns what the body gives
   * @throws DataError with code `Conflict` when somebody was always faster, and what the body throws
   */
  transaction<Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    return this.#data.transaction(body, options);
  }

  /**
   * Moves a collection of this program's node to another engine, while others read and write it: nothing is lost, and
   * nothing is written twice. Writes wait for two seconds at most, at the end.
   * @param name of a collection that the node owns, without shards
   * @param to `embedded` for the node's own disk, `nats` for the servers that it has
   * @param options `onProgress` is told several times a second; with `signal` nobody waits any longer, and the move goes on
   * @throws DataError with code `NotOwner` of another node's, `InvalidCollection` of one that can't be moved, `Conflict` when
   *   somebody has aborted the move
   */
  moveCollection(
    name: string,
    to: EngineName,
    options?: { readonly onProgress?: (progress: MoveStatus) => void; readonly signal?: AbortSignal },
  ): Promise<void> {
    return this.#data.move(name, to, options);
  }

  /**
   * Has a collection that is being moved stay where it is.
   * @returns whether it was on its way
   * @throws DataError with code `Conflict` when it has left
   */
  abortCollectionMove(name: string): Promise<boolean> {
    return this.#data.abortMove(name);
  }

  /**
   * Asks the owner of a collection what has become of a transaction.
   * @param id the transaction's
   * @param collection one that it has written to
   * @returns `queued`, `committed`, or `cleaned-up` when nothing is known of it, or no more
   * @throws DataError
   */
  transactionState(id: string, collection: string): Promise<TransactionState> {
    return this.#data.transactionState(id, collection);
  }
}
