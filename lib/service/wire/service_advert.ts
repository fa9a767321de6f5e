/**
 * What a node advertises: its services and subscriptions.
 * @module
 */

import { decodeMessage, encodeMessage, ServiceAdvertSchema, type State } from "../../proto/mod.ts";

/** The longest selector of who may call, in characters. */
export const MAX_SELECTOR_LENGTH = 1_024;

/** What a service is doing. Only a running one is called. */
export type ServiceState = "created" | "initialized" | "running" | "paused" | "stopped" | "error";

/** One action, as others see it. */
export interface AdvertisedAction {
  readonly name: string;
  readonly idempotent: boolean;
  /** Who may call it, in place of the service's; only in the adverts of programs to their agent. */
  readonly allow?: string;
}

/** One service, as others see it. */
export interface AdvertisedService {
  /** With its network of topics when that is not the default one. */
  readonly path: string;
  readonly version: string;
  readonly description: string;
  readonly state: ServiceState;
  readonly actions: readonly AdvertisedAction[];
  readonly events: readonly string[];
  /** Whether one of its nodes leads it. */
  readonly elects: boolean;
  /** For SRV records; 0 for none. */
  readonly port: number;
  /** Such as `http` or `dns/udp`; `tcp` or `udp` alone leaves it to the path. */
  readonly protocol: string;
  /** Who may call it; only in the adverts of programs to their agent. */
  readonly allow?: string;
}

/** What a node listens to. */
export interface AdvertisedSubscription {
  readonly pattern: string;
  /** The service that it belongs to; empty for none. */
  readonly group: string;
}

/** What a node offers and listens to, or a part of it: the parts of one node add up. */
export interface ServiceAdvert {
  /** Drawn when the node started. */
  readonly run: number;
  readonly services: readonly AdvertisedService[];
  readonly subscriptions: readonly AdvertisedSubscription[];
  /** Whether there are retained events to ask for. */
  readonly retains: boolean;
}

/** Nothing offered. */
export const EMPTY_ADVERT: ServiceAdvert = { run: 0, services: [], subscriptions: [], retains: false };

const STATES: readonly (ServiceState | undefined)[] = [
  undefined,
  "created",
  "initialized",
  "running",
  "paused",
  "stopped",
  "error",
];
const MAX_BYTES = 1 << 18;
/** The longest text in an advert, in characters. */
export const MAX_TEXT = 255;
/** The most services in an advert, and the most subscriptions. */
const MAX_ENTRIES = 4_096;
/** The most of all that an advert lists, with actions and events. It takes 6 ms at most to make them. */
const MAX_ITEMS = 16_384;

/** @returns the protobuf message of an advert */
export function encodeAdvert(advert: ServiceAdvert): Uint8Array {
  return encodeMessage(ServiceAdvertSchema, {
    run: BigInt(advert.run),
    services: advert.services.map(({ state, actions, events, ...rest }) => ({
      ...rest,
      state: STATES.indexOf(state) as State,
      actions: [...actions],
      events: [...events],
    })),
    subscriptions: [...advert.subscriptions],
    retains: advert.retains,
  });
}

/** @returns the advert, or undefined when it is malformed or a text in it is longer than 255 characters */
export function decodeAdvert(bytes: Uint8Array): ServiceAdvert | undefined {
  const message = decodeMessage(ServiceAdvertSchema, bytes, MAX_BYTES, MAX_ITEMS);
  if (message === undefined || message.run > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  if (Math.max(message.services.length, message.subscriptions.length) > MAX_ENTRIES) return undefined;
  const services: AdvertisedService[] = [];
  for (
    const { path, version, description, actions, events, elects, port, protocol, allow, ...rest } of message
      .services
  ) {
    const state = STATES[rest.state];
    const texts = [path, version, description, protocol, ...events, ...actions.map(({ name }) => name)];
    const selectors = [allow, ...actions.map((action) => action.allow)];
    if (state === undefined || path === "" || port > 65_535 || !texts.every(isShort)) return undefined;
    if (!selectors.every((selector) => selector.length <= MAX_SELECTOR_LENGTH)) return undefined;
    services.push({
      path,
      version,
      description,
      state,
      actions: actions.map(({ name, idempotent, allow }) => ({ name, idempotent, ...optional(allow) })),
      events,
      elects,
      port,
      protocol,
      ...optional(allow),
    });
  }
  const subscriptions = message.subscriptions.map(({ pattern, group }) => ({ pattern, group }));
  if (!subscriptions.every(({ pattern, group }) => isShort(pattern) && isShort(group))) return undefined;
  return { run: Number(message.run), services, subscriptions, retains: message.retains };
}

function optional(allow: string): { readonly allow?: string } {
  return allow === "" ? {} : { allow };
}

function isShort(text: string): boolean {
  return text.length <= MAX_TEXT;
}
