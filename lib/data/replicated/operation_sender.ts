/**
 * Appends operations to a log, those of one time together, and waits for what comes of them.
 * @module
 */

import { encodeHex, randomBytes, type RandomSource, type Timers } from "../../base/mod.ts";
import { DataError } from "../errors.ts";
import type { CommitLog } from "./commit_log.ts";
import type { OperationOutcome } from "./log_copy.ts";
import {
  type EncodedOperation,
  encodeRecord,
  GROUP_BYTES,
  isGrouped,
  type LogOperation,
  MAX_GROUP_OPERATIONS,
} from "./log_record.ts";

/** How long a log that does not answer is waited for, in milliseconds. */
export const AWAY_MS = 5_000;
/** How long what was appended is waited for, in milliseconds. */
const OUTCOME_MS = 10_000;
/** So many records are under way at once. */
const MAX_UNDER_WAY = 4;
/** How many characters of JSON wait; more is refused. */
const MAX_WAITING_LENGTH: number = 64 << 20;

interface Waiting extends EncodedOperation {
  readonly id: string | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  cancel: () => void;
}

/** What a sender stands on. */
export interface SenderParts {
  readonly log: CommitLog;
  readonly random: RandomSource;
  readonly timers: Timers;
  /** Calls back when what has arrived meanwhile has been handled. */
  readonly afterTurn: (fire: () => void) => void;
}

/** Sends operations; `settle` is told what came of them. */
export class OperationSender {
  readonly #parts: SenderParts;
  #waiting: Waiting[] = [];
  #waitingLength = 0;
  readonly #underWay = new Map<string, readonly Waiting[]>();
  /** Ids of commits that wait or are under way. */
  readonly #ids = new Map<string, number>();
  #appending = 0;
  #isOpen = false;
  #isDue = false;
  /** How much the last record held. */
  #lastCount = 0;
  #closed: DataError | undefined;

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** Whether a commit of that id has not come to its end. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** @returns what comes of an operation @throws DataError */
  send(operation: LogOperation): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const json = JSON.stringify(operation);
    if (this.#waitingLength + json.length > MAX_WAITING_LENGTH) {
      return Promise.reject(
        new DataError("OwnerAway", "Too many writes wait for the log of the collections"),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const { kind } = operation;
    const id = kind === "commit" || kind === "finish" ? operation.commit.id : undefined;
    const waiting: Waiting = {
      ...{ kind, id, json, resolve, reject },
      cancel: this.#parts.timers.setTimer(AWAY_MS, () => this.#giveUp(waiting)),
    };
    if (id !== undefined) this.#ids.set(id, (this.#ids.get(id) ?? 0) + 1);
    this.#waiting.push(waiting);
    this.#waitingLength += json.length;
    this.#flushSoon();
    return promise;
  }

  /** The log can be reached, or not. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    this.#flushSoon();
  }

  /** A record was done. @returns whether it is one that was sent from here */
  settle(group: string, outcomes: readonly OperationOutcome[]): boolean {
    const sent = this.#underWay.get(group);
    if (sent === undefined) return false;
    this.#underWay.delete(group);
    sent.forEach((one, i) => {
      const outcome = outcomes[i];
      this.#end(one);
      if (outcome?.status === "fulfilled") one.resolve(outcome.value);
      else one.reject(outcome?.reason);
    });
    return true;
  }

  /** Fails what waits, and whatever comes. */
  close(error: DataError): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    for (const one of this.#waiting.splice(0)) this.#fail(one, error);
    for (const group of [...this.#underWay.keys()]) {
      this.#failGroup(
        group,
        new DataError("OutcomeUnknown", "The node stopped before the write was answered"),
      );
    }
  }

  #flushSoon(): void {
    if (this.#isDue || !this.#isOpen || this.#waiting.length === 0) return;
    this.#isDue = true;
    this.#soon(() => {
      this.#isDue = false;
      while (this.#isOpen && this.#appending < MAX_UNDER_WAY && this.#waiting.length > 0) {
        void this.#append(this.#nextGroup());
      }
    });
  }

  /**
   * Who writes one after the other waits for nobody. What is taken from a queue follows upon what is pushed, in the same
   * record, so that only commits need not wait for the turn to end.
   */
  #soon(fire: () => void): void {
    const isAlone = this.#appending === 0 && this.#lastCount === 1;
    if (isAlone && this.#waiting.every(({ kind }) => kind === "commit")) queueMicrotask(fire);
    else this.#parts.afterTurn(fire);
  }

  #nextGroup(): Waiting[] {
    let length = 0;
    let count = 0;
    for (const { kind, json } of this.#waiting) {
      if (count > 0 && (!isGrouped(kind) || count === MAX_GROUP_OPERATIONS)) break;
      if (count > 0 && length + json.length > this.#parts.log.maxMessageBytes / 2) break;
      count++;
      length += json.length;
      if (!isGrouped(kind)) break;
    }
    this.#waitingLength -= length;
    this.#lastCount = count;
    return this.#waiting.splice(0, count);
  }

  async #append(sent: readonly Waiting[]): Promise<void> {
    const { log, random, timers } = this.#parts;
    const group = randomBytes(random, GROUP_BYTES);
    const name = encodeHex(group);
    this.#underWay.set(name, sent);
    this.#appending++;
    for (const one of sent) {
      one.cancel();
      one.cancel = () => {};
    }
    const cancel = timers.setTimer(OUTCOME_MS, () => this.#failGroup(name, unknown()));
    if (sent[0] !== undefined) sent[0].cancel = cancel;
    try {
      const messages = encodeRecord(group, sent, log.maxMessageBytes);
      for (const [i, bytes] of messages.entries()) await log.append(`${name}-${i}`, bytes);
    } catch (error) {
      this.#failGroup(name, error);
    } finally {
      this.#appending--;
      this.#flushSoon();
    }
  }

  #giveUp(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.#waitingLength -= waiting.json.length;
    this.#fail(waiting, away());
  }

  #failGroup(group: string, error: unknown): void {
    const sent = this.#underWay.get(group) ?? [];
    this.#underWay.delete(group);
    for (const one of sent) this.#fail(one, error);
  }

  #fail(one: Waiting, error: unknown): void {
    this.#end(one);
    one.reject(error);
  }

  #end({ id, cancel }: Waiting): void {
    cancel();
    if (id === undefined) return;
    const left = (this.#ids.get(id) ?? 1) - 1;
    if (left === 0) this.#ids.delete(id);
    else this.#ids.set(id, left);
  }
}

/** @returns that the log can't be reached */
export function away(): DataError {
  return new DataError("OwnerAway", "The servers that keep the log of the collections do not answer", {
    hint: "`weft data status` on the owner says why.",
  });
}

function unknown(): DataError {
  return new DataError("OutcomeUnknown", "The log of the collections did not answer in time");
}
