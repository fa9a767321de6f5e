import assert from "node:assert/strict";
import { WeftError } from "../../base/mod.ts";
import type { AttachedPort } from "../ports.ts";
import { SamplePorts } from "../testing/sample_ports.ts";
import { main } from "../weft.ts";

class Refused extends WeftError {
  readonly code = "DialRefused";
  readonly refusal = "no-such-name";
}

/** A program that reaches nobody, and what it was asked for. */
class Attached implements AttachedPort {
  readonly dialled: string[] = [];
  isStopped = false;

  dial(host: string, port: number): Promise<never> {
    this.dialled.push(`${host}:${port}`);
    return Promise.reject(new Refused("Cannot reach it"));
  }

  request(): Promise<never> {
    return Promise.reject(new Refused("Cannot call it"));
  }

  members(): Promise<never> {
    return Promise.reject(new Refused("Cannot call it"));
  }

  stop(): Promise<void> {
    this.isStopped = true;
    return Promise.resolve();
  }
}

async function until(holds: () => boolean): Promise<void> {
  const bound = AbortSignal.timeout(5_000);
  while (!holds()) {
    bound.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function start(...args: readonly string[]) {
  const ports = new SamplePorts();
  const attached = ports.attached = new Attached();
  return { ports, attached, done: main([...args, "--state", "/state"], ports) };
}

Deno.test("weft forward leads to what the agent dials, and tells what was refused", async () => {
  const { ports, attached, done } = start("forward", "0:web:80", "--json");
  await until(() => ports.stdout !== "");
  const { from, to } = JSON.parse(ports.stdout);
  assert.equal(to, "web:80");
  const connection = await Deno.connect({ port: Number(from.split(":")[1]) });
  await connection.read(new Uint8Array(1)).catch(() => {});
  connection.close();
  await until(() => ports.stderr !== "");
  assert.equal(
    ports.stderr,
    "weft: Cannot reach web:80: nobody in the network goes by that name\nhint: `weft peers` lists all names.\n",
  );
  assert.deepEqual(attached.dialled, ["web:80"]);
  ports.stopSignal();
  assert.equal(await done, 0);
  assert(attached.isStopped);
  assert(ports.diary.includes("attach /state"));
});

Deno.test("weft proxy says where it listens, and warns of others", async () => {
  const { ports, attached, done } = start("proxy", "--socks5", "0.0.0.0:0");
  await until(() => ports.stdout !== "");
  assert.match(ports.stdout, /^SOCKS5 on 0\.0\.0\.0:\d+ leads into the network\n$/);
  assert.match(ports.stderr, /^weft: Whoever reaches 0\.0\.0\.0 of this machine can use it\n$/);
  ports.stopSignal();
  assert.equal(await done, 0);
  assert(attached.isStopped);
});

Deno.test("weft forward takes all back when one of its ports is taken", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { ports, attached, done } = start("forward", "0:web:80", `${taken.addr.port}:web:80`);
  assert.equal(await done, 1);
  assert.match(ports.stderr, new RegExp(`^weft: .*${taken.addr.port}.*\nhint: `));
  assert.equal(ports.stdout, "");
  assert(attached.isStopped);
});
