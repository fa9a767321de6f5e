/**
 * A responder for tests: queries, the answers of other servers and the time are handed to it.
 * @module
 */

import assert from "node:assert/strict";
import { type Counters, type Millis, millis, SeededRandom } from "../../base/mod.ts";
import { Endpoint } from "../../net/mod.ts";
import { Authority } from "../authority.ts";
import { type DnsCounter, dnsCounters } from "../dns_counter.ts";
import type { ForwardLimits, ForwardRoute } from "../forward_options.ts";
import { Forwarder, type UpstreamQuery } from "../forwarder.ts";
import { addressRecord } from "../network_names.ts";
import type { DomainName } from "../domain_name.ts";
import { type DnsMessage, type Edns, FLAG, messageOf, type ResourceRecord } from "../message.ts";
import { decodeMessage } from "../message_decoder.ts";
import { encodeMessage } from "../message_encoder.ts";
import { parseType } from "../record_type.ts";
import { type Asker, type DnsTransport, type QueryOutcome, Responder } from "../responder.ts";
import { SearchGuard } from "../search_guard.ts";
import { ipOf, nameOf } from "./samples.ts";
import { RECORD_RANK } from "../zone.ts";

export const zone: DomainName = nameOf("weft.internal");
export const first: Endpoint = endpoint("192.0.2.53:53");
export const second: Endpoint = endpoint("192.0.2.54:53");
export const corporate: Endpoint = endpoint("198.51.100.53:53");

export function endpoint(text: string): Endpoint {
  const read = Endpoint.parse(text);
  assert(read !== undefined);
  return read;
}

/** What a harness has beside routes and limits. */
export interface HarnessOptions {
  readonly probes?: boolean;
  /** The domains that a search list has beside the zone; without them nothing is kept from others. */
  readonly searched?: readonly string[];
}

/** A responder with one name, `web-1`, and whatever routes. */
export class ResponderHarness {
  readonly counters: Counters<DnsCounter> = dnsCounters();
  readonly authority: Authority = new Authority({ origins: [zone], server: zone, serial: 1 });
  readonly forwarder: Forwarder<Asker<string>>;
  readonly responder: Responder<string>;
  now: Millis = millis(0);

  constructor(
    routes: readonly ForwardRoute[] = [],
    limits: Partial<ForwardLimits> = {},
    { probes = false, searched }: HarnessOptions = {},
  ) {
    const { counters, authority } = this;
    this.forwarder = new Forwarder({ routes, limits, probes, counters, random: new SeededRandom(7) });
    const guard = searched && new SearchGuard(authority, searched.map(nameOf));
    this.responder = new Responder({ authority, forwarder: this.forwarder, counters, guard });
    const web = addressRecord(nameOf("web-1.weft.internal"), ipOf("10.200.1.100"), 300);
    this.authority.setGroup("web", RECORD_RANK.member, [web]);
  }

  ask(name: string, options: Ask = {}): QueryOutcome {
    const { transport = "udp", to = name } = options;
    return this.responder.handleQuery(this.now, query(name, options), transport, to);
  }

  /** @returns the response, which must be there at once */
  answer(name: string, options: Ask = {}): DnsMessage {
    const outcome = this.ask(name, options);
    assert.equal(outcome.kind, "response");
    return decoded(outcome.kind === "response" ? outcome.bytes : new Uint8Array());
  }

  /** @returns what is sent to servers, and lets each answer with `respond` */
  serve(
    respond?: (query: DnsMessage, server: Endpoint, transport: string) => Partial<DnsMessage> | undefined,
  ): string[] {
    const sent: string[] = [];
    for (let out = this.forwarder.pollTransmit(); out !== undefined; out = this.forwarder.pollTransmit()) {
      const asked = decoded(out.bytes);
      sent.push(`${asked.questions[0]?.name} ${out.server} ${out.transport}`);
      const response = respond?.(asked, out.server, out.transport);
      if (response !== undefined) this.respond(out, response);
    }
    return sent;
  }

  /** Lets a server answer a message, perhaps late. */
  respond({ attempt, bytes: asked }: UpstreamQuery, response: Partial<DnsMessage>): void {
    const message = { ...decoded(asked), flags: FLAG.QR | FLAG.RA, edns: undefined, ...response };
    this.forwarder.handleResponse(this.now, attempt, encodeMessage(message));
  }

  replies(): { to: string; message: DnsMessage }[] {
    const replies = [];
    for (
      let reply = this.responder.pollReply(this.now);
      reply !== undefined;
      reply = this.responder.pollReply(this.now)
    ) {
      replies.push({ to: reply.to, message: decoded(reply.bytes) });
    }
    return replies;
  }

  advance(byMs: number): void {
    this.now = millis(this.now + byMs);
    this.forwarder.handleTimeout(this.now);
  }
}

export interface Ask {
  readonly type?: string;
  readonly class?: number;
  readonly flags?: number;
  readonly opcode?: number;
  readonly edns?: DnsMessage["edns"];
  readonly transport?: DnsTransport;
  readonly to?: string;
}

export function query(name: string, options: Ask = {}): Uint8Array {
  const type = parseType(options.type ?? "A") ?? 0;
  const { flags = FLAG.RD, opcode = 0, edns } = options;
  const question = { name: nameOf(name), type, class: options.class ?? 1 };
  return encodeMessage(messageOf(question, { id: 0x1234, flags, opcode, edns }));
}

export function decoded(bytes: Uint8Array): DnsMessage {
  const message = decodeMessage(bytes);
  assert(typeof message === "object", String(message));
  return message;
}

export const edns = (payloadBytes: number, version = 0): Edns => ({
  version,
  payloadBytes,
  wantsDnssec: false,
});
export const address = (name: string, ttlSeconds = 60): ResourceRecord =>
  addressRecord(nameOf(name), ipOf("203.0.113.7"), ttlSeconds);
export const everything: ForwardRoute[] = [{ suffix: nameOf("."), servers: [first, second] }];
