/**
 * A name server without sockets: a query comes in, a response goes out, now or when somebody else has answered.
 * @module
 */

import type { Counters, Millis } from "../base/mod.ts";
import type { CacheKey } from "./answer_cache.ts";
import type { Answer, Authority } from "./authority.ts";
import type { DnsCounter } from "./dns_counter.ts";
import { EDNS_PAYLOAD_BYTES, type Forwarder, type ForwardQuery } from "./forwarder.ts";
import {
  type DnsMessage,
  type Edns,
  FLAG,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  MIN_PAYLOAD_BYTES,
  type Question,
} from "./message.ts";
import { decodeMessage } from "./message_decoder.ts";
import { encodeMessage } from "./message_encoder.ts";
import { CLASS_IN, OPCODE_QUERY, RECORD_TYPE, RESPONSE_CODE, responseCodeText } from "./record_type.ts";
import type { SearchGuard } from "./search_guard.ts";
import type { HidesGroup } from "./zone.ts";

/** How a query came. */
export type DnsTransport = "udp" | "tcp";

/** A response that is there at once. */
export interface QueryResponse {
  readonly kind: "response";
  readonly bytes: Uint8Array;
  /** The same query gets the same response until the authority's serial changes. */
  readonly isLasting: boolean;
}

/** What becomes of a query. */
export type QueryOutcome =
  | QueryResponse
  /** `pollReply` gives the response later. */
  | { readonly kind: "pending" }
  /** Nobody is answered. */
  | { readonly kind: "dropped" };

/** What is remembered of a query while others are asked. */
export interface Asker<To> {
  readonly to: To;
  readonly query: DnsMessage;
  readonly transport: DnsTransport;
  /** What is kept from it. */
  readonly hides?: HidesGroup | undefined;
  /** Asked for when the name above it that others are asked for exists. */
  readonly below?: Question | undefined;
}

/** Who answers for the zone, and who asks other servers for the rest. */
export interface ResponderParts<To> {
  readonly authority: Authority;
  readonly forwarder: Forwarder<Asker<To>>;
  readonly counters: Counters<DnsCounter>;
  /** What is kept from other servers; nothing unless given. */
  readonly guard?: SearchGuard | undefined;
}

/** Types that are only asked for and never kept (RFC 6895 §3.1): 128 and 249 to 255, but ANY. */
function isMetaType(type: number): boolean {
  return type === 128 || (type >= 249 && type < RECORD_TYPE.ANY);
}

/** Answers from the zones, else from other servers if that is on, else refuses. */
export class Responder<To> {
  readonly #parts: ResponderParts<To>;

  constructor(parts: ResponderParts<To>) {
    this.#parts = parts;
  }

  /**
   * @param to whom a later response is for
   * @param hides what is kept from whoever asks: then the response is nobody else's
   */
  handleQuery(
    now: Millis,
    bytes: Uint8Array,
    transport: DnsTransport,
    to: To,
    hides?: HidesGroup,
  ): QueryOutcome {
    if (bytes.length < HEADER_BYTES) return this.#drop("dropped-short");
    const flags = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
    // Two servers that answer each other's responses would never end.
    if ((flags & FLAG.QR) !== 0) return this.#drop("dropped-response");
    if (((flags >> 11) & 0xf) !== OPCODE_QUERY) return this.#headerOnly(bytes, RESPONSE_CODE.NOTIMP);
    const query = decodeMessage(bytes);
    if (typeof query === "string") {
      this.#parts.counters.count(`malformed-${query}`);
      return this.#headerOnly(bytes, RESPONSE_CODE.FORMERR);
    }
    const [question] = query.questions;
    if (question === undefined) return this.#headerOnly(bytes, RESPONSE_CODE.FORMERR);
    return this.#answer(now, question, { to, query, transport, hides });
  }

  /** @returns the next response that others had to be asked for, or undefined */
  pollReply(now: Millis): { readonly to: To; readonly bytes: Uint8Array } | undefined {
    for (;;) {
      const reply = this.#parts.forwarder.pollReply();
      if (reply === undefined) return undefined;
      const { message, query: { to: asker } } = reply;
      const outcome = asker.below === undefined ? undefined : this.#goBelow(now, asker.below, asker, message);
      if (outcome === "pending") continue;
      if (message.responseCode === RESPONSE_CODE.SERVFAIL && asker.below === undefined) {
        return { to: asker.to, bytes: this.#failForwarded(reply.query.question, asker).bytes };
      }
      return { to: asker.to, bytes: outcome ?? this.#encodeForwarded(asker, message) };
    }
  }

  /** @returns the response to a question below a name that others were asked for, unless it comes later */
  #goBelow(
    now: Millis,
    question: Question,
    { to, query, transport }: Asker<To>,
    above: DnsMessage,
  ): Uint8Array | "pending" {
    const asker = { to, query, transport };
    if (above.responseCode === RESPONSE_CODE.SERVFAIL) return this.#failForwarded(question, asker).bytes;
    // RFC 8020 §2: nothing is below a name that does not exist.
    if (above.responseCode !== RESPONSE_CODE.NOERROR) {
      return this.#encodeForwarded(asker, { ...above, answers: [] });
    }
    const outcome = this.#forward(now, question, asker);
    return outcome.kind === "response" ? outcome.bytes : "pending";
  }

  #answer(now: Millis, question: Question, asker: Asker<To>): QueryOutcome {
    const { authority, forwarder } = this.#parts;
    const { query } = asker;
    if ((query.edns?.version ?? 0) > 0) return this.#fail(asker, RESPONSE_CODE.BADVERS);
    if (question.type === RECORD_TYPE.OPT) return this.#fail(asker, RESPONSE_CODE.FORMERR);
    const { AXFR, IXFR } = RECORD_TYPE;
    const isTransfer = question.type === AXFR || question.type === IXFR;
    if (question.class !== CLASS_IN || isTransfer) return this.#fail(asker, RESPONSE_CODE.REFUSED);
    if (isMetaType(question.type)) return this.#fail(asker, RESPONSE_CODE.NOTIMP);
    const answer = authority.answer(question, asker.hides);
    if (answer !== undefined) {
      return { kind: "response", bytes: this.#encode(asker, answer), isLasting: asker.hides === undefined };
    }
    const route = forwarder.routeFor(question.name);
    if (route === undefined || route.servers.length === 0) return this.#fail(asker, RESPONSE_CODE.REFUSED);
    // Whoever names a suffix means the names below it.
    const verdict = route.suffix.labelCount === 0 ? this.#parts.guard?.judge(question.name) : undefined;
    if (verdict?.kind === "no-name") {
      return { ...this.#fail(asker, RESPONSE_CODE.NXDOMAIN), isLasting: true };
    }
    if (verdict?.kind !== "below") return this.#forward(now, question, asker);
    // RFC 9156 §2.1: what is asked there need not know what is wanted below.
    const above = { ...question, name: verdict.top, type: RECORD_TYPE.A };
    const cached = forwarder.cached(now, keyOf(above, asker));
    if (cached === undefined) return this.#forward(now, above, { ...asker, below: question });
    const bytes = this.#goBelow(now, question, asker, cached);
    return bytes === "pending" ? { kind: "pending" } : { kind: "response", bytes, isLasting: false };
  }

  #forward(now: Millis, question: Question, asker: Asker<To>): QueryResponse | { readonly kind: "pending" } {
    const { forwarder } = this.#parts;
    const forwarded: ForwardQuery<Asker<To>> = { ...keyOf(question, asker), to: asker };
    const cached = forwarder.cached(now, forwarded);
    if (cached?.responseCode === RESPONSE_CODE.SERVFAIL) return this.#failForwarded(question, asker);
    if (cached !== undefined) {
      return { kind: "response", bytes: this.#encodeForwarded(asker, cached), isLasting: false };
    }
    // RFC 1035 §4.1.1: nobody else is asked for somebody who does not want it.
    if ((asker.query.flags & FLAG.RD) === 0) return this.#fail(asker, RESPONSE_CODE.REFUSED);
    return forwarder.ask(now, forwarded) ? { kind: "pending" } : this.#failForwarded(question, asker);
  }

  /**
   * Nobody answers. Programs that ask for the IPv6 address of a short name first (getent(1)) go on in the search list
   * when the zone has none, and from a failure to servers that do not answer either; told that there is none, they come
   * back to the zone for the other address.
   */
  #failForwarded({ name, type }: Question, asker: Asker<To>): QueryResponse {
    const isShadow = type === RECORD_TYPE.AAAA && (this.#parts.guard?.shadows(name) ?? false);
    return this.#fail(asker, isShadow ? RESPONSE_CODE.NOERROR : RESPONSE_CODE.SERVFAIL);
  }

  #encodeForwarded(asker: Asker<To>, message: DnsMessage): Uint8Array {
    const { query } = asker;
    // RFC 6840 §5.8: only who shows that it knows the bit gets it.
    const knowsAd = (query.flags & FLAG.AD) !== 0 || query.edns?.wantsDnssec === true;
    return this.#encode(asker, { ...message, flags: knowsAd ? message.flags & FLAG.AD : 0 });
  }

  #encode({ query, transport }: Asker<To>, answer: Answer): Uint8Array {
    const { counters, forwarder } = this.#parts;
    const { answers, authority, additional, responseCode } = answer;
    const bytes = encodeMessage({
      id: query.id,
      flags: FLAG.QR | answer.flags | (query.flags & (FLAG.RD | FLAG.CD)) | (forwarder.isOn ? FLAG.RA : 0),
      opcode: OPCODE_QUERY,
      responseCode,
      questions: query.questions,
      answers,
      authority,
      additional,
      edns: query.edns && ownEdns(query.edns),
    }, transport === "tcp" ? MAX_MESSAGE_BYTES : payloadBytes(query.edns));
    counters.count(counterOf(responseCode));
    if (((bytes[2] ?? 0) & (FLAG.TC >> 8)) !== 0) counters.count("truncated");
    return bytes;
  }

  #fail(asker: Asker<To>, responseCode: number): QueryResponse {
    const bytes = this.#encode(asker, { responseCode, flags: 0, answers: [], authority: [], additional: [] });
    return { kind: "response", bytes, isLasting: false };
  }

  /** RFC 8906 §3: of what can't be read, the id and the operation are repeated. */
  #headerOnly(bytes: Uint8Array, responseCode: number): QueryOutcome {
    const response = new Uint8Array(HEADER_BYTES);
    response.set(bytes.subarray(0, 3));
    response[2] = ((bytes[2] ?? 0) & 0x79) | 0x80;
    response[3] = responseCode;
    this.#parts.counters.count(counterOf(responseCode));
    return { kind: "response", bytes: response, isLasting: false };
  }

  #drop(reason: "dropped-short" | "dropped-response"): QueryOutcome {
    this.#parts.counters.count(reason);
    return { kind: "dropped" };
  }
}

function keyOf(question: Question, { query }: Asker<unknown>): CacheKey {
  return {
    question,
    wantsDnssec: query.edns?.wantsDnssec ?? false,
    isUnchecked: (query.flags & FLAG.CD) !== 0,
  };
}

/** RFC 6891 §6.2.3: less than 512 counts as 512; more than fits every path is not sent. */
function payloadBytes(edns: Edns | undefined): number {
  return edns === undefined
    ? MIN_PAYLOAD_BYTES
    : Math.min(EDNS_PAYLOAD_BYTES, Math.max(MIN_PAYLOAD_BYTES, edns.payloadBytes));
}

/** RFC 3225 §3: the DO bit is copied. */
function ownEdns({ wantsDnssec }: Edns): Edns {
  return { version: 0, payloadBytes: EDNS_PAYLOAD_BYTES, wantsDnssec };
}

function counterOf(responseCode: number): DnsCounter {
  const name = responseCodeText(responseCode).toLowerCase();
  const known = ["noerror", "nxdomain", "formerr", "notimp", "refused", "badvers"] as const;
  return known.find((each) => each === name) ?? "servfail";
}
