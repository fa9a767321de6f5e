/**
 * The systems that are compared, each with two processes on this machine, over TCP.
 * @module
 */

import { HEAP, runOptions } from "../../../lib/cli/own_command.ts";
import { CapturedProcess, expectRun, findProgram, freePort } from "../../../tests/lab/mod.ts";
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

/** Those that can, and what to say of them and of those that cannot. */
interface Found {
  readonly contenders: readonly Contender[];
  readonly notes: readonly string[];
}

/**
 * Installs what they need.
 * @param stack ends what runs
 * @param folder an empty one, for everything that they write
 */
export async function findContenders(stack: AsyncDisposableStack, folder: string): Promise<Found> {
  const own = weft(folder);
  const ownNote = `weft runs as its command does, by ${HEAP}`;
  const peers = await installPeers(stack, folder);
  if (typeof peers === "string") {
    return { contenders: [own], notes: [ownNote, `Left out NATS and Moleculer: ${peers}`] };
  }
  const versions = `Node.js ${peers.nodeVersion}, ${Object.values(PACKAGES).join(", ")}`;
  const { contenders, notes } = await findNats(peers, folder);
  const isOld = Number(/\d+/.exec(peers.nodeVersion)?.[0]) < MOLECULER_NODE_MAJOR;
  return {
    contenders: [own, ...contenders, moleculer(peers)],
    notes: [
      ownNote,
      versions,
      ...notes,
      ...(isOld ? [`Moleculer asks for Node.js ${MOLECULER_NODE_MAJOR}; NODE may name a newer one`] : []),
    ],
  };
}

async function findNats(peers: Peers, folder: string): Promise<Found> {
  const server = Deno.env.get("NATS_SERVER") ?? findProgram("nats-server");
  if (server === undefined) {
    return {
      contenders: [],
      notes: ["Left out NATS: needs nats-server on the PATH or its path in NATS_SERVER"],
    };
  }
  const version = (await expectRun([server, "--version"])).trim().replace(":", "");
  const plain = nats(peers, server);
  const openssl = findProgram("openssl");
  if (openssl === undefined) {
    return { contenders: [plain], notes: [version, "Left out NATS with TLS: needs openssl"] };
  }
  const encrypted = nats(peers, server, await makeCertificate(openssl, folder));
  return { contenders: [plain, encrypted], notes: [version] };
}

/** @returns weft, as its command runs: by `runOptions()`. @param folder where its state may be */
function weft(folder: string): Contender {
  const name = "weft";
  return {
    name,
    async open(stack) {
      const script = new URL("./weft_worker.ts", import.meta.url).pathname;
      const command = [Deno.execPath(), "run", ...runOptions(), script];
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
function nats(peers: Peers, server: string, tls?: Certificate): Contender {
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
function moleculer(peers: Peers): Contender {
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
interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** Makes a certificate for 127.0.0.1. @param folder where its files go */
async function makeCertificate(openssl: string, folder: string): Promise<Certificate> {
  const files = { certificate: `${folder}/server.crt`, key: `${folder}/server.key` };
  await expectRun([
    ...[openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-keyout", files.key, "-out", files.certificate, "-days", "2"],
    ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
  ]);
  return files;
}

/** What Node.js processes run, exactly. */
const PACKAGES = { nats: "@nats-io/transport-node@3.4.0", moleculer: "moleculer@0.15.2" } as const;

/** The oldest Node.js that Moleculer says it runs on; it does run on some that are older. */
const MOLECULER_NODE_MAJOR = 22;

const INSTALL_BOUND_S = 120;
const WORKER_FILES = ["load.mjs", "worker.mjs", "nats_worker.mjs", "moleculer_worker.mjs"];

/** Workers in Node.js, with their packages. */
interface Peers {
  /** The program. */
  readonly node: string;
  readonly nodeVersion: string;
  /** Where they are. */
  readonly folder: string;
}

/**
 * Installs the packages beside copies of the workers: Node.js looks for packages from where a script is.
 * @param stack ends npm when the run ends first
 * @param folder an empty one
 * @returns why that cannot be, in a few words, when it is a text
 */
async function installPeers(stack: AsyncDisposableStack, folder: string): Promise<Peers | string> {
  const [node, npm] = [Deno.env.get("NODE") ?? findProgram("node"), findProgram("npm")];
  if (node === undefined || npm === undefined) return "needs Node.js with npm";
  for (const file of WORKER_FILES) {
    await Deno.copyFile(new URL(`./${file}`, import.meta.url), `${folder}/${file}`);
  }
  const options = ["--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"];
  const command = ["timeout", `${INSTALL_BOUND_S}`, npm, "install", ...options, ...Object.values(PACKAGES)];
  const process = stack.use(new CapturedProcess(command, { label: "npm" }));
  const { code } = await process.finished;
  if (code !== 0) return `npm cannot install their packages\n${process.tail()}`;
  return { node, nodeVersion: (await expectRun([node, "--version"])).trim(), folder };
}
