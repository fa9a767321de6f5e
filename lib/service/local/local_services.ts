/**
 * The services of this program: the state of each, its actions, and how many calls it takes.
 *
 * ```
 *   created --init--> initialized --start--> running <--pause / resume--> paused
 *      any of them --stop--> stopped        a hook that throws --> error
 * ```
 *
 * @module
 */

import { type Environment, isPrintable, printableJson, showUnprintable } from "../../base/mod.ts";
import { Bulkhead } from "./bulkhead.ts";
import { InvalidServiceError } from "../errors.ts";
import type { HandlerLog } from "../handler_log.ts";
import { type ActionHook, JoinedHooks, MiddlewareChain } from "../middleware_chain.ts";
import type { PeerId } from "../ports.ts";
import {
  type AdvertisedService,
  MAX_SELECTOR_LENGTH,
  MAX_TEXT,
  SERVICE_NAME,
  SERVICE_PROTOCOL,
  SERVICE_VERSION,
  type ServiceState,
} from "../wire/mod.ts";
import {
  type ActionHandler,
  type AnyActionDefinition,
  type EventDefinition,
  readCount,
  type ServiceDefinition,
} from "../service_definition.ts";
import type { ActionCounters, CallCounters } from "../stats/mod.ts";
import { isBuiltIn, showPath, TopicPath } from "../topics/mod.ts";

/** How many calls of a service run at the same time by default. */
export const DEFAULT_CONCURRENCY = 256;
/** How many more wait by default. */
export const DEFAULT_QUEUE = 1_024;
/** The most actions of one service, and the most events. */
export const MAX_ACTIONS = 128;

/** One action, ready to be called. */
export interface LocalAction {
  readonly name: string;
  readonly service: LocalService;
  readonly definition: AnyActionDefinition;
  readonly idempotent: boolean;
  /** The bounds that a call has to pass, the service's first. */
  readonly bulkheads: readonly Bulkhead[];
  /** Whether this peer may call it. */
  readonly allows: (caller: PeerId) => boolean;
  /** What its calls go through. */
  readonly hooks: JoinedHooks<ActionHook>;
  readonly environment: Environment;
  /** Is told what its handler throws. */
  readonly log: HandlerLog;
  /** What counts its calls, from the first one on; undefined for an action that every node has. */
  readonly counters: ActionCounters | undefined;
}

/** One service. */
export class LocalService {
  /** Where it is offered. */
  readonly path: TopicPath;
  /** As it was added. */
  readonly definition: ServiceDefinition;
  /**
   * Its actions by name.
   * @internal
   */
  readonly actions: ReadonlyMap<string, LocalAction>;
  readonly #subscriptions: Disposable[] = [];
  #state: ServiceState = "created";
  #changing: Promise<void> = Promise.resolve();
  readonly #onChange: () => void;

  /**
   * @internal
   * @param selector reads who may call
   * @param onChange is called after a pause and its end
   * @param log is told what its handlers throw
   * @param outer what its calls go through before its own middleware
   * @param counted what counts its calls; nothing unless given
   * @throws InvalidServiceError, InvalidTopicError, and what `selector` throws
   */
  constructor(
    definition: ServiceDefinition,
    selector: (text: string) => (caller: PeerId) => boolean,
    onChange: () => void,
    log: HandlerLog,
    outer: MiddlewareChain,
    counted?: CallCounters,
  ) {
    const { environment } = outer;
    const { middleware = [] } = definition;
    const { actions = {}, allow, concurrency, queue } = definition;
    this.definition = definition;
    this.#onChange = onChange;
    this.path = TopicPath.parse(definition.path);
    checkDefinition(definition);
    const maxWaiting = readCount(queue, DEFAULT_QUEUE, 0, "queue");
    const shared = new Bulkhead(readCount(concurrency, DEFAULT_CONCURRENCY, 1, "concurrency"), maxWaiting);
    const allowsService = allow === undefined ? () => true : selector(allow);
    const toAction = (name: string, given: ActionHandler | AnyActionDefinition): LocalAction => {
      const definition = typeof given === "function" ? { handler: given as ActionHandler } : given;
      const { concurrency, idempotent = false, allow } = definition;
      const bulkheads = [shared];
      if (concurrency !== undefined) {
        bulkheads.push(new Bulkhead(readCount(concurrency, 1, 1, "concurrency"), maxWaiting));
      }
      // An action's own selector replaces the service's.
      const allows = allow === undefined ? allowsService : selector(allow);
      const own = new MiddlewareChain(environment, [...middleware, ...definition.middleware ?? []]);
      const isOwn = !isBuiltIn(this.path.service);
      const hooks = new JoinedHooks(isOwn ? outer.actions : [], own.actions);
      const path = `${this.path}/${name}`;
      let counters: ActionCounters | undefined;
      return {
        ...{ name, service: this, definition, idempotent, bulkheads, allows, hooks, environment, log },
        get counters() {
          return isOwn ? counters ??= counted?.of(path) : undefined;
        },
      };
    };
    this.actions = new Map(Object.entries(actions).map(([name, given]) => [name, toAction(name, given)]));
  }

  /** As its definition says, `0.0.0` when that says nothing. */
  get version(): string {
    return this.definition.version ?? "0.0.0";
  }

  /** Whether it takes calls. */
  get state(): ServiceState {
    return this.#state;
  }

  /** Runs the hooks, then accepts calls. @throws what a hook throws; the state is `error` then */
  start(): Promise<void> {
    return this.#change(async () => {
      if (this.#state === "created") {
        await this.definition.init?.();
        this.#state = "initialized";
      }
      if (this.#state !== "initialized" && this.#state !== "stopped" && this.#state !== "error") return;
      await this.definition.start?.();
      this.#state = "running";
    });
  }

  /** Rejects calls until `resume`. @returns whether it was running */
  pause(): boolean {
    if (this.#state !== "running") return false;
    this.#state = "paused";
    this.#onChange();
    return true;
  }

  /** Takes calls again. @returns whether it was paused */
  resume(): boolean {
    if (this.#state !== "paused") return false;
    this.#state = "running";
    this.#onChange();
    return true;
  }

  /**
   * Ends these with the service.
   * @internal
   */
  own(subscriptions: readonly Disposable[]): void {
    this.#subscriptions.push(...subscriptions);
  }

  /** Rejects calls for good; those that run go on. */
  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions.splice(0)) subscription[Symbol.dispose]();
    await this.#change(async () => {
      if (this.#state === "stopped") return;
      const hadStarted = this.#state !== "created" && this.#state !== "initialized";
      this.#state = "stopped";
      if (hadStarted) await this.definition.stop?.();
    });
  }

  /**
   * @internal
   * @param path with its network only when that is not the default one
   * @param withAllow whether it says who may call, for an agent to check
   * @returns what others are to know of it
   */
  advert(path: string, withAllow = false): AdvertisedService {
    const optional = (allow: string | undefined) => withAllow && allow !== undefined ? { allow } : {};
    const { version } = this;
    const { description = "", events = {}, mode, port = 0, protocol = "tcp" } = this.definition;
    return {
      path,
      version,
      description,
      state: this.#state,
      actions: [...this.actions.values()].map(({ name, idempotent, definition }) => ({
        name,
        idempotent,
        ...optional(definition.allow),
      })),
      events: Object.keys(events),
      elects: mode === "leader",
      port,
      protocol,
      ...optional(this.definition.allow),
    };
  }

  /** One change after the other. */
  #change(step: () => Promise<void>): Promise<void> {
    const changed = this.#changing.then(step).catch((error) => {
      this.#state = "error";
      throw error;
    });
    this.#changing = changed.catch(() => {});
    return changed;
  }
}

/** Others reject an advert with more than this in it. @throws InvalidServiceError */
function checkDefinition(definition: ServiceDefinition): void {
  const { path, version = "", description = "", actions = {}, events = {}, allow = "" } = definition;
  const { port = 0, protocol = "tcp" } = definition;
  const fail = (problem: string, hint?: string): never => {
    const options = hint === undefined ? {} : { hint };
    throw new InvalidServiceError(`Cannot add ${showPath(path)}: ${problem}`, options);
  };
  const wrong = [...Object.keys(actions), ...Object.keys(events)].find((name) => !SERVICE_NAME.test(name));
  if (wrong !== undefined) {
    fail(
      `${printableJson(wrong)} is no name of an action or event`,
      "Names are 1 to 64 letters, digits, and any of _ . $ -",
    );
  }
  if (Math.max(Object.keys(actions).length, Object.keys(events).length) > MAX_ACTIONS) {
    fail(`it has more than ${MAX_ACTIONS} actions or events`);
  }
  if (Math.max(version.length, description.length) > MAX_TEXT) {
    fail(`version and description have at most ${MAX_TEXT} characters`);
  }
  if (version !== "" && !SERVICE_VERSION.test(version)) {
    fail(
      `${printableJson(version)} is no version`,
      "Write 1.4.0 or 2026-11: at most 64 letters, digits, and any of . + _ -",
    );
  }
  if (!isPrintable(description)) {
    fail(
      `its description is not one printable line: "${showUnprintable(description)}"`,
      "Leave line ends out, and what is invisible or changes the direction of writing.",
    );
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`${port} is no port`);
  if (!SERVICE_PROTOCOL.test(protocol)) {
    fail(`${JSON.stringify(protocol)} is no protocol`, "Write http, or dns/udp.");
  }
  const ofActions = Object.values(actions).map((one) => typeof one === "function" ? "" : one.allow ?? "");
  if ([allow, ...ofActions].some((text) => text.length > MAX_SELECTOR_LENGTH)) {
    fail(`a selector has at most ${MAX_SELECTOR_LENGTH} characters`);
  }
}

/** How many services one program has at most. */
export const MAX_SERVICES = 512;

/** Adds, finds and removes services. */
export class LocalServices {
  readonly #services = new Map<string, LocalService>();
  /** Those that say something of their events. */
  readonly #withEvents = new Set<LocalService>();
  readonly #selector: (text: string) => (caller: PeerId) => boolean;
  readonly #onChange: () => void;
  readonly #log: HandlerLog;
  readonly #middleware: MiddlewareChain;
  readonly #counted: CallCounters;

  /**
   * @param selector reads who may call
   * @param onChange is called when one is paused or resumed
   * @param log is told what handlers throw
   * @param middleware what calls of all of them go through
   * @param counted what counts their calls
   */
  constructor(
    selector: (text: string) => (caller: PeerId) => boolean,
    onChange: () => void,
    log: HandlerLog,
    middleware: MiddlewareChain,
    counted: CallCounters,
  ) {
    this.#middleware = middleware;
    this.#counted = counted;
    this.#selector = selector;
    this.#onChange = onChange;
    this.#log = log;
  }

  /** @returns the service at a path with its network */
  get(path: string): LocalService | undefined {
    return this.#services.get(path);
  }

  all(): readonly LocalService[] {
    return [...this.#services.values()];
  }

  /** @throws InvalidServiceError, InvalidTopicError, and what is wrong with a selector */
  add(definition: ServiceDefinition): LocalService {
    const service = new LocalService(
      definition,
      this.#selector,
      this.#onChange,
      this.#log,
      this.#middleware,
      this.#counted,
    );
    const path = service.path.toString();
    if (this.#services.has(path)) {
      throw new InvalidServiceError(`Cannot add ${showPath(path)}: this program has a service there`, {
        hint: "Remove the other one first, or choose another path.",
      });
    }
    if (this.#services.size === MAX_SERVICES) {
      throw new InvalidServiceError(
        `Cannot add ${showPath(path)}: a program has at most ${MAX_SERVICES} services`,
      );
    }
    this.#services.set(path, service);
    if (definition.events !== undefined) this.#withEvents.add(service);
    return service;
  }

  /** @returns the service that was there */
  remove(path: string): LocalService | undefined {
    const service = this.#services.get(path);
    if (service !== undefined) this.#withEvents.delete(service);
    this.#services.delete(path);
    return service;
  }

  /** Asked for each event that is published. @returns what a service of this program says of its own event, if it does */
  eventOf(topic: TopicPath): EventDefinition | undefined {
    if (this.#withEvents.size === 0) return undefined;
    const text = topic.toString();
    const at = text.lastIndexOf("/");
    const events = this.#services.get(text.slice(0, Math.max(at, 0)))?.definition.events;
    const name = text.slice(at + 1);
    return events !== undefined && Object.hasOwn(events, name) ? events[name] : undefined;
  }
}
