/**
 * A node of a mesh in memory, as a program has it.
 * @module
 */

import type {
  Collection,
  CollectionOptions,
  DataClient,
  DataNode,
  Document,
  Queue,
  QueueOptions,
  Transaction,
  TransactionOptions,
  TransactionState,
} from "../data/mod.ts";
import type { JsonValue } from "../query/mod.ts";
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
  ServiceHooks,
  ServiceReport,
  ServiceRequirement,
  ServiceRuntime,
  SubscribeOptions,
  SubscriptionHandle,
  WaitOptions,
} from "../service/mod.ts";

/**
 * What a node of a test stands on.
 * @internal
 */
export interface TestNodeHost {
  readonly name: string;
  /** The runtime of its present life. */
  readonly runtime: ServiceRuntime;
  /** Counts its lives. */
  readonly life: number;
  readonly closed: Promise<void>;
  /** Collections and queues of its programs, over its lives. */
  readonly data: DataClient;
  /** Others learn what nodes offer and listen to, if they do so at once. */
  tellAdverts(): void;
  /** @param drainMs how long calls may take to end, in milliseconds; 5 s when undefined */
  stop(drainMs: number | undefined): Promise<void>;
}

/**
 * A node of a `TestMesh`: it has of a `Node` what needs no network, and behaves as one does. After a crash and a restart it
 * is the same object, without the services and subscriptions that it had.
 */
export class TestNode implements DataNode {
  readonly #host: TestNodeHost;

  /**
   * Made by the mesh.
   * @internal
   */
  constructor(host: TestNodeHost) {
    this.#host = host;
  }

  /** The node's name in the mesh; of an attached program, that of its node. */
  get name(): string {
    return this.#host.name;
  }

  /** Settles when the node was stopped. A crash tells nobody. */
  get closed(): Promise<void> {
    return this.#host.closed;
  }

  /**
   * Adds a service and starts it. Its `stop` hook runs when the node is stopped, and not when it crashes.
   * @throws ServiceNotGrantedError when the node's grants do not have the path
   * @throws InvalidServiceError, InvalidTopicError, InvalidSelectorError, and what its hooks throw
   */
  async addService(definition: ServiceDefinition): Promise<LocalService> {
    const host = this.#host;
    const { life } = host;
    return await host.runtime.addService(mortal(definition, () => host.life !== life));
  }

  /** Stops a service and takes it away. @returns whether there was one */
  removeService(path: string): Promise<boolean> {
    return this.#host.runtime.removeService(path);
  }

  /**
   * A service as its callers see it: `node.service<typeof math>("math").request("add", { a: 1, b: 2 })`. Like everything that
   * a program holds, it ends with a crash.
   * @param path the service's, as its definition says
   */
  service<Service extends ServiceDefinition>(
    path: Service["path"],
    options?: ClientOptions,
  ): ServiceClient<Service> {
    const client = this.#host.runtime.client<Service>(path, options);
    const request = client.request.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const call = (...args: unknown[]) => this.#observe(() => request(...args));
    client.request = call as typeof client.request;
    return client;
  }

  /** Has calls and events of this node's present life go through middleware from now on. */
  use(...middleware: readonly Middleware[]): void {
    this.#host.runtime.use(...middleware);
  }

  /** Waits until somebody who answers runs each of these services. @throws CallError with code `Timeout`, or `Canceled` */
  waitFor(
    services: ServiceRequirement | readonly ServiceRequirement[],
    options?: WaitOptions,
  ): Promise<void> {
    return this.#observe(() => this.#host.runtime.waitFor(services, options));
  }

  /** All nodes of the mesh, this one among them, by name. */
  members(): Promise<readonly MemberInfo[]> {
    return this.#observe(() => this.#host.runtime.members());
  }

  /** Looks a node up by its name or id. */
  async member(name: string): Promise<MemberInfo | undefined> {
    return (await this.members()).find((member) => member.name === name || member.id === name);
  }

  /** Tells of each node that joins, leaves, changes, answers no more or answers again. */
  onMemberChange(handler: (change: MemberChange) => void): SubscriptionHandle {
    return this.#host.runtime.onMemberChange(handler);
  }

  /** All services that this node knows, wherever they run; or the one at a path. */
  services(path?: string): readonly ServiceReport[] {
    this.#host.tellAdverts();
    return this.#host.runtime.report(path);
  }

  /**
   * Calls an action, here if it is here, else wherever it runs. A failure that nobody looks at fails no test, so that a test
   * can begin a call, let time pass, and look then.
   * @throws CallError with a `code`, InvalidTopicError
   */
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown>;
  /** The same, of a type that the caller says. */
  request<Result>(path: string, params?: unknown, options?: CallOptions): Promise<Result>;
  request(path: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#observe(() => this.#host.runtime.request(path, params, options));
  }

  /** Publishes an event to whoever listens. @throws InvalidTopicError, CallError when it can't be sent at all */
  publish(topic: string, data?: unknown, options?: PublishOptions): Promise<PublishReport> {
    this.#host.tellAdverts();
    return this.#host.runtime.publish(topic, data, options);
  }

  /** Subscribes to events. @throws InvalidTopicError, InvalidServiceError */
  subscribe(pattern: string, handler: EventHandler, options?: SubscribeOptions): SubscriptionHandle {
    this.#host.tellAdverts();
    return this.#host.runtime.subscribe(pattern, handler, options);
  }

  /** Events to read in a loop; who reads too slowly loses the oldest. @throws InvalidTopicError */
  on(pattern: string, options?: SubscribeOptions): EventStream {
    this.#host.tellAdverts();
    return this.#host.runtime.on(pattern, options);
  }

  /**
   * Opens a collection, as `Node.collection` does. Its owner keeps it in memory, and has it again after a crash or stop and
   * a restart.
   * @throws DataError
   */
  collection<Value extends Document = Document>(
    name: string,
    options: CollectionOptions<Value>,
  ): Promise<Collection<Value>> {
    return this.#observe(() => this.#host.data.collection(name, options));
  }

  /** Opens a queue, as `Node.queue` does. Leases, delays and pauses go by the virtual clock. @throws DataError */
  queue<Value extends JsonValue = JsonValue>(
    name: string,
    options?: QueueOptions<Value>,
  ): Promise<Queue<Value>> {
    return this.#observe(() => this.#host.data.queue(name, options));
  }

  /** Reads and writes several entries as a whole, as `Node.transaction` does. @throws DataError, and what the body throws */
  transaction<Result>(
    body: (transaction: Transaction) => Result | Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result> {
    return this.#observe(() => this.#host.data.transaction(body, options));
  }

  /** Asks the owner of a collection what has become of a transaction. @throws DataError */
  transactionState(id: string, collection: string): Promise<TransactionState> {
    return this.#observe(() => this.#host.data.transactionState(id, collection));
  }

  /**
   * Stops services, withdraws what it offers, and leaves the others. `TestMesh.restart` starts it again. What has to wait on
   * the way waits for virtual time: `mesh.until(node.stop())`.
   */
  async stop({ drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    await this.#host.stop(drainMs);
  }

  /** The same as `stop`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Calls by what nodes know now. Whether somebody looks at a failure is the test's affair. */
  #observe<T>(request: () => Promise<T>): Promise<T> {
    this.#host.tellAdverts();
    const answer = request();
    answer.catch(() => {});
    return answer;
  }
}

/**
 * Hooks look into the definition that was given, which may be frozen, or of a class with private fields.
 * @returns the same definition, whose `stop` does nothing any more once the life in which it was added is over
 */
function mortal(definition: ServiceDefinition, isOver: () => boolean): ServiceDefinition {
  const { init, start, lead, stop } = definition;
  if (stop === undefined) return definition;
  const hooks: ServiceHooks = {
    ...init && { init: init.bind(definition) },
    ...start && { start: start.bind(definition) },
    ...lead && { lead: lead.bind(definition) },
    stop: () => isOver() ? undefined : stop.call(definition),
  };
  const own = Object.getOwnPropertyDescriptors(definition);
  return Object.create(definition, { ...own, ...Object.getOwnPropertyDescriptors(hooks) });
}
