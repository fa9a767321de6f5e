/**
 * What is done to transactions over several places, as it stands in a log.
 * @module
 */

import type { Commit } from "../engine.ts";
import type { Attempt, OpenRecordRequest, Outcome, PrepareRequest, TransactionStore } from "../prepared.ts";
import type { JsonValue } from "../../query/mod.ts";
import { isAttempt, readPlace, readPlaces } from "../transaction_body.ts";

/** One step of a transaction at a place; each is a method of `TransactionStore`. */
export type TransactionStep =
  & { readonly place: string }
  & (
    | { readonly kind: "prepare"; readonly request: PrepareRequest }
    | { readonly kind: "finish"; readonly of: Attempt; readonly outcome: Outcome; readonly origin?: string }
    | { readonly kind: "openRecord"; readonly request: OpenRecordRequest }
    | { readonly kind: "decide"; readonly of: Attempt; readonly origin: string; readonly result?: JsonValue }
    | { readonly kind: "outcome"; readonly of: Attempt }
    | { readonly kind: "settle"; readonly of: Attempt; readonly origin?: string }
  );

/** Whether a value is a step, as far as doing it needs; what it says is checked when it is done. */
export function isTransactionStep(step: TransactionStep, isCommit: (commit: Commit) => boolean): boolean {
  if (!isObject(step) || !isText(step.place)) return false;
  switch (step.kind) {
    case "prepare": {
      const { request } = step;
      return isObject(request) && isOf(request) && isText(request.origin) && isCommit(request.commit) &&
        request.commit.reads.every(({ key }) => isText(key) || typeof key === "number") &&
        readPlace(request.record) !== undefined;
    }
    case "openRecord": {
      const { request } = step;
      return isObject(request) && isOf(request) && isText(request.origin) &&
        readPlaces(request.places) !== undefined;
    }
    case "decide":
      return isOf(step.of) && isText(step.origin);
    case "finish":
      return isOf(step.of) && isOrigin(step.origin) &&
        (step.outcome === "committed" || step.outcome === "rolled-back");
    case "settle":
      return isOf(step.of) && isOrigin(step.origin);
    case "outcome":
      return isOf(step.of);
    default:
      return false;
  }
}

/** Does one in a copy. */
export function doTransactionStep(store: TransactionStore, step: TransactionStep): Promise<unknown> {
  const { place } = step;
  switch (step.kind) {
    case "prepare":
      return store.prepare(place, step.request);
    case "finish":
      return store.finish(place, step.of, step.outcome, step.origin);
    case "openRecord":
      return store.openRecord(place, step.request);
    case "decide":
      return store.decide(place, step.of, step.origin, step.result);
    case "outcome":
      return store.outcome(place, step.of);
    case "settle":
      return store.settle(place, step.of, step.origin);
  }
}

function isOf(of: Attempt): boolean {
  return isObject(of) && isText(of.id) && isAttempt(of.attempt);
}

function isOrigin(origin: unknown): boolean {
  return origin === undefined || isText(origin);
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
