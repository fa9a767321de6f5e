/**
 * PCP and NAT-PMP at work: they differ in their codecs, and in that NAT-PMP tells the gateway's address apart.
 *
 * ```
 *   asking ──all answered──▶ mapped ──half of the lifetime──▶ asks again, mapped meanwhile
 *     │                        │ └─ another epoch: asks for all again
 *     └──▶ failed ◀──expired───┘          release ─▶ released
 * ```
 *
 * @module
 */

import { type Millis, millis, randomBytes } from "../base/mod.ts";
import { Endpoint, type IpAddress } from "../net/mod.ts";
import {
  gatewayEndpoint,
  isPublic,
  type MappedPorts,
  type MappedTransport,
  type MappingClient,
  type MappingFailure,
  type MappingRequest,
  type MappingTarget,
  type MappingTransmit,
  MIN_LIFETIME_SECONDS,
} from "./mapping.ts";
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap } from "./nat_pmp.ts";
import { decodePcp, encodePcpMap, GATEWAY_PORT, type GatewayAnswer, isOfNonce, NONCE_BYTES } from "./pcp.ts";

/**
 * DEVIATION: of RFC 6887 §8.1.1 (3 s) and RFC 6886 §3.1 (nine times over 64 s): a gateway is a millisecond away, and who
 * has none that answers is not to wait for the next protocol.
 */
const FIRST_RETRY_MS = 150;
const TRIES = 3;
/** RFC 6887 §11.2.1: unanswered, a renewal is tried again at half of what is left, but not all the time. */
const MIN_RENEW_MS = 2_000;
/** A gateway that restarts again and again is believed so often, and no more. */
const RESTART_EVERY_MS = 5_000;
/** RFC 6887 §8.5: clocks drift by a sixteenth, and answers wait. */
const EPOCH_SLACK_SECONDS = 2;

type What = MappedTransport | "address";

/** One thing that is asked for. */
interface Question {
  readonly what: What;
  readonly nonce: Uint8Array;
  /** How often it has been sent since it was last answered; undefined while nothing is asked. */
  tries: number | undefined;
  /** When to send it, or while nothing is asked, when to ask again; for ever once it was refused. */
  at: number;
  /** What it brought. */
  externalPort: number | undefined;
  expiresAt: number;
}

/** One of both protocols, asking one gateway. */
export class GatewayClient implements MappingClient {
  readonly protocol: "pcp" | "nat-pmp";
  readonly #target: MappingTarget;
  readonly #questions: readonly Question[];
  readonly #transmits: MappingTransmit[] = [];
  #state: MappingClient["state"] = "asking";
  #failure: MappingFailure = "no-answer";
  #address: IpAddress | undefined;
  #privateAddress: IpAddress | undefined;
  #epoch: { readonly seconds: number; readonly at: Millis } | undefined;
  #restartAt = -Infinity;
  #ports: MappedPorts = {};
  #isReleasing = false;

  constructor(now: Millis, protocol: "pcp" | "nat-pmp", target: MappingTarget) {
    this.protocol = protocol;
    this.#target = target;
    const whats: readonly What[] = protocol === "pcp" ? target.transports : ["address", ...target.transports];
    this.#questions = whats.map((what) => ({
      what,
      nonce: target.nonce ?? randomBytes(target.random, NONCE_BYTES),
      tries: 0,
      at: now,
      externalPort: undefined,
      expiresAt: 0,
    }));
  }

  get state(): MappingClient["state"] {
    return this.#state;
  }

  get failure(): MappingFailure {
    return this.#failure;
  }

  get privateAddress(): IpAddress | undefined {
    return this.#privateAddress;
  }

  get ports(): MappedPorts {
    return this.#ports;
  }

  handleDatagram(now: Millis, datagram: Uint8Array, source: Endpoint): void {
    const { drops } = this.#target;
    if (source.port !== GATEWAY_PORT) return drops.count("mapping-foreign");
    const answer = this.protocol === "pcp" ? decodePcp(datagram) : decodeNatPmp(datagram);
    if (answer === undefined) return drops.count("mapping-malformed");
    const question = this.#questionOf(answer);
    if (question === undefined) return drops.count("mapping-unasked");
    if (answer.kind === "refused") this.#refuse(question, answer.isUnsupported ? "unsupported" : "refused");
    else {
      const isNew = this.#isAfterRestart(now, answer.epochSeconds);
      if (answer.kind === "address") this.#takeAddress(now, question, answer.address);
      else this.#takeMapping(now, question, answer);
      if (isNew) this.#askAllAgain(now, question);
    }
    this.#settle(now);
  }

  handleAnswer(): void {
    // It asks nothing by HTTP.
  }

  handleTimeout(now: Millis): void {
    if (this.#state === "failed" || this.#state === "released") return;
    for (const question of this.#questions) {
      if (question.at > now) continue;
      if (question.tries === TRIES) this.#giveUp(now, question);
      else this.#send(now, question);
    }
    this.#settle(now);
  }

  pollTransmit(): MappingTransmit | undefined {
    return this.#transmits.shift();
  }

  pollRequest(): MappingRequest | undefined {
    return undefined;
  }

  pollTimeout(): Millis | undefined {
    if (this.#state === "failed" || this.#state === "released") return undefined;
    const expiries = this.#state === "mapped" ? this.#mapped().map(({ expiresAt }) => expiresAt) : [];
    const at = Math.min(...this.#questions.map((question) => question.at), ...expiries);
    return Number.isFinite(at) ? millis(at) : undefined;
  }

  release(now: Millis): void {
    if (this.#isReleasing || this.#state === "failed" || this.#state === "released") return;
    this.#isReleasing = true;
    for (const question of this.#questions) {
      // What was asked for may have been given without its answer having come.
      const isTaken = question.what !== "address" && Number.isFinite(question.at);
      question.tries = isTaken ? 0 : undefined;
      question.at = isTaken ? now : Infinity;
    }
    this.#settle(now);
  }

  #mapped(): readonly Question[] {
    return this.#questions.filter(({ externalPort }) => externalPort !== undefined);
  }

  /** @returns what an answer is to; an error that names nothing is to whatever was asked */
  #questionOf(answer: GatewayAnswer): Question | undefined {
    return this.#questions.find(({ what, tries, nonce }) => {
      if (tries === undefined || tries === 0) return false;
      if (answer.kind === "address") return what === "address";
      if (answer.kind === "refused" && answer.transport === undefined) return true;
      return answer.transport === what && answer.internalPort === this.#target.port &&
        isOfNonce(answer, nonce);
    });
  }

  #takeAddress(now: Millis, question: Question, address: IpAddress): void {
    question.tries = undefined;
    question.at = now + this.#renewMs(this.#target.lifetimeSeconds);
    if (isPublic(address)) {
      this.#address = address;
      this.#privateAddress = undefined;
    } else this.#refuseAddress(question, address);
  }

  #takeMapping(now: Millis, question: Question, answer: GatewayAnswer & { readonly kind: "mapped" }): void {
    const { externalAddress, externalPort } = answer;
    if (this.#isReleasing) {
      // RFC 6886 §3.4, RFC 6887 §15: the answer to a deletion has a lifetime of 0; another is to what was asked before.
      if (answer.lifetimeSeconds !== 0) return this.#target.drops.count("mapping-unasked");
      question.tries = undefined;
      question.at = Infinity;
      question.externalPort = undefined;
      return;
    }
    const seconds = Math.min(answer.lifetimeSeconds, this.#target.lifetimeSeconds);
    if (externalPort === 0 || seconds < MIN_LIFETIME_SECONDS) {
      this.#target.drops.count("mapping-nonsense");
      return this.#refuse(question, "nonsense");
    }
    if (externalAddress !== undefined) {
      const isSane = externalAddress.family === this.#target.local.family;
      if (!isSane || !isPublic(externalAddress)) {
        if (!isSane) this.#target.drops.count("mapping-nonsense");
        return this.#refuseAddress(question, externalAddress);
      }
      this.#address = externalAddress;
      this.#privateAddress = undefined;
    }
    question.tries = undefined;
    question.at = now + this.#renewMs(seconds);
    question.expiresAt = now + 1000 * seconds;
    question.externalPort = externalPort;
  }

  /** Once and without an answer: a mapping that stays for its lifetime does no harm. */
  #giveBack(question: Question): void {
    if (question.what === "address") return;
    const destination = gatewayEndpoint(this.#target, GATEWAY_PORT);
    this.#transmits.push({ datagram: this.#encode(question, true), destination });
  }

  #refuseAddress(question: Question, address: IpAddress): void {
    this.#privateAddress = address;
    this.#address = undefined;
    this.#refuse(question, "not-public");
  }

  #refuse(question: Question, failure: MappingFailure): void {
    this.#failure = failure;
    question.tries = undefined;
    question.at = Infinity;
    question.externalPort = undefined;
    if (failure !== "unsupported" && failure !== "not-public") return;
    // It is so for all that could be asked.
    for (const other of this.#questions) {
      // Nobody else is to need the port that leads nowhere.
      if (failure === "not-public") this.#giveBack(other);
      other.tries = undefined;
      other.at = Infinity;
      other.externalPort = undefined;
    }
  }

  #giveUp(now: Millis, question: Question): void {
    question.tries = undefined;
    const left = question.externalPort === undefined ? 0 : question.expiresAt - now;
    question.at = left > 0 && !this.#isReleasing ? now + Math.max(MIN_RENEW_MS, left / 2) : Infinity;
    if (left <= 0) this.#failure = "no-answer";
  }

  /** RFC 6887 §8.5, which does for RFC 6886 §3.6, too. @returns whether the gateway has forgotten what it had */
  #isAfterRestart(now: Millis, seconds: number): boolean {
    const last = this.#epoch;
    this.#epoch = { seconds, at: now };
    if (last === undefined) return false;
    const ours = (now - last.at) / 1000;
    const theirs = seconds - last.seconds;
    const isBack = theirs < -1;
    return isBack || ours + EPOCH_SLACK_SECONDS < theirs - theirs / 16 ||
      theirs + EPOCH_SLACK_SECONDS < ours - ours / 16;
  }

  #askAllAgain(now: Millis, answered: Question): void {
    if (this.#isReleasing || now < this.#restartAt) return;
    this.#restartAt = now + RESTART_EVERY_MS;
    for (const question of this.#questions) {
      if (question === answered || question.tries !== undefined || !Number.isFinite(question.at)) continue;
      question.at = now;
    }
  }

  #send(now: Millis, question: Question): void {
    const tries = (question.tries ?? 0) + 1;
    question.tries = tries;
    question.at = now + FIRST_RETRY_MS * 2 ** (tries - 1);
    const destination = gatewayEndpoint(this.#target, GATEWAY_PORT);
    this.#transmits.push({ datagram: this.#encode(question), destination });
  }

  #encode({ what, nonce, externalPort }: Question, isEnd = this.#isReleasing): Uint8Array {
    if (what === "address") return encodeNatPmpAddress();
    const { port, local, lifetimeSeconds } = this.#target;
    const request = {
      transport: what,
      client: local,
      nonce,
      internalPort: port,
      // RFC 6886 §3.4, RFC 6887 §15: who gives a mapping back suggests none.
      externalPort: isEnd ? 0 : externalPort ?? port,
      lifetimeSeconds: isEnd ? 0 : lifetimeSeconds,
    };
    if (this.protocol === "nat-pmp") return encodeNatPmpMap(request);
    const wished = isEnd || this.#address === undefined ? {} : { externalAddress: this.#address };
    return encodePcpMap({ ...request, ...wished });
  }

  #renewMs(lifetimeSeconds: number): number {
    return Math.max(MIN_RENEW_MS, lifetimeSeconds * 500);
  }

  /** Follows from what was answered what all of it comes to. */
  #settle(now: Millis): void {
    for (const question of this.#mapped()) {
      if (question.expiresAt <= now && !this.#isReleasing) question.externalPort = undefined;
    }
    const isAsking = this.#questions.some(({ tries, externalPort }) =>
      tries !== undefined && externalPort === undefined
    );
    const isWaiting = this.#questions.some(({ at }) => Number.isFinite(at));
    if (this.#isReleasing) {
      this.#ports = {};
      if (!isWaiting) this.#state = "released";
      return;
    }
    const address = this.#address;
    const mapped = address === undefined ? [] : this.#mapped();
    this.#ports = Object.fromEntries(
      mapped.map(({ what, externalPort = 0 }) => [what, new Endpoint(address as IpAddress, externalPort)]),
    );
    if (mapped.length > 0 && (!isAsking || this.#state === "mapped")) this.#state = "mapped";
    else if (mapped.length === 0 && (!isAsking || this.#state === "mapped")) this.#fail();
  }

  #fail(): void {
    this.#state = "failed";
    for (const question of this.#questions) question.at = Infinity;
  }
}
