/**
 * What a node advertises: its services and subscriptions.
 *
 * What others are to be shown of it is of known alphabets: paths are topic paths as they are shown, actions and events
 * are named as `SERVICE_NAME` says, and so on. A service with another name is left out, and of one whose version or
 * description is no printable line that text is; both are counted. The other services of a node stay.
 *
 * @module
 */

import { isPrintable } from "../../base/mod.ts";
import { isBuiltIn, showPath, TopicPath } from "../topics/mod.ts";
import { decodeMessage, encodeMessage, ServiceAdvertSchema, type State } from "../../proto/mod.ts";

/** The longest selector of who may call, in characters. */
export const MAX_SELECTOR_LENGTH = 1_024;

/** What a service is doing. Only a running one is called. */
export type ServiceState = "created" | "initialized" | "running" | "paused" | "stopped" | "error";

/** One action, as others see it. */
export interface AdvertisedAction {
  /** The last segment of its path. */
  readonly name: string;
  /** Whether running it twice does no harm. */
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
  /** How many texts of it were refused, and things that have them; absent for none. It is never sent. */
  readonly refused?: number;
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
/** How actions and events are named. */
export const SERVICE_NAME: RegExp = /^(?!\.{1,2}$)[A-Za-z0-9_.$-]{1,64}$/;
/** What stands for a version: numbers and words of Semantic Versioning 2.0.0 §2, §9, §10, not always three of them. */
export const SERVICE_VERSION: RegExp = /^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$/;
/** A service's name of RFC 6335 §5.1, and the transport when that is not TCP; or the transport alone. */
export const SERVICE_PROTOCOL: RegExp = /^(?=[a-z0-9-]{1,15}(\/|$))[a-z0-9]+(-[a-z0-9]+)*(\/(tcp|udp))?$/;
/** What patterns of topics are made of; whether one is a pattern is for whoever matches by it. */
const PATTERN_ALPHABET = /^[A-Za-z0-9_.$:/{}*>-]+$/;
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
  let refused = 0;
  /** Text that describes, and can be left out. */
  const describing = (text: string, isGood: boolean): string => {
    if (!isGood) refused++;
    return isGood ? text : "";
  };
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
    const names = [...events, ...actions.map(({ name }) => name)];
    const isNamed = isServicePath(path) && names.every((name) => SERVICE_NAME.test(name)) &&
      (protocol === "" || SERVICE_PROTOCOL.test(protocol));
    if (!isNamed) {
      refused++;
      continue;
    }
    services.push({
      path,
      version: describing(version, version === "" || SERVICE_VERSION.test(version)),
      description: describing(description, isPrintable(description)),
      state,
      actions: actions.map(({ name, idempotent, allow }) => ({ name, idempotent, ...optional(allow) })),
      events,
      elects,
      port,
      protocol,
      ...optional(allow),
    });
  }
  const subscriptions: AdvertisedSubscription[] = [];
  for (const { pattern, group } of message.subscriptions) {
    if (!isShort(pattern) || !isShort(group)) return undefined;
    if (PATTERN_ALPHABET.test(pattern) && isPrintable(group)) subscriptions.push({ pattern, group });
    else refused++;
  }
  const { retains } = message;
  return { run: Number(message.run), services, subscriptions, retains, ...refused > 0 && { refused } };
}

/** Whether a path is one that a service may be offered at, as it is shown: those that begin with `$` are everywhere. */
function isServicePath(text: string): boolean {
  const path = TopicPath.tryParse(text);
  return path !== undefined && !isBuiltIn(path.service) && showPath(path) === text;
}

function optional(allow: string): { readonly allow?: string } {
  return allow === "" ? {} : { allow };
}

function isShort(text: string): boolean {
  return text.length <= MAX_TEXT;
}
