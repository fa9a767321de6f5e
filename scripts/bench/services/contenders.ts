/**
 * The systems that are compared, each with two processes on this machine, over TCP.
 * @module
 */

import { CapturedProcess, expectRun, freePort } from "../../../tests/lab/mod.ts";
import type { Peers } from "./peers.ts";
import { WorkerProcess } from "./worker_process.ts";

const READY_BOUND_MS = 20_000;

/** Two processes that are connected, and the one between them, if any. */
export interface Pair {
  /** Calls and publishes. */
  readonly requester: WorkerProcess;
  /** Answers and subscribes. */
  readonly responder: WorkerProcess;
  /** The process of a server between both. */
  readonly serverPid?: number;
}

/** A system under measurement. */
export interface Contender {
  readonly name: string;
  /** Brings a pair up, which `stack` takes down. */
  open(stack: AsyncDisposableStack): Promise<Pair>;
}

/** @returns weft, as `deno task` runs it. @param folder where its state may be */
export function weft(folder: string): Contender {
  const name = "weft";
  return {
    name,
    async open(stack) {
      const script = new URL("./weft_worker.ts", import.meta.url).pathname;
      const command = [Deno.execPath(), "run", "--quiet", "-A", ...await taskFlags(), script];
      const start = (role: string, third: string) => {
        const state = `${folder}/weft-${role}`;
        return startWorker(stack, `${name} ${role}`, [...command, role, state, third]);
      };
      const { worker: responder, told } = await start("responder", String(freePort()));
      const { worker: requester } = await start("requester", String(told.token));
      return { requester, responder };
    },
  };
}

/** @returns NATS core: two clients of one server. @param server its program; @param tls its certificate, if any */
export function nats(peers: Peers, server: string, tls?: Certificate): Contender {
  const name = tls === undefined ? "NATS" : "NATS with TLS";
  return {
    name,
    async open(stack) {
      const port = String(freePort());
      const options = ["--addr", "127.0.0.1", "--port", port];
      if (tls !== undefined) options.push("--tls", "--tlscert", tls.certificate, "--tlskey", tls.key);
      const process = stack.use(new CapturedProcess([server, ...options], { label: "nats-server" }));
      await process.until(({ stderr }) => stderr.includes("Server is ready"), READY_BOUND_MS, "it is ready");
      const start = async (role: string) => {
        const command = [peers.node, `${peers.folder}/nats_worker.mjs`, role, port];
        if (tls !== undefined) command.push(tls.certificate);
        return (await startWorker(stack, `${name} ${role}`, command)).worker;
      };
      return {
        responder: await start("responder"),
        requester: await start("requester"),
        serverPid: process.pid,
      };
    },
  };
}

/** @returns Moleculer by TCP, from node to node */
export function moleculer(peers: Peers): Contender {
  const name = "Moleculer";
  return {
    name,
    async open(stack) {
      const ports = [String(freePort()), String(freePort())];
      const start = async (role: string) => {
        const command = [peers.node, `${peers.folder}/moleculer_worker.mjs`, role, ...ports];
        return (await startWorker(stack, `${name} ${role}`, command)).worker;
      };
      return { responder: await start("responder"), requester: await start("requester") };
    },
  };
}

/** @returns a worker that is ready, and what it has told @throws Error when it does not become ready */
async function startWorker(stack: AsyncDisposableStack, label: string, command: readonly string[]) {
  if (stack.disposed) throw new Error(`Cannot start ${label}: the run is over`);
  const worker = stack.use(new WorkerProcess(label, command));
  return { worker, told: await worker.ready(READY_BOUND_MS) };
}

/** Files of a certificate that is its own authority, and its key. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a certificate for 127.0.0.1. @param folder where its files go */
export async function makeCertificate(openssl: string, folder: string): Promise<Certificate> {
  const files = { certificate: `${folder}/server.crt`, key: `${folder}/server.key` };
  await expectRun([
    ...[openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", files.key, "-out", files.certificate, "-days", "2"],
    ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
  ]);
  return files;
}

/** @returns the flags for V8 that the tasks of this project pass */
async function taskFlags(): Promise<readonly string[]> {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  const command: string = config.tasks.weft.command;
  return command.split(" ").filter((word) => word.startsWith("--v8-flags="));
}
