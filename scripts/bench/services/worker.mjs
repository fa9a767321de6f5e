// deno-lint-ignore-file explicit-module-boundary-types -- Node.js runs it as it is; the types are in the comments
/**
 * One process of a contender: it does what the lines of its standard input say, one JSON object each, answers each
 * with a line, and ends when there are no more.
 * @module
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { afterMs, callInTurn } from "./load.mjs";

/**
 * What a contender can do.
 * @typedef {object} System
 * @property {(bytes: number) => unknown} payload of that length
 * @property {(payload: unknown) => Promise<unknown>} request has it echoed by the other process
 * @property {(count: number, heard: () => void) => unknown} subscribe so many times, in place of the subscriptions
 *   before
 * @property {(payload: unknown, published: number) => unknown} publish waits as the system would have its publishers
 *   wait; `published` is how many were before
 * @property {() => unknown} [flush] settles when everything is on its way
 * @property {(bytes: number) => Promise<unknown>} [transfer] has that many bytes streamed by the other process
 * @property {() => unknown} close
 */

/** @param {System} system @param {Record<string, unknown>} [ready] what else to tell whoever started it */
export async function work(system, ready = {}) {
  const deliveries = { received: 0, lastAtMs: 0 };
  const heard = () => {
    deliveries.received++;
    deliveries.lastAtMs = nowMs();
  };
  say({ ready: true, ...ready });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(await obey(system, JSON.parse(line), { deliveries, heard }));
    } catch (error) {
      say({ error: String(error?.stack ?? error) });
    }
  }
  await system.close();
  process.exit(0);
}

/** @param {System} system */
async function obey(system, order, { deliveries, heard }) {
  switch (order.op) {
    case "requests": {
      const payload = system.payload(order.bytes);
      return await callInTurn(() => system.request(payload), order.inFlight, afterMs(order.ms));
    }
    case "subscribe":
      await system.subscribe(order.count, heard);
      return {};
    case "forget":
      Object.assign(deliveries, { received: 0, lastAtMs: 0 });
      return {};
    case "deliveries":
      return deliveries;
    case "publish":
      return await publish(system, order);
    case "transfer":
      return await transfer(system, order);
  }
  throw new TypeError(`Cannot do ${order.op}`);
}

async function publish(system, { bytes, ms = 0, count = 0 }) {
  const payload = system.payload(bytes);
  const isOver = afterMs(ms);
  const startedAtMs = nowMs();
  let published = 0;
  while (published < count || !isOver()) {
    const done = system.publish(payload, published++);
    // A turn for each event would have the NATS client write each by itself.
    if (done !== undefined) await done;
  }
  await system.flush?.();
  return { published, startedAtMs };
}

async function transfer(system, { bytes, inFlight, transferBytes }) {
  const payload = system.payload(bytes);
  let isOver = false;
  const startedAtMs = nowMs();
  let transferMs = NaN;
  const transferring = system.transfer(transferBytes).finally(() => {
    transferMs = nowMs() - startedAtMs;
    isOver = true;
  });
  const calls = await callInTurn(() => system.request(payload), inFlight, () => isOver);
  await transferring;
  return { ...calls, transferMs };
}

/** By a clock that all processes of this machine share. */
function nowMs() {
  return performance.timeOrigin + performance.now();
}

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
