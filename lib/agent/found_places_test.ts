import assert from "node:assert/strict";
import { VirtualClock, VirtualTimers } from "../base/mod.ts";
import type { NodeId } from "../mesh/mod.ts";
import { Endpoint } from "../net/mod.ts";
import { FoundPlaces } from "./found_places.ts";
import type { KnockOutcome } from "./link_keeper.ts";

const [ANNA, BERT] = ["a", "b"].map((digit) => digit.repeat(32)) as [NodeId, NodeId];

function placeOf(number: number): Endpoint {
  return Endpoint.parse(`192.0.2.${number}:51820`) ?? assert.fail();
}

/** Whoever is missing, and what each place answers. */
class Doors {
  readonly knocks: string[] = [];
  readonly members: string[] = [];
  readonly places: FoundPlaces;
  missing: readonly NodeId[] = [ANNA, BERT];
  knocking = 0;
  mostKnocking = 0;
  readonly #timers = new VirtualTimers(new VirtualClock());

  constructor(open: (nodeId: NodeId, place: string) => KnockOutcome) {
    this.places = new FoundPlaces({
      timers: this.#timers,
      missing: () => this.missing,
      knock: async (nodeId, place) => {
        this.knocks.push(`${nodeId[0]} ${place}`);
        this.mostKnocking = Math.max(this.mostKnocking, ++this.knocking);
        await Promise.resolve();
        this.knocking--;
        return open(nodeId, place.toString());
      },
      onMember: (nodeId, place) => this.members.push(`${nodeId[0]} ${place}`),
    });
  }

  async pass(forMs: number): Promise<void> {
    for (let atMs = 0; atMs < forMs; atMs += 100) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      this.#timers.advance(100);
    }
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.size;
  }
}

Deno.test("FoundPlaces knocks for each missing member until the right one opens, and remembers where", async () => {
  const doors = new Doors((nodeId) => nodeId === BERT ? "linked" : "refused");
  doors.places.add(placeOf(1));
  await doors.pass(2_000);
  assert.deepEqual(doors.knocks, ["a 192.0.2.1:51820", "b 192.0.2.1:51820"]);
  assert.deepEqual(doors.members, ["b 192.0.2.1:51820"]);
  assert.deepEqual(doors.places.endpointsOf(BERT).map(String), ["192.0.2.1:51820"]);
  assert.deepEqual(doors.places.endpointsOf(ANNA), []);
});

Deno.test("FoundPlaces leaves a place where nobody listens at once, and knocks nowhere when nobody is missing", async () => {
  const doors = new Doors(() => "nobody");
  doors.places.add(placeOf(1));
  await doors.pass(2_000);
  assert.deepEqual(doors.knocks, ["a 192.0.2.1:51820"]);
  doors.missing = [];
  doors.places.add(placeOf(2));
  await doors.pass(2_000);
  assert.equal(doors.knocks.length, 1);
});

Deno.test("FoundPlaces knocks at a bounded pace at a bounded number of places", async () => {
  const doors = new Doors(() => "refused");
  for (let number = 1; number <= 200; number++) doors.places.add(placeOf(number));
  await doors.pass(1_000);
  assert(doors.knocks.length <= 3 * 4, `${doors.knocks.length} knocks in a second`);
  assert.equal(doors.mostKnocking, 4);
  await doors.pass(60_000);
  assert.equal(new Set(doors.knocks).size, doors.knocks.length);
  assert.equal(doors.knocks.length, 2 * (32 + 4), "those that wait, and those that are being tried");
});

Deno.test("FoundPlaces asks one place for at most 16 members", async () => {
  const doors = new Doors(() => "refused");
  doors.missing = Array.from({ length: 40 }, (_, i) => i.toString(16).padStart(32, "0") as NodeId);
  doors.places.add(placeOf(1));
  await doors.pass(60_000);
  assert.equal(doors.knocks.length, 16);
});

Deno.test("FoundPlaces knocks no more once it is closed, and leaves no timer", async () => {
  const doors = new Doors(() => "refused");
  for (let number = 1; number <= 8; number++) doors.places.add(placeOf(number));
  await doors.pass(200);
  const before = doors.knocks.length;
  doors.places.close();
  doors.places.add(placeOf(9));
  await doors.pass(5_000);
  assert.equal(doors.knocks.length, before);
  assert.equal(doors.waiting, 0);
});
