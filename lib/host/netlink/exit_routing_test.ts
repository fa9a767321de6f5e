import assert from "node:assert/strict";
import { Cidr, Endpoint, IpAddress } from "../../net/mod.ts";
import { clearExit, EXIT_TABLE, type ExitPlan, setExit } from "./exit_routing.ts";
import { decodeAttributes, decodeUint32, encodeAttributes } from "./netlink_message.ts";
import type { RoutePayload } from "./netlink_route.ts";

const [NEWROUTE, DELROUTE, NEWRULE, DELRULE] = [24, 25, 32, 33];
const PRIORITY = 6;
const EEXIST = 17;
const ENOENT = 2;

const PLAN: ExitPlan = {
  interfaceName: "weft0",
  families: [4],
  port: 51820,
  dials: [Endpoint.parse("198.51.100.1:51820") ?? assert.fail()],
  uid: 0,
  blocksLan: false,
  overlay: [Cidr.parse("10.200.0.0/16") ?? assert.fail()],
};

Deno.test("setExit() blocks before it leads, and has what carries the mesh pass before all else is caught", () => {
  const kernel = new FakeKernel();
  assert.equal(setExit(kernel.change, 7, PLAN), 0);
  const [first] = kernel.done;
  assert.equal(first?.type, NEWROUTE);
  assert.equal(first?.payload.body[7], 7, "unreachable");
  const rules = kernel.done.filter(({ type, payload }) => type === NEWRULE && payload.body[0] === 2);
  // Own port by UDP and TCP, one dial, four ports of name servers, what the host knows, and the rest.
  assert.deepEqual(rules.map(priorityOf), [22270, 22270, 22271, 22272, 22272, 22272, 22272, 22273, 22274]);
  assert.deepEqual(kernel.tables(), [EXIT_TABLE, EXIT_TABLE], "unreachable, and the interface");
  assert.equal(
    kernel.done.filter(({ type, payload }) => type === NEWROUTE && payload.body[0] === 10).length,
    1,
  );
});

Deno.test("setExit() changes only what another plan has otherwise, and never the last rule", () => {
  const kernel = new FakeKernel();
  setExit(kernel.change, 7, PLAN);
  kernel.done.length = 0;
  const another = [new Endpoint(IpAddress.parse("198.51.100.2") ?? assert.fail(), 51820)];
  assert.equal(setExit(kernel.change, 7, { ...PLAN, dials: another }, PLAN), 0);
  const deleted = kernel.done.filter(({ type }) => type === DELRULE);
  assert.deepEqual(deleted.map(priorityOf), [22271]);
  assert.deepEqual(kernel.done.filter(({ type }) => type === NEWRULE).map(priorityOf), [22271]);
});

Deno.test("setExit() tells the kernel's refusal, but for a family that it has not", () => {
  const refusing = (family: number, errno: number) => (type: number, _: number, { body }: RoutePayload) =>
    type === NEWRULE && body[0] === family ? errno : 0;
  assert.equal(setExit(refusing(2, 22), 7, PLAN), 22);
  assert.equal(setExit(refusing(2, 97), 7, PLAN), 97);
  assert.equal(setExit(refusing(10, 97), 7, PLAN), 0);
});

Deno.test("clearExit() takes back whatever a process that is gone has set", () => {
  const kernel = new FakeKernel();
  setExit(kernel.change, 7, { ...PLAN, blocksLan: true });
  clearExit(kernel.change, PLAN.overlay);
  assert.deepEqual([kernel.there.size], [0]);
  clearExit(kernel.change, PLAN.overlay);
});

interface Change {
  readonly type: number;
  readonly payload: RoutePayload;
}

/** Keeps rules and routes as the kernel does: what is there is there once. */
class FakeKernel {
  readonly there = new Map<string, Change>();
  /** What has changed something. */
  readonly done: Change[] = [];

  readonly change = (type: number, _: number, payload: RoutePayload): number => {
    const key = `${type === NEWRULE || type === DELRULE} ${payload.body.toHex()} ${
      encodeAttributes(payload.attributes).toHex()
    }`;
    if (type === NEWRULE || type === NEWROUTE) {
      if (this.there.has(key)) return EEXIST;
      this.there.set(key, { type, payload });
    } else {
      const found = this.there.has(key) ? key : this.#matching(type, payload);
      if (found === undefined) return ENOENT;
      this.there.delete(found);
    }
    this.done.push({ type, payload });
    return 0;
  };

  tables(): readonly number[] {
    return [...this.there.values()].filter(({ type, payload: { body } }) =>
      type === NEWROUTE && body[0] === 2 && body[1] === 0
    ).map(({ payload }) => attribute(payload, 15));
  }

  /** A request that says less means whatever it says. */
  #matching(type: number, { body, attributes }: RoutePayload): string | undefined {
    const isRule = type === DELRULE;
    const isOpen = isRule ? body[7] === 0 : body[7] === 0 && type === DELROUTE;
    if (!isOpen) return undefined;
    for (const [key, other] of this.there) {
      if ((other.type === NEWRULE) !== isRule || other.payload.body[0] !== body[0]) continue;
      if (!isRule && other.payload.body[1] !== body[1]) continue;
      const has = (wanted: readonly [number, Uint8Array]) =>
        other.payload.attributes.some(([kind, value]) =>
          kind === wanted[0] && value.toHex() === wanted[1].toHex()
        );
      if (attributes.every(has)) return key;
    }
    return undefined;
  }
}

function priorityOf({ payload }: Change): number {
  return attribute(payload, PRIORITY);
}

function attribute({ attributes }: RoutePayload, kind: number): number {
  return decodeUint32(decodeAttributes(encodeAttributes(attributes))?.get(kind)) ?? assert.fail(`no ${kind}`);
}
